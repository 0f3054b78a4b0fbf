"""Counters as their processes tell them."""

import httpx2

from telemetry.loopback import HOST


def read_counter(port: int, name: str, label: str = "") -> float:
    """Return the sum of a counter that is served at a port, of all its series or of those with a label."""
    text = httpx2.get(f"http://{HOST}:{port}/metrics", timeout=10).text
    mine = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in mine)
