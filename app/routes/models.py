"""The models that AURORA looks after: their settings and their history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from pydantic import Field
from starlette.responses import Response

from app.auth import Role
from app.problems import field_error, invalid_fields
from app.routes import examples
from app.routes.route import By, Installation, Limit, ModelName, NamedRoute, Route, role
from app.routes.summaries import summaries
from app.schemas import Accepted, DecisionSummary, ModelView, Page, Points, Sample, Series, Whole
from aurora.domain import Action, ActionAutonomy, MetricPoint, Mode, ModelSettings, Moment, Name, Watch
from aurora.ledger.installation import stricter
from aurora.ledger.metrics import Line
from aurora.ledger.records import DecisionRecord, ModelRecord, WatchRecord, seen_as
from aurora.policy.autonomy import autonomy

router = APIRouter(route_class=Route, tags=["models"])
named = APIRouter(route_class=NamedRoute, tags=["models"])

AHEAD = timedelta(days=1)
"""How far a point's clock may be ahead of AURORA's."""
MAX_STEPS = 10_000
MAX_HISTORY = 500
MAX_NAMES = 100

Sent = Annotated[Points, Body(openapi_examples=examples.sent(one=examples.POINT, several=examples.POINTS))]


@router.post(
    "/api/metrics",
    status_code=202,
    response_model=Accepted,
    openapi_extra=role(Role.OPERATOR),
    responses=examples.shown({"accepted": 2}, 202),
)
def add_metrics(points: Sent, aurora: Installation) -> Response:
    """Keep one point or up to 10,000 of them as the history of their models: all of them, or none."""
    now = aurora.parts.deps.clock()
    many = [points] if isinstance(points, MetricPoint) else points
    late = [
        field_error("timestamp" if many is not points else f"[{index}].timestamp", "is more than a day in the future")
        for index, point in enumerate(many)
        if point.timestamp is not None and point.timestamp > now + AHEAD
    ]
    if late:
        raise invalid_fields(late)
    accepted = Accepted(accepted=aurora.add_metrics(many, received_at=now))
    # Written here: FastAPI would hand it to one more thread, and points come in more often than anything else.
    return Response(accepted.model_dump_json(), status_code=202, media_type="application/json")


@router.get("/api/models", openapi_extra=role(Role.VIEWER), responses=examples.page(examples.MODEL))
def models(
    *,
    aurora: Installation,
    limit: Limit = 20,
    after: Annotated[Name | None, Query(description="A name: list those that come after it.")] = None,
    q: Annotated[Name | None, Query(description="A part of the name.")] = None,
    names: Annotated[
        Annotated[list[Name], Field(max_length=MAX_NAMES)] | None,
        Query(alias="name", description="Only the models with these names; may be sent several times."),
    ] = None,
    history: Annotated[Whole, Field(ge=0, le=MAX_HISTORY), Query(description="How many points of each.")] = 0,
) -> Page[ModelView]:
    """List every model seen, by name; with the newest points of each where `history` asks for them."""
    found = aurora.ledger.models.list(limit, after, q, names)
    return Page(items=_views(found.items, aurora, history), next=found.next)


@named.get(
    "/api/models/{name:path}/metrics", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.SERIES)
)
def series(
    name: ModelName,
    aurora: Installation,
    start: Annotated[Moment | None, Query(alias="from", description="Default: a day before `to`.")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Default: now.")] = None,
    step: Annotated[Whole, Field(ge=1, le=31 * 86_400), Query(description="Seconds per point.")] = 300,
) -> Series:
    """Give a model's history, averaged over steps."""
    aurora.ledger.models.get(name)
    until = end or aurora.parts.deps.clock()
    since = start or _a_day_before(until)
    if since >= until:
        raise invalid_fields([field_error("from", "must come before to")])
    if (until - since).total_seconds() / step > MAX_STEPS:
        raise invalid_fields([field_error("step", f"makes more than {MAX_STEPS} points; take a larger one")])
    points = aurora.ledger.metrics.series(name, since, until, step)
    return Series(model_name=name, start=since, end=until, step_seconds=step, points=tuple(points))


@named.get("/api/models/{name:path}", openapi_extra=role(Role.VIEWER), responses=examples.shown(examples.MODEL))
def model(name: ModelName, aurora: Installation) -> ModelView:
    """Tell about one model: its settings, and what AURORA may do by itself on it and why."""
    return _views([aurora.ledger.models.get(name)], aurora)[0]


@named.put("/api/models/{name:path}", openapi_extra=role(Role.ADMIN), responses=examples.shown(examples.MODEL))
def put_model(
    name: ModelName,
    settings: Annotated[ModelSettings, Body(openapi_examples=examples.sent(settings=examples.SETTINGS))],
    aurora: Installation,
    caller: By,
) -> ModelView:
    """Replace a model's settings; what is left out takes its default. May come before the model's first metric.

    `autonomy` pins an action with `auto`, `ask` or `never`; `earned`, the default, lets its record decide.
    """
    aurora.put_settings(name, settings, by=caller.owner)
    return _views([aurora.ledger.models.get(name)], aurora)[0]


def _views(records: Sequence[ModelRecord], aurora: Installation, history: int = 0) -> tuple[ModelView, ...]:
    """Return models as they are shown. What belongs to them is read for all of them at once, not model by model."""
    names, ledger, mode = [record.name for record in records], aurora.ledger, aurora.ledger.installation.mode()
    decisions = ledger.decisions.several([record.last_decision_id for record in records if record.last_decision_id])
    last = {one.model_name: one for one in decisions}
    decided = {one.model_name: one for one in summaries(decisions, ledger)}
    watches, points = ledger.watches.of(names), ledger.metrics.lines_of(names, history) if history else {}
    tracks, reversible = ledger.decisions.tracks(names), aurora.parts.deps.reversible
    return tuple(
        _view(
            record,
            last.get(record.name),
            mode=stricter(mode, record.mode),
            decided=decided.get(record.name),
            watch=watches.get(record.name),
            rights=autonomy(record.settings.autonomy, tracks.get(record.name, {}), reversible),
            history=tuple(map(_sample, points.get(record.name, ()))),
        )
        for record in records
    )


def _view(
    record: ModelRecord,
    last: DecisionRecord | None,
    *,
    mode: Mode,
    decided: DecisionSummary | None,
    watch: WatchRecord | None,
    rights: dict[Action, ActionAutonomy],
    history: tuple[Sample, ...],
) -> ModelView:
    point = record.last_point or _looked_at(last)
    return ModelView(
        name=record.name,
        health=_health(point, record.settings),
        mode=mode,
        simulated=record.simulated,
        first_seen=record.first_seen,
        last_seen=record.last_seen,
        last_metrics=point,
        last_decision=record.last_decision_id,
        decided=decided,
        settings=record.settings,
        autonomy=rights,
        watch=None if watch is None or watch.looked_at is None else seen_as(Watch, watch),
        history=history,
    )


def _sample(line: Line) -> Sample:
    timestamp, accuracy, latency_ms = line
    return Sample.model_construct(timestamp=timestamp, accuracy=accuracy, latency_ms=latency_ms)


def _looked_at(decision: DecisionRecord | None) -> MetricPoint | None:
    """Return what the last decision was shown, for a model that never posted a point."""
    if decision is None:
        return None
    seen = decision.telemetry.model_metrics.model_dump()
    timestamp = decision.telemetry.timestamp or decision.created_at
    return MetricPoint(model_name=decision.model_name, timestamp=timestamp, **seen)


def _health(point: MetricPoint | None, settings: ModelSettings) -> Literal["healthy", "breaching", "unknown"]:
    if point is None or (point.accuracy, point.latency_ms, point.error_rate) == (None, None, None):
        return "unknown"
    breaches = (
        point.accuracy is not None and point.accuracy < settings.accuracy_floor,
        point.latency_ms is not None and point.latency_ms > settings.latency_slo_ms,
        point.error_rate is not None and point.error_rate > settings.thresholds.error_rate,
    )
    return "breaching" if any(breaches) else "healthy"


def _a_day_before(moment: datetime) -> datetime:
    try:
        return moment - timedelta(days=1)
    except OverflowError:
        raise invalid_fields([field_error("to", "is too early a date")]) from None
