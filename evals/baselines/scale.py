"""Rules for the number of replicas that people use, minute by minute."""

import math
from collections import deque
from random import Random

from aurora.domain import Thresholds
from evals.worlds.loads import MOST, Policy, Sight

DEFAULT_TARGET = 0.8
"""The average use that Kubernetes aims at where nobody says anything else."""
TARGETS = (0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1, 1.2)
"""The targets that are tried to find the best one."""
TOLERANCE = 0.1
STABILISATION = 5
"""Minutes over which the largest recommendation holds back a return."""
IDLE_USAGE = 0.5
"""Use under which a replica counts as idle. The settings' own 0.15 would hardly ever give one back, and cost more."""
IDLE_MINUTES = 30


def hpa(target: float = DEFAULT_TARGET) -> Policy:
    """Return Kubernetes' HorizontalPodAutoscaler with its defaults, on requests per replica that serves.

    A replica that boots has no use yet: it is left out where use is under its target, and counted as idle where it is
    over. A ratio within the tolerance changes nothing. Giving back waits for the largest recommendation of 300 seconds.
    """
    recent: deque[int] = deque(maxlen=STABILISATION)

    def decide(seen: Sight) -> int:
        wanted = recommended(seen, target)
        recent.append(wanted)
        now = seen.serving + seen.booting
        return wanted if wanted >= now else min(max(recent), now)

    return decide


def recommended(seen: Sight, target: float) -> int:
    """Return the replicas that one look recommends."""
    now = seen.serving + seen.booting
    ratio = seen.load / seen.serving / target
    if seen.booting and ratio > 1:
        damped = seen.load / now / target
        return math.ceil(damped * now - 1e-9) if damped > 1 + TOLERANCE else now
    if abs(ratio - 1) <= TOLERANCE:
        return now
    return max(math.ceil(ratio * seen.serving - 1e-9), 1)


def never() -> Policy:
    """Return the policy that changes nothing."""
    return lambda seen: seen.serving + seen.booting


def always(most: int = MOST) -> Policy:
    """Return the policy that has as many replicas as are allowed."""
    return lambda _seen: most


def trigger_table(idle_usage: float = IDLE_USAGE, idle_minutes: int = IDLE_MINUTES) -> Policy:
    """Return the rule table taken literally: one more where use is high, one less where it has been idle for long."""
    high, idle = Thresholds().usage_high, 0

    def decide(seen: Sight) -> int:
        nonlocal idle
        used, now = seen.load / seen.serving, seen.serving + seen.booting
        idle = idle + 1 if used < idle_usage else 0
        if used > high and not seen.booting:
            return now + 1
        if idle >= idle_minutes:
            idle = 0
            return now - 1
        return now

    return decide


def by_chance(seed: int) -> Policy:
    """Return the policy that orders or gives back one replica now and then."""
    random = Random(seed)

    def decide(seen: Sight) -> int:
        now = seen.serving + seen.booting
        return now + random.choice((-1, 1)) if random.random() < 0.02 else now

    return decide
