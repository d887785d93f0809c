"""From a move to exactly what would be done, and back: parameters made complete, and parameters judged.

The engine makes steps; people and language models edit and propose them. `unfit` therefore takes nothing for granted.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from aurora.domain import Action, Replica, Situation, Step
from aurora.policy.moves import Move
from aurora.policy.sizing import replicas_enough, replicas_wanted
from aurora.policy.view import View, replica_count, worst_replica

Parameters = dict[str, Any]

LONGEST_TTL = 3600.0
"""Seconds for which a cached answer may be kept at most, without a person asking for more."""


def blocked_by_names(situation: Situation) -> dict[Move, str]:
    """Return the moves for which a target is missing, or that would change nothing; and why."""
    blocked: dict[Move, str] = {}
    replicas, serving = _replicas(situation), situation.serving
    weights = away_from_worst(replicas)
    if weights is None:
        blocked[Move.ROUTE_AWAY] = "there is no other replica to carry the traffic"
    elif serving.weights is not None and _same_weights(weights, serving.weights):
        blocked[Move.ROUTE_AWAY] = "the traffic is shared in this way already"
    if previous_version(situation) is None:
        blocked[Move.ROUTE_BACK] = "no previous version is known"
    if serving.cache_enabled and (serving.cache_ttl_seconds or LONGEST_TTL) >= LONGEST_TTL:
        blocked[Move.CACHE] = "the cache is on already, and keeps its answers as long as it may"
    return blocked


def step_for(move: Move, situation: Situation, seen: View, message: Parameters) -> Step:
    """Return the step that carries out `move`; `message` holds the parameters of an alert."""
    make = PARAMETERS.get(move)
    parameters = message if move is Move.ALERT else make(situation, seen) if make is not None else {}
    return Step(action=move.action, target=situation.telemetry.model_name, parameters=parameters)


def current_version(situation: Situation) -> str | None:
    """Return the version that serves, as the tools see it, else as the telemetry names it."""
    return situation.serving.version or situation.telemetry.model_version


def previous_version(situation: Situation) -> str | None:
    """Return the version to go back to, if it is another one than serves now."""
    deployment = situation.telemetry.deployment
    told = deployment.previous_version if deployment is not None else None
    serving, claimed = situation.serving, situation.telemetry.model_version
    # Where another version serves than the telemetry tells of, the one before it may be the bad one that was left.
    known = told or (serving.previous_version if claimed in (None, serving.version) else None)
    return None if known == current_version(situation) else known


def away_from_worst(replicas: Sequence[Replica]) -> dict[str, int] | None:
    """Return whole percents of traffic: none for what is ill, else for the worst one, the rest by the room they have.

    None where no replica would be left. The order of `replicas` means nothing.
    """
    ordered = sorted(replicas, key=lambda replica: replica.name)
    if len(ordered) < 2:
        return None
    bad = {replica.name for replica in ordered if replica.healthy is False} or {worst_replica(ordered).name}
    room = {
        replica.name: 0.0 if replica.name in bad else max(1 - (replica.load if replica.load is not None else 0.5), 0.05)
        for replica in ordered
    }
    return percents(room) if sum(room.values()) > 0 else None


def percents(shares: Mapping[str, float]) -> dict[str, int]:
    """Return whole percents in proportion to `shares`, summing to 100; the largest remainders are rounded up."""
    total = sum(shares.values())
    exact = {name: 100 * share / total for name, share in shares.items()}
    whole = {name: int(value) for name, value in exact.items()}
    missing = 100 - sum(whole.values())
    for name in sorted(exact, key=lambda name: (whole[name] - exact[name], name))[:missing]:
        whole[name] += 1
    return whole


def _training(situation: Situation, _: View) -> Parameters:
    return {"window": "newest", "base_version": current_version(situation)}


def _cache(situation: Situation, seen: View) -> Parameters:
    """Turn the cache on; where it is on and does not suffice, let it keep its answers longer."""
    seconds = seen.priors.numbers["cache_ttl_seconds"]
    if situation.serving.cache_enabled and situation.serving.cache_ttl_seconds:
        seconds = min(4 * situation.serving.cache_ttl_seconds, LONGEST_TTL)
    return {"enabled": True, "ttl_seconds": max(int(seconds), 1)}


def _away(situation: Situation, _: View) -> Parameters:
    return {"weights": away_from_worst(_replicas(situation)) or {}}


def _back(situation: Situation, _: View) -> Parameters:
    return {"to_version": previous_version(situation)}


def _up(_: Situation, seen: View) -> Parameters:
    return {"replicas": replicas_wanted(seen), "from": int(seen.get("replicas.count") or 1)}


def _down(_: Situation, seen: View) -> Parameters:
    return {"replicas": replicas_enough(seen), "from": int(seen.get("replicas.count") or 1)}


PARAMETERS: Mapping[Move, Callable[[Situation, View], Parameters]] = {
    Move.RETRAIN: _training,
    Move.FINE_TUNE: _training,
    Move.CACHE: _cache,
    Move.ROUTE_AWAY: _away,
    Move.ROUTE_BACK: _back,
    Move.SCALE_UP: _up,
    Move.SCALE_DOWN: _down,
}


def _replicas(situation: Situation) -> tuple[Replica, ...]:
    load = situation.telemetry.system_load
    return load.replicas if load is not None else ()


def _same_weights(wanted: Mapping[str, float], present: Mapping[str, float]) -> bool:
    """Whether each replica's share would stay within a few percent of what it is."""
    return all(abs(wanted.get(name, 0.0) - present.get(name, 0.0)) <= 5 for name in wanted.keys() | present.keys())


# --- judging parameters ----------------------------------------------------------------------------------------------


def move_of(step: Step, situation: Situation) -> Move:
    """Return which move a step is."""
    if step.action is Action.ROUTE:
        return Move.ROUTE_BACK if "to_version" in step.parameters else Move.ROUTE_AWAY
    if step.action is Action.SCALE:
        wanted = step.parameters.get("replicas")
        return Move.SCALE_DOWN if whole(wanted) and wanted < replica_count(situation) else Move.SCALE_UP
    return Move.LEAVE if step.action is Action.NO_ACTION else Move(step.action.value)


def unfit(step: Step, situation: Situation) -> str | None:
    """Return what is wrong with a step's target or parameters, or None. What is not known is wrong."""
    if step.target != situation.telemetry.model_name:
        return "The step is aimed at another model than the one that was looked at."
    allowed = ALLOWED[step.action]
    unknown = sorted(step.parameters.keys() - allowed)
    if unknown:
        return f"Parameter {unknown[0]!r} is not known for {step.action}."
    return CHECKS[step.action](step.parameters, situation)


def whole(value: object) -> TypeGuard[int]:
    """Whether `value` is a whole number, and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _unfit_training(parameters: Parameters, _: Situation) -> str | None:
    window, base = parameters.get("window", "newest"), parameters.get("base_version")
    if window != "newest" and not (whole(window) and window > 0):
        return "window must be a number of rows or 'newest'."
    return None if base is None or isinstance(base, str) else "base_version must be the name of a version."


def _unfit_cache(parameters: Parameters, _: Situation) -> str | None:
    ttl = parameters.get("ttl_seconds")
    if not isinstance(parameters.get("enabled"), bool):
        return "enabled must be true or false."
    return None if ttl is None or (number(ttl) and ttl > 0) else "ttl_seconds must be a number above 0."


def _unfit_route(parameters: Parameters, situation: Situation) -> str | None:
    if len(parameters) != 1:
        return "A route takes either weights or to_version."
    if "to_version" in parameters:
        version = parameters["to_version"]
        named = isinstance(version, str) and version.strip() != ""
        return None if named else "to_version must be the name of a version."
    return _unfit_weights(parameters["weights"], situation)


def _unfit_weights(weights: object, situation: Situation) -> str | None:
    if not isinstance(weights, dict) or not weights:
        return "weights must name replicas."
    if not all(number(weight) and 0 <= weight <= 100 for weight in weights.values()):
        return "Each weight must be a number from 0 to 100."
    if abs(sum(weights.values()) - 100) > 0.5:
        return "The weights must sum to 100."
    known = {replica.name for replica in _replicas(situation)} | set(situation.serving.weights or ())
    strangers = len([name for name in weights if name not in known])
    return f"{strangers} of the replicas named are not known." if strangers else None


def _unfit_scale(parameters: Parameters, situation: Situation) -> str | None:
    wanted, before = parameters.get("replicas"), parameters.get("from")
    if not whole(wanted) or wanted < 1:
        return "replicas must be a whole number of at least 1."
    if before is not None and (not whole(before) or before < 1):
        return "from must be a whole number of at least 1."
    return "That many replicas serve already." if wanted == replica_count(situation) else None


def _unfit_alert(parameters: Parameters, _: Situation) -> str | None:
    if parameters.get("severity", "warning") not in ("info", "warning", "critical"):
        return "severity must be info, warning or critical."
    return None if isinstance(parameters.get("message", ""), str) else "message must be text."


def _unfit_nothing(_: Parameters, __: Situation) -> str | None:
    return None


ALLOWED: Mapping[Action, frozenset[str]] = {
    Action.RETRAIN: frozenset({"window", "base_version"}),
    Action.FINE_TUNE: frozenset({"window", "base_version"}),
    Action.CACHE: frozenset({"enabled", "ttl_seconds"}),
    Action.ROUTE: frozenset({"weights", "to_version"}),
    Action.SCALE: frozenset({"replicas", "from"}),
    Action.ALERT: frozenset({"severity", "message"}),
    Action.NO_ACTION: frozenset(),
}

CHECKS: Mapping[Action, Callable[[Parameters, Situation], str | None]] = {
    Action.RETRAIN: _unfit_training,
    Action.FINE_TUNE: _unfit_training,
    Action.CACHE: _unfit_cache,
    Action.ROUTE: _unfit_route,
    Action.SCALE: _unfit_scale,
    Action.ALERT: _unfit_alert,
    Action.NO_ACTION: _unfit_nothing,
}
