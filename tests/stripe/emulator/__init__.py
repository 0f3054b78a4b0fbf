"""A stateful emulator of Stripe's API, written from its documentation and independent of any adapter.

`tests/stripe/README.md` says what it emulates and what it only assumes. It is a process of its own on loopback, reads
no clock and imports nothing of ours; `tests/stripe/control_client.py` starts it and moves its clock.
"""
