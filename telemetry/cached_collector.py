"""Gauges read when somebody asks: not more often than is cheap, and never failing who asks."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
# Looking takes at most a twentieth of one core, however large the store has grown.
REST = 20.0


class CachedCollector(Collector):
    """Reads gauges of one thing, and tells whether it could be read; if not, there is nothing but that."""

    def __init__(self, up: str, about: str, look: Callable[[], Iterable[Metric]]) -> None:
        self._up, self._about, self._look = up, about, look
        self._one_at_a_time = threading.Lock()
        self._seen: Sequence[Metric] = ()
        self._next = 0.0

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: registering must not look."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Return what was seen a moment ago, or look again."""
        with self._one_at_a_time:
            began = time.monotonic()
            if began >= self._next:
                self._seen, rest = self._looked(began)
                self._next = time.monotonic() + rest
            return iter(self._seen)

    def _looked(self, began: float) -> tuple[Sequence[Metric], float]:
        """Return what there is to see, and for how long that will do."""
        try:
            seen = [*self._look()]
        except Exception as error:
            # A scrape never fails: that this did is what the gauge of its own says.
            log.warning("gauges could not be read", exc_info=error, extra={"kind": self._up})
            return [GaugeMetricFamily(self._up, self._about, value=0)], KEPT_SECONDS
        rest = max(KEPT_SECONDS, REST * (time.monotonic() - began))
        return [GaugeMetricFamily(self._up, self._about, value=1), *seen], rest
