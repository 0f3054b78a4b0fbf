"""The wire between our processes and an outside one: a proxy that disturbs the requests for one order, and no other."""

import http.client
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any
from urllib.parse import unquote

from providers.contracts.fault_proxy import Disturbance, FaultProxy, ProxyHandler, Response

Json = dict[str, Any]
CHANGE_LENGTH = 36
"""The length of a change's id, with which the keys of its steps begin."""


class Delivery(Enum):
    """How a request and its answer travel."""

    LATE = "delivered and answered after the client has given up"
    TWICE = "delivered twice and answered twice"


@dataclass
class Rewritten:
    """Done, and answered with a JSON body that a test has changed."""

    rewrite: Callable[[Json], Json]


@dataclass
class Answered:
    """Not delivered, and answered so."""

    status: int
    body: Json


@dataclass
class Watched:
    """Delivered and answered as usual; then a test does something before the client gets the answer."""

    then: Callable[[], object]


@dataclass
class HeldUp:
    """It is delivered once another act of its order was done: by then its sender has given up."""

    until: str


Fault = Disturbance | Delivery | Rewritten | Answered | Watched | HeldUp


@dataclass
class Armed:
    """A fault of an act for one order; it happens to so many requests."""

    act: str
    fault: Fault
    times: int
    spreads: bool = False
    """Whether it happens to every act of the order, once it has happened to one."""
    met: int = 0
    """How many requests have met it."""


@dataclass
class Order:
    """What the wire knows of one order's requests."""

    faults: list[Armed] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    """How many requests there were, by act."""
    done: "defaultdict[str, threading.Event]" = field(default_factory=lambda: defaultdict(threading.Event))
    """Whether an act was done, by act."""


class Wire(FaultProxy):
    """A proxy whose faults are armed for the requests of one order, which a test names before it."""

    def __init__(self, address: str, timeout: timedelta) -> None:
        super().__init__(address)
        self.timeout = timeout
        """How long the client waits for an answer."""
        self._orders: defaultdict[str, Order] = defaultdict(Order)
        self._names: dict[str, str] = {}
        """The order's name by what its requests hold: a train, a token, a key, a reference, a change."""
        self._lock = threading.Lock()

    def name(self, word: str, order: str) -> None:
        """Say which order a word in requests belongs to."""
        self._names[word] = order

    def arm(self, order: str, act: str, fault: Fault, times: int = 1, *, spreads: bool = False) -> Armed:
        """Disturb the next requests of an act for an order."""
        armed = Armed(act, fault, times, spreads)
        self._orders[order].faults.append(armed)
        return armed

    def clear(self, order: str) -> None:
        """Disturb an order no more."""
        self._orders[order].faults.clear()

    def about(self, order: str) -> Order:
        """Return what is known of an order's requests."""
        return self._orders[order]

    def read(self, request: "Request") -> tuple[str | None, Fault | None]:
        """Count a request; return its order's name, if it is known, and what happens to it."""
        with self._lock:
            act, words = request.act, [*request.words, *request.keys]
            named = next((self._names[each] for each in words if each in self._names), None)
            if named is None:
                return None, None
            self.learn(named, request.keys)
            order = self._orders[named]
            order.requests[act] += 1
            for armed in order.faults:
                if (armed.act == act or (armed.spreads and armed.met)) and armed.met < armed.times:
                    armed.met += 1
                    return named, armed.fault
            return named, None

    def learn(self, order: str | None, words: list[str]) -> None:
        """Know further words of an order, from a request or its answer."""
        if order is not None:
            for each in words:
                self._names.setdefault(each, order)


class _WireHandler(ProxyHandler):
    def serve(self, body: bytes) -> None:
        """Serve one request, disturbed as its order says."""
        wire = self.server.proxy
        assert isinstance(wire, Wire)
        request = read_request(self.command, self.path, body)
        self.wire, (self.named, fault) = wire, wire.read(request)
        # The outside process may be killed meanwhile.
        with suppress(OSError, http.client.HTTPException):
            self._serve(fault, body)
            if self.named is not None:
                wire.about(self.named).done[request.act].set()
            return
        self.hang_up()

    def _serve(self, fault: Fault | None, body: bytes) -> None:
        if fault is None:
            self._pass(body)
        elif isinstance(fault, Delivery):
            self._deliver(fault, body)
        elif isinstance(fault, Rewritten):
            status, content, headers = self._send(body)
            self.answer(status, json.dumps(fault.rewrite(json.loads(content))).encode(), headers)
        elif isinstance(fault, Answered):
            self.answer(fault.status, json.dumps(fault.body).encode(), [("Content-Type", "application/json")])
        elif isinstance(fault, Watched):
            response = self._send(body)
            fault.then()
            self.answer(*response)
        elif isinstance(fault, HeldUp):
            self.wire.about(self.named or "").done[fault.until].wait(300)
            self._pass(body)
        else:
            self.disturb(body, fault)

    def _pass(self, body: bytes) -> None:
        self.answer(*self._send(body))

    def _send(self, body: bytes) -> Response:
        response = self.forward(body)
        self.wire.learn(self.named, references_in(response[1]))
        return response

    def _deliver(self, fault: Delivery, body: bytes) -> None:
        if fault is Delivery.LATE:
            time.sleep(1.3 * self.wire.timeout.total_seconds())
            self._pass(body)
        else:
            self._send(body)
            response = self._send(body)
            self.answer(*response)
            self.answer(*response)


Wire.handler = _WireHandler
_ACTS = {
    ("PUT", "holds"): "hold",
    ("DELETE", "holds"): "release",
    ("GET", "holds"): "find",
    ("POST", "extensions"): "extend",
    ("POST", "returns"): "give back",
    ("PUT", "sales"): "confirm",
    ("POST", "availability"): "free",
    ("GET", "bookings"): "book",
    ("PUT", "authorisations"): "authorise",
    ("DELETE", "authorisations"): "void",
    ("PUT", "captures"): "capture",
    ("PUT", "refunds"): "refund",
    ("GET", "keys"): "find",
    ("GET", "movements"): "book",
}


@dataclass
class Request:
    """A request to the bank or the railway: its act, and the words by which its order may be known."""

    act: str
    words: list[str]
    keys: list[str]
    """Its own key and the change with which that begins: further requests may hold only these."""


def read_request(method: str, path: str, body: bytes) -> Request:
    """Read a request."""
    _, _, _, resource, *rest = [*path.partition("?")[0].split("/", 4), ""]
    key = unquote(rest[0]) if rest else ""
    sent = json.loads(body) if body else {}
    words = [str(sent[name]) for name in ("token", "of") if name in sent]
    words += [each["service"] for each in sent.get("requests", []) if each.get("service")]
    words += [*sent.get("taken", []), *sent.get("given_up", []), *sent.get("references", [])]
    keys = [key, key[:CHANGE_LENGTH]] if key else []
    return Request(_ACTS.get((method, resource), resource), words, keys)


def references_in(content: bytes) -> list[str]:
    """Return the references of an answer."""
    try:
        answered = json.loads(content)
    except ValueError:
        return []
    if not isinstance(answered, dict):
        return []
    found = [answered.get("reference"), *(each.get("reference") for each in answered.get("held", []))]
    return [str(each) for each in found if each]
