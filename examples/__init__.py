"""Example requests, example providers, and the fake external systems behind them."""
