"""Reads counters from the metrics endpoints of processes."""

import httpx2

from telemetry.loopback import HOST


def read_counter(port: int, name: str, label: str = "") -> float:
    """Return the sum of a counter served at a port, over all its series or those with a label."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics", timeout=10).text
    series = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in series)
