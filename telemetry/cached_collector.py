"""A collector of gauges that limits how often they are read, and never fails a scrape."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

CACHE_SECONDS = 5.0
# Reading takes at most a twentieth of one core, however large the store has grown.
PAUSE_FACTOR = 20.0


class CachedCollector(Collector):
    """Reads the gauges of one system, and a gauge `up`: 1 if they could be read, else 0 and no other gauge."""

    def __init__(self, up: str, about: str, read: Callable[[], Iterable[Metric]]) -> None:
        self._up, self._about, self._read = up, about, read
        self._lock = threading.Lock()
        self._cached: Sequence[Metric] = ()
        self._next = 0.0

    def describe(self) -> Iterator[Metric]:
        """Return no names in advance: registering must not read the gauges."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return the cached gauges, or read them again after their pause."""
        with self._lock:
            began = time.monotonic()
            if began >= self._next:
                self._cached, pause = self._read_safely(began)
                self._next = time.monotonic() + pause
            return iter(self._cached)

    def _read_safely(self, began: float) -> tuple[Sequence[Metric], float]:
        """Return the gauges, and for how many seconds they are cached."""
        try:
            gauges = [*self._read()]
        except Exception as error:
            # A scrape never fails: the gauge `up` reports the failure.
            log.warning("gauge collection failed", exc_info=error, extra={"kind": self._up})
            return [GaugeMetricFamily(self._up, self._about, value=0)], CACHE_SECONDS
        pause = max(CACHE_SECONDS, PAUSE_FACTOR * (time.monotonic() - began))
        return [GaugeMetricFamily(self._up, self._about, value=1), *gauges], pause
