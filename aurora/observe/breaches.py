"""Which of its limits a model is outside of, and whether that lasts: quiet, suspicious, breaching or flapping. Pure.

A reading is how far one point reaches towards one limit: 1 on the limit, more outside of it. `judge` follows the
readings of each sign by themselves, so that a point that does not tell a metric says nothing about it. Any points get
an answer: they are put in order of time first (of one moment, in the order given), those without a time or from the
future are left out, and a gap is simply a pair of points that lie far apart.

It does not say why, nor what to do about it: that is the engine's part. Its limits are those that the engine weighs.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from statistics import fmean, median
from typing import Literal

from aurora.domain import Baseline, MetricPoint, ModelSettings, Replica
from aurora.observe.versions import serving_run

SLIPPED = 0.05
"""How far under its baseline an accuracy counts as outside its limits."""
NOISE = 3.0
"""How many standard errors an accuracy must be under the healthy level. A fleet is looked at all day: with two, some
healthy model would be suspected every few minutes."""
POOLED_LABELS = 500
"""Labels of how many points are taken together: with so many, three standard errors are about what `SLIPPED` allows."""
POOLED_POINTS = 20
"""Of how many points at most; what lies further back is another time."""

LATENCY_MULTIPLE = 3.0
ERROR_MULTIPLE = 2.0
MEMORY_HIGH = 0.93
IMBALANCE, HOT_LOAD = 0.35, 0.7
LATENCY_IMBALANCE, HOT_LATENCY_SHARE = 2.5, 0.5
TRAFFIC_OUTAGE = 0.1
"""The engine's own limits beside those that are settings; a test holds them against `priors.json`."""

CONFIRMING, AMONG = 4, 6
"""A breach is believed when so many of so many newest readings are outside. Four, since a blip of one or two points
must pass, and one of three may be by chance; of six, since a trouble may spare a point or two."""
HUGE, CONFIRMING_HUGE = 2.0, 3
"""What reaches twice as far as its limit is believed after three in a row: one more than the longest blip."""
CALM_AT, CALMING = 0.9, 3
"""A breach is over when three readings in a row reach no further than nine tenths of the limit, or when as many as
decide about a breach are all inside: what sits on its limit must not come and go."""
IDLE_FOR = 30
"""Being idle is no trouble before so many readings in a row, and all that there are, say so: load comes back."""
FLAP_WINDOW, FLAPS, EXCURSIONS = 30, 2, 3
"""Flapping: within so many readings it was believed twice, or went outside three times without staying there."""
FORGOTTEN = 10
"""A sign that none of so many newest points tells of is not judged any more."""
FURTHEST = 1000.0
"""Where a reading ends: some limits are 0."""
_JUST_OUTSIDE = math.nextafter(1.0, 2.0)

Word = Literal["quiet", "suspicious", "breaching", "flapping"]


class Sign(StrEnum):
    """What may be outside its limits."""

    ACCURACY_LOW = "accuracy_low"
    LATENCY_HIGH = "latency_high"
    ERRORS_HIGH = "errors_high"
    DRIFT = "drift"
    NULLS_HIGH = "nulls_high"
    INVALIDS_HIGH = "invalids_high"
    USAGE_HIGH = "usage_high"
    MEMORY_HIGH = "memory_high"
    HOT_REPLICA = "hot_replica"
    IDLE = "idle"
    TRAFFIC_GONE = "traffic_gone"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one model."""

    accuracy: float
    healthy_accuracy: float
    latency_ms: float
    error_rate: float
    drift: float
    null_rate: float
    invalid_rate: float
    usage: float
    idle: float
    usual_rps: float


def bounds(settings: ModelSettings, baseline: Baseline) -> Bounds:
    """Return the limits that `settings` and the healthy level set."""
    limits, healthy = settings.thresholds, baseline.accuracy or 0.0
    slowest = LATENCY_MULTIPLE * baseline.latency_ms if baseline.latency_ms else math.inf
    accuracy = max(settings.accuracy_floor, healthy - SLIPPED)
    return Bounds(
        accuracy=accuracy,
        healthy_accuracy=max(healthy, accuracy),
        latency_ms=min(settings.latency_slo_ms, slowest),
        error_rate=max(limits.error_rate, ERROR_MULTIPLE * (baseline.error_rate or 0.0)),
        drift=limits.drift_score,
        null_rate=limits.null_rate,
        invalid_rate=limits.invalid_rate,
        usage=limits.usage_high,
        idle=limits.usage_idle,
        usual_rps=baseline.throughput_rps or 0.0,
    )


# --- one point -------------------------------------------------------------------------------------------------------


def outside(point: MetricPoint, settings: ModelSettings, baseline: Baseline) -> dict[Sign, str]:
    """Return the signs that one point shows outside its limits, each in a sentence."""
    limits = bounds(settings, baseline)
    reached = {sign: _readings([point], sign, limits)[0] for sign in Sign}
    return {sign: said(sign, point, limits) for sign, reach in reached.items() if reach is not None and reach > 1}


def _placed(reach: float, *, is_outside: bool) -> float:
    """Keep a reading on its side of 1, whatever the division rounded it to."""
    return min(max(reach, _JUST_OUTSIDE), FURTHEST) if is_outside else min(max(reach, 0.0), 1.0)


def _over(value: float | None, limit: float) -> float | None:
    if value is None:
        return None
    return _placed(value / limit if limit > 0 else FURTHEST, is_outside=value > limit)


def _at_least(value: float | None, limit: float) -> float | None:
    if value is None:
        return None
    return _placed(value / limit if limit > 0 else FURTHEST, is_outside=value >= limit)


def _under(value: float, limit: float) -> float:
    return _placed(limit / value if value > 0 else FURTHEST, is_outside=value < limit)


def _used(point: MetricPoint) -> float | None:
    """Return what limits the service: the busiest of CPU, GPU and the replicas' mean load."""
    loads = _known(replica.load for replica in point.replicas)
    known = _known((point.cpu_usage, point.gpu_usage, fmean(loads) if loads else None))
    return max(known, default=None)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _idle(point: MetricPoint, limits: Bounds) -> float | None:
    """A single replica has nothing to give back."""
    known = _known((_used(point), *(replica.load for replica in point.replicas)))
    return None if not known or len(point.replicas) == 1 else _under(max(known), limits.idle)


def _traffic_gone(point: MetricPoint, limits: Bounds) -> float | None:
    if point.throughput_rps is None or limits.usual_rps <= 0:
        return None
    return _under(point.throughput_rps / limits.usual_rps, TRAFFIC_OUTAGE)


def _hot_replica(point: MetricPoint, limits: Bounds) -> float | None:
    """One replica is ill, or much busier or slower than the others; ill ones count also where all of them are."""
    if not point.replicas:
        return None
    if any(replica.healthy is False for replica in point.replicas):
        return _JUST_OUTSIDE
    if len(point.replicas) < 2:
        return 0.0
    return max(_busier(point.replicas), _slower(point.replicas, limits.latency_ms))


def _busier(replicas: Sequence[Replica]) -> float:
    loads = sorted(_known(replica.load for replica in replicas))
    if len(loads) < 2:
        return 0.0
    apart, most = loads[-1] - fmean(loads[:-1]), loads[-1]
    return _placed(min(apart / IMBALANCE, most / HOT_LOAD), is_outside=apart > IMBALANCE and most > HOT_LOAD)


def _slower(replicas: Sequence[Replica], limit: float) -> float:
    times = sorted(_known(replica.latency_ms for replica in replicas))
    if len(times) < 2 or (usual := median(times[:-1])) <= 0:
        return 0.0
    factor, slow, late = times[-1] / usual, times[-1], HOT_LATENCY_SHARE * limit
    return _placed(min(factor / LATENCY_IMBALANCE, slow / late), is_outside=factor > LATENCY_IMBALANCE and slow > late)


Reader = Callable[[MetricPoint, Bounds], float | None]

READERS: Mapping[Sign, Reader] = {
    Sign.LATENCY_HIGH: lambda point, limits: _over(point.latency_ms, limits.latency_ms),
    Sign.ERRORS_HIGH: lambda point, limits: _over(point.error_rate, limits.error_rate),
    Sign.DRIFT: lambda point, limits: _at_least(point.data_drift_score, limits.drift),
    Sign.NULLS_HIGH: lambda point, limits: _over(point.null_rate, limits.null_rate),
    Sign.INVALIDS_HIGH: lambda point, limits: _over(point.invalid_rate, limits.invalid_rate),
    Sign.USAGE_HIGH: lambda point, limits: _over(_used(point), limits.usage),
    Sign.MEMORY_HIGH: lambda point, _: _over(point.memory_usage, MEMORY_HIGH),
    Sign.HOT_REPLICA: _hot_replica,
    Sign.IDLE: _idle,
    Sign.TRAFFIC_GONE: _traffic_gone,
}
"""Every sign that one point tells by itself; accuracy takes several, see `_accuracies`."""


def _readings(points: Sequence[MetricPoint], sign: Sign, limits: Bounds) -> list[float | None]:
    if sign is Sign.ACCURACY_LOW:
        return _accuracies(points, limits)
    read = READERS[sign]
    return [read(point, limits) for point in points]


def _accuracies(points: Sequence[MetricPoint], limits: Bounds) -> list[float | None]:
    """Read the accuracy at each point: that of the newest labels, and outside only where the point's own is too.

    So neither the noise of few labels is taken for a loss, nor two bad points for a lasting one.
    """
    readings: list[float | None] = []
    pool: deque[tuple[float, int]] = deque(maxlen=POOLED_POINTS)
    for point in points:
        if point.accuracy is None or point.labels == 0:
            readings.append(None)
        elif point.labels is None:
            readings.append(_shortfall(point.accuracy, limits))
        else:
            pool.append((point.accuracy, point.labels))
            accuracy, labels = _pooled(pool)
            error = math.sqrt(max(accuracy * (1 - accuracy), 0.01) / labels)
            sure = accuracy + NOISE * error < limits.healthy_accuracy and point.accuracy < limits.accuracy
            reach = _shortfall(accuracy, limits)
            readings.append(reach if sure else min(reach, 1.0))
    return readings


def _pooled(pool: Sequence[tuple[float, int]]) -> tuple[float, int]:
    right, labels = 0.0, 0
    for accuracy, count in reversed(pool):
        right += accuracy * count
        labels += count
        if labels >= POOLED_LABELS:
            break
    return right / labels, labels


def _shortfall(accuracy: float, limits: Bounds) -> float:
    """Return how much of the loss that is allowed was lost: of what is over the limit when healthy, else of errors."""
    top = limits.healthy_accuracy if limits.healthy_accuracy > limits.accuracy else 1.0
    allowed = top - limits.accuracy
    return _placed((top - accuracy) / allowed if allowed > 0 else FURTHEST, is_outside=accuracy < limits.accuracy)


# --- in sentences ----------------------------------------------------------------------------------------------------


def said(sign: Sign, point: MetricPoint, limits: Bounds) -> str:
    """Return what `point` shows of `sign`, with its limit: numbers and closed words only."""
    return SENTENCES[sign](point, limits)


def _replica_words(point: MetricPoint, _: Bounds) -> str:
    ill = sum(replica.healthy is False for replica in point.replicas)
    if ill:
        return f"{ill} of {len(point.replicas)} replicas unhealthy"
    loads = sorted(_known(replica.load for replica in point.replicas))
    times = sorted(_known(replica.latency_ms for replica in point.replicas))
    parts = [f"at load {loads[-1]:.2f}, the others at {fmean(loads[:-1]):.2f}"] if len(loads) > 1 else []
    parts += [f"at {times[-1]:.0f} ms, the others at {median(times[:-1]):.0f} ms"] if len(times) > 1 else []
    return f"one replica {' and '.join(parts)}"


SENTENCES: Mapping[Sign, Callable[[MetricPoint, Bounds], str]] = {
    Sign.ACCURACY_LOW: lambda point, limits: f"accuracy {point.accuracy or 0:.2f} under {limits.accuracy:.2f}",
    Sign.LATENCY_HIGH: lambda point, limits: f"latency {point.latency_ms or 0:.0f} ms over {limits.latency_ms:.0f} ms",
    Sign.ERRORS_HIGH: lambda point, limits: f"error rate {point.error_rate or 0:.3f} over {limits.error_rate:.3f}",
    Sign.DRIFT: lambda point, limits: f"drift score {point.data_drift_score or 0:.2f} at or over {limits.drift:.2f}",
    Sign.NULLS_HIGH: lambda point, limits: f"missing values {point.null_rate or 0:.1%} over {limits.null_rate:.1%}",
    Sign.INVALIDS_HIGH: lambda point, limits: (
        f"out-of-range values {point.invalid_rate or 0:.1%} over {limits.invalid_rate:.1%}"
    ),
    Sign.USAGE_HIGH: lambda point, limits: f"usage {_used(point) or 0:.0%} over {limits.usage:.0%}",
    Sign.MEMORY_HIGH: lambda point, _: f"memory {point.memory_usage or 0:.0%} over {MEMORY_HIGH:.0%}",
    Sign.HOT_REPLICA: _replica_words,
    Sign.IDLE: lambda point, limits: f"usage {_used(point) or 0:.0%} under {limits.idle:.0%} for long",
    Sign.TRAFFIC_GONE: lambda point, limits: (
        f"{point.throughput_rps or 0:.1f} requests per second, usually {limits.usual_rps:.0f}"
    ),
}


# --- a row of points -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the points of a model come to."""

    word: Word = "quiet"
    signs: tuple[str, ...] = ()
    """What is outside, in sentences; of what is only suspected where nothing is believed."""
    since: datetime | None = None
    """The first point outside."""
    levels: Mapping[Sign, float] = field(default_factory=dict)
    """How far each sign that is believed reaches; empty where none is. Also a model that flaps may have none."""
    shown: Mapping[Sign, float] = field(default_factory=dict)
    """The same with those that show as well, and are not believed yet: whoever looks now sees them too."""
    pressing: bool = False
    """Whether the newest reading of one of them is outside as well: a breach may be about to end."""
    newest_at: datetime | None = None


@dataclass(slots=True)
class _Course:
    """One sign followed through its readings."""

    confirmed: bool = False
    since: datetime | None = None
    flapping: bool = False
    doubtful: bool = False
    """Outside somewhere among the newest readings."""
    repeated: bool = False
    """And at more than one of them."""
    level: float = 0.0
    pressing: bool = False
    newest: int = 0
    """Index of the newest point outside, to be told of."""


def judge(points: Sequence[MetricPoint], settings: ModelSettings, baseline: Baseline, *, now: datetime) -> Verdict:
    """Return what `points` say about the version that serves. Never raises."""
    run = serving_run(points, now)
    if not run:
        return Verdict()
    limits = bounds(settings, baseline)
    courses = {sign: course for sign in Sign if (course := _course(run, sign, limits)) is not None}
    return _verdict(run, courses, limits)


def breaching_points(points: Sequence[MetricPoint], settings: ModelSettings, baseline: Baseline) -> int:
    """Return how many of the newest points in a row were outside a limit, of those that tell of it.

    Neither being idle nor, beside an accuracy, a drift that the model answers well is a trouble that lasts: a blip of
    something else on top of them must still look like one.
    """
    limits = bounds(settings, baseline)
    readings = {sign: _readings(points, sign, limits) for sign in Sign if sign is not Sign.IDLE}
    if any(reach is not None for reach in readings[Sign.ACCURACY_LOW]):
        del readings[Sign.DRIFT]
    return max(map(_run_length, readings.values()))


def _run_length(readings: Sequence[float | None]) -> int:
    length = 0
    for reach in reversed(readings):
        if reach is None:
            continue
        if reach <= 1:
            break
        length += 1
    return length


Read = tuple[int, datetime, float]
"""Index of the point, its time, how far it reaches."""


def _course(run: Sequence[MetricPoint], sign: Sign, limits: Bounds) -> _Course | None:
    readings = _readings(run, sign, limits)
    told = [
        (index, point.timestamp, reach)
        for index, (point, reach) in enumerate(zip(run, readings, strict=True))
        if reach is not None and point.timestamp is not None
    ]
    if not told or told[-1][0] < len(run) - FORGOTTEN or all(reach <= 1 for _, _, reach in told):
        return None
    return _idle_course(told) if sign is Sign.IDLE else _followed(told)


def _idle_course(told: Sequence[Read]) -> _Course | None:
    """Long idle is all of it or nothing: what is idle now and then is not over-provisioned."""
    if len(told) < IDLE_FOR or any(reach <= 1 for _, _, reach in told):
        return None
    index, _, level = told[-1]
    return _Course(confirmed=True, since=told[0][1], level=level, pressing=True, newest=index)


def _followed(told: Sequence[Read]) -> _Course:
    """Follow the readings from the oldest to the newest."""
    course = _Course()
    entries: list[int] = []
    excursions: list[int] = []
    newest: deque[Read] = deque(maxlen=AMONG)
    calm, away = 0, False
    for place, read in enumerate(told):
        newest.append(read)
        calm = calm + 1 if read[2] <= CALM_AT else 0
        if read[2] > 1 and not away:
            excursions.append(place)
        away = read[2] > 1 or (away and read[2] > CALM_AT)
        if course.confirmed and (calm >= CALMING or _all_inside(newest)):
            course.confirmed = False
        elif not course.confirmed and _believed(newest):
            course.confirmed = True
            course.since = next(at for _, at, reach in newest if reach > 1)
            entries.append(place)
            # What is believed now was one excursion, though it spared a point or two.
            excursions = [begun for begun in excursions if begun <= place - AMONG] + [place]
    _sum_up(course, told, newest)
    lately = len(told) - FLAP_WINDOW
    often = sum(place >= lately for place in excursions) >= EXCURSIONS
    lasting = sum(reach > 1 for _, _, reach in told[-FLAP_WINDOW:]) >= CONFIRMING
    course.flapping = sum(place >= lately for place in entries) >= FLAPS or (often and lasting)
    return course


def _sum_up(course: _Course, told: Sequence[Read], newest: Iterable[Read]) -> None:
    beyond = [read for read in newest if read[2] > 1]
    course.doubtful, course.repeated = bool(beyond), len(beyond) > 1
    course.pressing = told[-1][2] > 1
    if not course.confirmed:
        course.since = beyond[0][1] if beyond else None
    if beyond:
        course.level = median(reach for _, _, reach in beyond)
        course.newest = beyond[-1][0]
    else:
        course.level = told[-1][2]
        course.newest = max(index for index, _, reach in told if reach > 1)


def _believed(newest: Sequence[Read]) -> bool:
    reaches = [reach for _, _, reach in newest]
    last = reaches[-CONFIRMING_HUGE:]
    huge = len(last) == CONFIRMING_HUGE and all(reach >= HUGE for reach in last)
    return huge or sum(reach > 1 for reach in reaches) >= CONFIRMING


def _all_inside(newest: Sequence[Read]) -> bool:
    return len(newest) == AMONG and all(reach <= 1 for _, _, reach in newest)


def _verdict(run: Sequence[MetricPoint], courses: Mapping[Sign, _Course], limits: Bounds) -> Verdict:
    believed = {sign: course for sign, course in courses.items() if course.confirmed}
    doubted = {sign: course for sign, course in courses.items() if course.doubtful or course.flapping}
    told = believed or doubted
    times = [course.since for course in told.values() if course.since is not None]
    return Verdict(
        word=_word(believed, doubted),
        signs=tuple(said(sign, run[course.newest], limits) for sign, course in told.items()),
        since=min(times, default=None),
        levels={sign: course.level for sign, course in believed.items()},
        shown={sign: course.level for sign, course in courses.items() if course.confirmed or course.repeated},
        pressing=any(course.pressing for course in believed.values()),
        newest_at=run[-1].timestamp,
    )


def _word(believed: Mapping[Sign, _Course], doubted: Mapping[Sign, _Course]) -> Word:
    if any(course.flapping for course in (believed or doubted).values()):
        return "flapping"
    if believed:
        return "breaching"
    return "suspicious" if doubted else "quiet"
