"""Whether a model is outside of its limits, and whether that lasts: quiet, suspicious, breaching or flapping. Pure.

`judge` follows the readings of each sign by themselves, so that a point that does not tell a metric says nothing about
it. Any points get an answer: they are put in order of time first (of one moment, in the order given), those without a
time or from the future are left out, and a gap is simply a pair of points that lie far apart.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Literal

from aurora.domain import Baseline, MetricPoint, ModelSettings
from aurora.observe.readings import Bounds, Sign, bounds, is_idle_now, reaches, said
from aurora.observe.versions import serving_run

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

Word = Literal["quiet", "suspicious", "breaching", "flapping"]


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
    readings = {sign: reaches(points, sign, limits) for sign in Sign if sign is not Sign.IDLE}
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
    if sign is Sign.IDLE and not is_idle_now(run, limits):
        return None  # Mostly so, and then the other points need not be read.
    readings = reaches(run, sign, limits)
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
