"""What AURORA tells of itself to Prometheus, and the outermost layer of the API, where every request passes.

Labels are route templates and closed vocabularies, never model names or ids: their number is bounded, whatever is sent.
"""

import logging
import time
import uuid
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import problems
from aurora.answers import AnalyzeAnswer

logger = logging.getLogger(__name__)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STANDING = {"operational": 1.0, "degraded": 0.5}


class Instruments:
    """The counters of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "aurora_http_requests", "Requests answered.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "aurora_http_request_seconds", "Time to answer.", ("route",), registry=self.registry
        )  # fmt: skip
        self.decisions = Counter(
            "aurora_decisions",
            "Analyses answered by this process.",
            ("status", "decision_type"),
            registry=self.registry,
        )
        self.in_flight = Gauge("aurora_analyses_in_flight", "Analyses under way.", registry=self.registry)
        self.components = Gauge(
            "aurora_component_health",
            "1 operational, 0.5 degraded, 0 down.",
            ("component",),
            registry=self.registry,
        )

    def answered(self, answer: AnalyzeAnswer) -> None:
        """Count one answer to an analysis."""
        proposed = answer.planner_decision.decision_type.value if answer.planner_decision else "none"
        self.decisions.labels(answer.status.value, proposed).inc()

    def exposition(self, components: Mapping[str, str]) -> bytes:
        """Return everything as Prometheus text; `components` is what `/health` says of each."""
        for component, word in components.items():
            self.components.labels(component).set(_STANDING.get(word, 0.0))
        return generate_latest(self.registry)


class Front:
    """The outermost layer: counts, answers HEAD as GET without a body, makes an incident of the unexpected."""

    def __init__(self, app: ASGIApp, instruments: Instruments) -> None:
        self.app = app
        self.instruments = instruments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and see how it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method, started = scope["method"], time.perf_counter()
        sender = _Sender(send, bodyless=method == "HEAD")
        if method == "HEAD":
            scope = {**scope, "method": "GET"}
        try:
            await self.app(scope, receive, sender)
        except Exception as error:  # noqa: BLE001 (the boundary: whatever it was, the client gets a problem document)
            await self._incident(error, scope, receive, sender)
        finally:
            route = getattr(scope.get("route"), "path_format", "none")
            self.instruments.requests.labels(method if method in _METHODS else "other", route, sender.status).inc()
            self.instruments.seconds.labels(route).observe(time.perf_counter() - started)

    async def _incident(self, error: Exception, scope: Scope, receive: Receive, sender: "_Sender") -> None:
        incident = uuid.uuid4().hex[:12]
        logger.error("Incident %s: %s %s", incident, scope["method"], repr(scope["path"][:200]), exc_info=error)
        if sender.status:
            raise error
        problem = problems.Incident(f"The log tells more under {incident}.", incident=incident)
        await problems.response(Request(scope), problem)(scope, receive, sender)


class _Sender:
    """Passes an answer on and remembers its status."""

    def __init__(self, send: Send, *, bodyless: bool) -> None:
        self._send = send
        self._bodyless = bodyless
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = list(message.get("headers", ()))
            message = {**message, "headers": [*headers, (b"x-content-type-options", b"nosniff")]}
        elif self._bodyless and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
