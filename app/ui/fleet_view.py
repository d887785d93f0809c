"""The fleet as HTML: how many are well, what waits for a person, every model, what happened and why.

Pure functions of what the API answers. Nothing in here asks the API, and every text is escaped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any

from app.ui.render import text, word
from app.ui.sparkline import Deed, Point, sparkline

STATES = ("breaching", "held", "suspicious", "healthy", "unknown")
"""How a model may stand, the worst first."""
WAITING_SHOWN = 5
WHY_CHARS = 160

_CALLED = {"held": "breaching, held back", "unknown": "without metrics"}
_ACTIONS = {
    "retrain": ("retrain", "retrained"),
    "fine_tune": ("fine-tune", "fine-tuned"),
    "cache": ("change the cache", "changed the cache"),
    "route": ("move traffic", "moved traffic"),
    "scale": ("change the number of replicas", "changed the number of replicas"),
    "alert": ("alert people", "alerted people"),
    "no_action": ("leave it alone", "left it alone"),
}
"""What AURORA can do: as a wish, and as a deed."""
_ENDINGS = {
    "denied": "a guardrail refused it",
    "critic_rejected": "the Critic rejected it",
    "gave_up": "no plan passed the Critic",
    "human_rejected": "a person said no",
    "expired": "nobody answered in time",
    "tool_failed": "the tool failed",
    "over_budget": "it went over its budget",
    "timed_out": "it took too long",
}
_OUTCOMES = {
    "pending": "not verified yet",
    "better": "it helped",
    "not_better": "it did not help",
    "undone": "taken back",
    "cannot_tell": "whether it helped cannot be told",
}
_HELD_BY = {
    "in_flight": "a decision is under way",
    "cooldown": "it was changed a moment ago",
    "same_evidence": "nothing new since the last decision",
    "flapping": "it goes to and fro",
    "storm": "many models fail at once",
}
NOBODY = (
    "<p>No model has reported yet: <code>./start.sh</code> brings a fleet of its own, and points of your own models go "
    "to <code>POST /api/metrics</code>.</p>"
)
NOTHING_YET = "<p>Nothing was decided yet. AURORA decides when a model leaves its limits, or when it is asked.</p>"


# --- how a model stands ----------------------------------------------------------------------------------------------


def state(model: Mapping[str, Any]) -> str:
    """Return the one word for a model: the monitor's where it found something, else what its last metrics say."""
    watched = (model.get("watch") or {}).get("word", "quiet")
    if watched in ("breaching", "held"):
        return str(watched)
    if model["health"] == "breaching":
        return "breaching"
    return "suspicious" if watched == "suspicious" else str(model["health"])


def changing(model: Mapping[str, Any]) -> bool:
    """Return whether a change of the model is being worked out, or is under way and not verified."""
    last = model.get("decided") or {}
    return last.get("status") == "running" or last.get("outcome") == "pending"


def by_trouble(models: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the models with trouble first, then those that are being changed, then the rest; each by name."""

    def place(model: Mapping[str, Any]) -> tuple[int, str]:
        stands = STATES.index(state(model))
        return (stands if stands < STATES.index("healthy") else 3 if changing(model) else 4), model["name"]

    return sorted(models, key=place)


# --- the strip, and what waits ---------------------------------------------------------------------------------------


def strip(models: Sequence[Mapping[str, Any]], waiting: int, *, more_waiting: bool = False) -> str:
    """Return how many models stand how, what waits for a person and what is being changed."""
    counted = Counter(map(state, models))
    numbers = [(name, counted[name], _CALLED.get(name, name)) for name in STATES if name != "unknown" or counted[name]]
    numbers += [
        ("awaiting_approval", waiting, "waiting for a person"),
        ("pending", sum(map(changing, models)), "changes in flight"),
    ]
    plus = {"awaiting_approval": "+" if more_waiting else ""}
    items = "".join(
        f'<li class="{name}{"" if number else " none"}"><b>{number}{plus.get(name, "")}</b> {said}</li>'
        for name, number, said in numbers
    )
    return f'<ul class="strip">{items}</ul>'


def past(at: datetime) -> str:
    """Return the warning that what is shown is not news."""
    return f'<p class="notice" role="status">What follows was true at {_clock(at)} UTC.</p>'


def attention(approvals: Sequence[Mapping[str, Any]]) -> str:
    """Return what waits for a person, each with the way to it; empty where nothing does."""
    if not approvals:
        return ""
    cards = "".join(map(_asked, approvals[:WAITING_SHOWN]))
    left = len(approvals) - WAITING_SHOWN
    more = f"<p>And {left} more, under Decisions.</p>" if left > 0 else ""
    return f"<h3>Waiting for you</h3>{cards}{more}"


def _asked(approval: Mapping[str, Any]) -> str:
    wish = _ACTIONS.get(approval["step"]["action"], (approval["step"]["action"],))[0]
    reasons = shorten(" ".join(approval["reasons"]), WHY_CHARS, placeholder=" …")
    return (
        f'<div class="asked"><div><b>{text(approval["model_name"])}</b>: AURORA asks whether to {text(wish)}. '
        f"{text(reasons)} <small>Confidence {approval['confidence']:.2f}, risk {text(approval['risk'])}, until "
        f"{_clock(approval['expires_at'])}</small>{_pretend(approval)}</div>"
        f'<button type="button" class="decide" data-decision="{text(approval["decision_id"])}">'
        f'Look and decide<span class="aloud"> about {text(approval["model_name"])}</span></button></div>'
    )


# --- the models ------------------------------------------------------------------------------------------------------

_HEAD = ("Model", "Health", "Accuracy", "Latency", "Drift", "Req/s", "Replicas", "Last decision")


def table(
    models: Sequence[Mapping[str, Any]], deeds: Mapping[str, Sequence[Deed]], *, more: int = 0, q: str = ""
) -> str:
    """Return `models` in their order, and how many `more` there are. `deeds` are what was done, by model."""
    if not models:
        return f"<p>No model has “{text(q)}” in its name.</p>" if q else NOBODY
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    body = "".join(_model(model, deeds.get(model["name"], ())) for model in models)
    left = f"<p>And {more} more that are not worse off: search by name to see them.</p>" if more else ""
    return f'<table class="fleet"><thead><tr>{head}</tr></thead>{body}</table>{left}'


def _model(model: Mapping[str, Any], deeds: Sequence[Deed]) -> str:
    stands, seen = state(model), model["last_metrics"] or {}
    cells = (
        _health(model, stands),
        _accuracy(model, seen, deeds),
        _latency(model, seen, deeds),
        _number(seen.get("data_drift_score"), ".2f"),
        _number(seen.get("throughput_rps"), ".4g"),
        _replicas(seen.get("replicas") or ()),
        _last(model.get("decided")),
    )
    row = "".join(f'<td data-label="{name}">{cell}</td>' for name, cell in zip(_HEAD[1:], cells, strict=True))
    signs = " · ".join(map(text, (model.get("watch") or {}).get("signs", ())))
    why = f'<tr class="signs"><td colspan="{len(_HEAD)}">{signs}</td></tr>' if signs else ""
    return f'<tbody class="{text(stands)}"><tr><th scope="row">{_named(model, seen)}</th>{row}</tr>{why}</tbody>'


def _named(model: Mapping[str, Any], seen: Mapping[str, Any]) -> str:
    version = f"version {text(seen['model_version'])}" if seen.get("model_version") else ""
    mode = text(model["mode"]) if model["mode"] != "autonomous" else ""
    return f"{text(model['name'])}{_pretend(model)}{_small(version, mode)}"


def _health(model: Mapping[str, Any], stands: str) -> str:
    watch = model.get("watch") or {}
    watched = watch.get("word", stands)
    held = _HELD_BY.get(watch.get("held_by", ""), "")
    return word(stands) + _small(
        f"since {_clock(watch['since'])}" if watched == stands and watch.get("since") else "",
        f"now {text(model['health'])}" if model["health"] not in (stands, "unknown") else "",
        f"monitor: {text(watched)}" if watched not in (stands, "quiet") else "",
        f"held back: {held}" if held else "",
    )


def _accuracy(model: Mapping[str, Any], seen: Mapping[str, Any], deeds: Sequence[Deed]) -> str:
    floor, usual = model["settings"]["accuracy_floor"], (model["settings"]["baseline"] or {}).get("accuracy")
    value = seen.get("accuracy")
    line = sparkline("accuracy", _points(model, "accuracy"), deeds, limit=floor, least=0.1)
    number = _number(value, ".3f", bad=value is not None and value < floor)
    return number + _small(f"baseline {text(usual)}" if usual is not None else "", f"floor {text(floor)}") + line


def _latency(model: Mapping[str, Any], seen: Mapping[str, Any], deeds: Sequence[Deed]) -> str:
    target, value = model["settings"]["latency_slo_ms"], seen.get("latency_ms")
    points = _points(model, "latency_ms")
    least = max((ms for _, ms in points), default=0.0) / 4 or 1.0
    line = sparkline("latency in ms", points, deeds, limit=target, least=least)
    number = _number(value, ".0f", " ms", bad=value is not None and value > target)
    return number + _small(f"target {text(target)}") + line


def _points(model: Mapping[str, Any], metric: str) -> list[Point]:
    samples = [one for one in model.get("history", ()) if one[metric] is not None]
    return [(datetime.fromisoformat(one["timestamp"]), one[metric]) for one in samples]


def _replicas(replicas: Sequence[Mapping[str, Any]]) -> str:
    ill = sum(one["healthy"] is False for one in replicas)
    if not replicas:
        return "–"
    return f"<b>{len(replicas)}</b>" + (f' <small class="bad">{ill} ill</small>' if ill else "")


def _last(decided: Mapping[str, Any] | None) -> str:
    if decided is None:
        return "–"
    return f"{_opens(decided, text(told(decided)))} {_outcome(decided)}{_small(_clock(decided['created_at']))}"


# --- what happened ---------------------------------------------------------------------------------------------------


def happened(decisions: Iterable[Mapping[str, Any]]) -> str:
    """Return decisions as sentences, each with its why and the way to its whole record."""
    items = "".join(map(_happening, decisions))
    return f'<ol class="happened">{items}</ol>' if items else NOTHING_YET


def _happening(decided: Mapping[str, Any]) -> str:
    who = f"<b>{text(decided['model_name'])}</b> {text(told(decided))}"
    why = text(shorten(decided.get("why", ""), WHY_CHARS, placeholder=" …"))
    return (
        f"<li>{_clock(decided['created_at'])} {_opens(decided, who)} {word(decided['status'])} "
        f"{_outcome(decided)}{_pretend(decided)}{f'<p>{why}</p>' if why else ''}</li>"
    )


def told(decided: Mapping[str, Any]) -> str:
    """Return what was decided and what came of it, in words; plain text."""
    kind, ending = decided["decision_type"], decided["ending"]
    wish, deed = _ACTIONS.get(kind, (kind, kind)) if kind else ("decide", "decided")
    said = {
        "running": f"may {wish}: being worked out" if kind else "being looked into",
        "executed": deed,
        "no_action": _ACTIONS["no_action"][1],
        "awaiting_approval": f"asks whether to {wish}",
        "rejected": f"did not {wish}",
        "failed": f"could not {wish}",
        "proposed": f"would {wish}",
    }.get(decided["status"], decided["status"])
    parts = [said, _ENDINGS.get(ending, ending) if ending else "", _OUTCOMES.get(decided["outcome"] or "", "")]
    return "; ".join(filter(None, parts)) + (" (dry run)" if decided["dry_run"] else "")


def deeds(decisions: Iterable[Mapping[str, Any]]) -> dict[str, list[Deed]]:
    """Return when something was done, and what, by model."""
    found: dict[str, list[Deed]] = {}
    for one in decisions:
        if one.get("executed_at"):
            deed = (datetime.fromisoformat(one["executed_at"]), told(one))
            found.setdefault(one["model_name"], []).append(deed)
    return found


# --- small parts -----------------------------------------------------------------------------------------------------


def _opens(decided: Mapping[str, Any], html: str) -> str:
    return f'<button type="button" class="opens" data-decision="{text(decided["decision_id"])}">{html}</button>'


def _outcome(decided: Mapping[str, Any]) -> str:
    return word(decided["outcome"]) if decided["outcome"] else ""


def _pretend(told_of: Mapping[str, Any]) -> str:
    return ' <span class="word simulated">simulated</span>' if told_of["simulated"] else ""


def _number(value: float | None, form: str, unit: str = "", *, bad: bool = False) -> str:
    if value is None:
        return "–"
    return f'<b class="bad">{value:{form}}{unit}</b>' if bad else f"<b>{value:{form}}{unit}</b>"


def _small(*parts: str) -> str:
    """Return what is said in small letters, from parts that are HTML."""
    said = " · ".join(filter(None, parts))
    return f" <small>{said}</small>" if said else ""


def _clock(value: Any) -> str:
    """Return a time of day in UTC, with the day where it is another than today."""
    moment = datetime.fromisoformat(str(value)).astimezone(UTC)
    form = "%H:%M:%S" if moment.date() == datetime.now(UTC).date() else "%d %b %H:%M"
    return f'<time datetime="{moment.isoformat()}" title="{moment:%Y-%m-%d %H:%M:%S} UTC">{moment:{form}}</time>'
