"""How many replicas: up as the Kubernetes autoscaler would, down carefully; and whether one can be done without.

Where the history tells how the load is likely to grow by the time a new replica serves, they are sized for that.
"""

import math

from aurora.policy.view import View, memory_pressure, usage


def replicas_wanted(seen: View) -> int:
    """Return the number of replicas that brings usage to its target, at least one more than now, within the limits."""
    now = int(seen.get("replicas.count") or 1)
    used, memory = usage(seen), memory_pressure(seen) or 0.0
    busy = (used if used is not None else 1.0) * _growing(seen)
    pressed = max(busy, memory if memory >= seen.priors.numbers["memory_high"] else 0.0)
    wanted = max(_ceiling(now * pressed / seen.priors.numbers["target_usage"]), now + 1)
    return min(wanted, seen.settings.limits.max_replicas)


def replicas_enough(seen: View) -> int:
    """Return the number of replicas that idle load needs: at most half are given back at once, and one stays."""
    now = int(seen.get("replicas.count") or 1)
    used = usage(seen)
    if used is None:
        return now
    needed = _ceiling(now * used * _growing(seen) / seen.priors.numbers["target_usage"])
    return min(max(needed, math.ceil(now / 2), 1), now, max(seen.settings.limits.max_replicas, 1))


def load_after_leaving(seen: View) -> float | None:
    """Return the load of the other replicas once they carry the worst one's share too; None where it is not known."""
    told, others = seen.get("replicas.told"), seen.get("replicas.other_load")
    if told is None or told < 2 or others is None:
        return None
    # Its share of the traffic moves, not its load: a replica is as often hot because it is slow.
    share = min(seen.get("replicas.worst_share") or 1 / told, 0.99)
    return others / (1 - share)


MOST_GROWTH = 3.0
"""No forecast is trusted with more than so many times the load of now."""


def _growing(seen: View) -> float:
    """Return what to multiply the load of now with: a load that is to fall is still there until it has fallen."""
    # The target leaves room for the usual ups and downs: what is likely within that room asks for nothing more.
    room = 1 / seen.priors.numbers["target_usage"]
    growth = min(seen.get("history.load_growth") or 1.0, MOST_GROWTH)
    return max(growth / room, 1.0)


def _ceiling(value: float) -> int:
    """Round up, forgiving what floating point adds to a whole number."""
    return math.ceil(value - 1e-9)
