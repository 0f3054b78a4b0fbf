"""Rate limits per client and address, counted in memory or in Redis."""
