"""How many replicas: up as the Kubernetes autoscaler would, down carefully; and whether one can be done without."""

import math

from aurora.policy.view import View, memory_pressure, usage


def replicas_wanted(seen: View) -> int:
    """Return the number of replicas that brings usage to its target, at least one more than now, within the limits."""
    now = int(seen.get("replicas.count") or 1)
    used, memory = usage(seen), memory_pressure(seen) or 0.0
    pressed = max(used if used is not None else 1.0, memory if memory >= seen.priors.numbers["memory_high"] else 0.0)
    wanted = max(_ceiling(now * pressed / seen.priors.numbers["target_usage"]), now + 1)
    return min(wanted, seen.settings.limits.max_replicas)


def replicas_enough(seen: View) -> int:
    """Return the number of replicas that idle load needs: at most half are given back at once, and one stays."""
    now = int(seen.get("replicas.count") or 1)
    used = usage(seen)
    if used is None:
        return now
    needed = _ceiling(now * used / seen.priors.numbers["target_usage"])
    return min(max(needed, math.ceil(now / 2), 1), now, max(seen.settings.limits.max_replicas, 1))


def load_after_leaving(seen: View) -> float | None:
    """Return the load of the other replicas once they carry the worst one's share too; None where it is not known."""
    told, others = seen.get("replicas.told"), seen.get("replicas.other_load")
    if told is None or told < 2 or others is None:
        return None
    # Its share of the traffic moves, not its load: a replica is as often hot because it is slow.
    share = min(seen.get("replicas.worst_share") or 1 / told, 0.99)
    return others / (1 - share)


def _ceiling(value: float) -> int:
    """Round up, forgiving what floating point adds to a whole number."""
    return math.ceil(value - 1e-9)
