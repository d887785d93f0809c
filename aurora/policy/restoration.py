"""Whether a service is as it was before a step, in what the step had changed and as far as a tool can tell. Pure."""

from collections.abc import Mapping
from typing import Any

from aurora.domain import Action, Serving, Step

WEIGHT_ROUNDING = 1.0
"""By how many percent of the traffic a replica's share may differ: backends round."""

CHANGED: Mapping[Action, tuple[str, ...]] = {
    Action.RETRAIN: ("version",),
    Action.FINE_TUNE: ("version",),
    Action.CACHE: ("cache_enabled", "cache_ttl_seconds"),
    Action.ROUTE: ("version", "weights"),
    Action.SCALE: ("replicas", "weights"),
}
"""What each action may change of a service."""
WORDS: Mapping[str, str] = {
    "version": "version",
    "replicas": "replicas",
    "weights": "shares of the traffic",
    "cache_enabled": "cache",
    "cache_ttl_seconds": "time that the cache keeps answers",
}


def differences(step: Step, before: Serving, now: Serving) -> dict[str, str] | None:
    """Return what `step` had changed and is not as `before`, each in words; None where nothing can be compared.

    What only one of the two tells of is left out.
    """
    pairs = {
        name: (then, present)
        for name in _fields(step, before)
        if (then := getattr(before, name)) is not None and (present := getattr(now, name)) is not None
    }
    if not pairs:
        return None
    return {
        name: f"{WORDS[name]} {_word(present)} instead of {_word(then)}"
        for name, (then, present) in pairs.items()
        if not _same(then, present)
    }


def _fields(step: Step, before: Serving) -> tuple[str, ...]:
    if step.action is Action.CACHE and not before.cache_enabled:
        # How long a cache that is off would keep its answers makes no difference.
        return ("cache_enabled",)
    return CHANGED.get(step.action, ())


def _same(then: Any, now: Any) -> bool:
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return bool(then == now)
    names = then.keys() | now.keys()
    return all(abs(then.get(name, 0.0) - now.get(name, 0.0)) <= WEIGHT_ROUNDING for name in names)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Mapping):
        return "/".join(f"{name} {share:.0f} %" for name, share in sorted(value.items()))
    return f"{value:g}" if isinstance(value, float) else str(value)
