"""The world counts: a model that reported is judged by its own points, and by the control that a tool measured."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Action, Goal, MetricPoint, Step, ToolResult, Verification
from aurora.policy.evidence import Evidence, brought_in
from aurora.policy.series import MIN_POINTS
from aurora.policy.verification import is_unheard, verify

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

ACCURACY = Goal(
    metric="accuracy", direction="at_least", threshold=0.8, before=0.7, within_minutes=0.2, summary="accuracy of 0.8"
)
LATENCY = Goal(
    metric="latency_ms", direction="at_most", threshold=1000, before=2000, within_minutes=0.2, summary="1000 ms"
)
USAGE = Goal(metric="usage", direction="at_most", threshold=0.85, before=0.95, within_minutes=0.2, summary="usage")


def points(metric: str, values: Iterable[float], start: datetime = START, **more: Any) -> list[MetricPoint]:
    told = {"throughput_rps": 100.0, "labels": 50} | more
    return [
        MetricPoint.model_validate(
            {"model_name": "m", "timestamp": start + number * SECOND, **told, metric: round(value, 6)}
        )
        for number, value in enumerate(values)
    ]


BEFORE = START - timedelta(minutes=1)
OLD = points("accuracy", [0.69, 0.7, 0.71, 0.7, 0.7, 0.69, 0.7], BEFORE)
SLOW = points("latency_ms", [1990, 2000, 2010, 2000, 1995, 2005], BEFORE)


def seen(before: list[MetricPoint], after: list[MetricPoint], **more: Any) -> Evidence:
    return Evidence(points_before=before, points_after=after, **more)


def done(state: str = "done", **answer: Any) -> ToolResult:
    return ToolResult(status="ok", called="test.look_up", answer={"state": state, **answer})


def measured(after: float, control: float | None = None, samples: int = 500, **more: Any) -> ToolResult:
    entry = {"before": 0.7, "after": after, "samples": samples}
    return done(metrics={"accuracy": entry if control is None else {**entry, "control": control}}, **more)


def accurate(value: float, count: int = 10, **more: Any) -> list[MetricPoint]:
    return points("accuracy", [value + (0.01 if number % 2 else 0.0) for number in range(count)], **more)


# --- the model's own points ------------------------------------------------------------------------------------------


def test_what_the_model_reports_afterwards_counts_and_not_what_the_tool_says_of_itself() -> None:
    found = verify(ACCURACY, seen(OLD, accurate(0.6), tool=measured(0.95)))
    assert (found.outcome, found.source) == ("not_better", "history")
    found = verify(ACCURACY, seen(OLD, accurate(0.85), tool=measured(0.5)))
    assert (found.outcome, found.source, found.verified) == ("better", "history", True)


def test_it_is_told_what_was_measured_over_how_many_points_and_labels() -> None:
    found = verify(ACCURACY, seen(OLD, accurate(0.85), tool=measured(0.86, control=0.7)))
    assert found.reasoning == (
        "Accuracy went from 0.7 to 0.855; the goal was at least 0.8: reached. The model's own reports say so: the"
        " median of 5 points with 250 labels before, the median of 10 points with 500 labels since. On 500 samples the"
        " tool measured 0.86 with the change and 0.7 without: better by more than chance."
    )


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ([], "reported nothing since"),
        (accurate(0.95, throughput_rps=0.0), "no traffic"),
        (accurate(0.95, throughput_rps=3.0), "no traffic"),
        (accurate(0.95, labels=0), "with labels behind it"),
        (accurate(0.95, count=MIN_POINTS - 1), f"it takes {MIN_POINTS}"),
        (points("latency_ms", [100] * 10), "0 of the 10 points"),
    ],
    ids=["silence", "no traffic", "hardly any traffic", "no labels", "too few points", "another metric"],
)
@pytest.mark.parametrize("tool", [None, done(), measured(0.99), measured(0.99, control=0.5)])
def test_what_is_missing_is_never_better_whatever_the_tool_says(
    after: list[MetricPoint], why: str, tool: ToolResult | None
) -> None:
    evidence = seen(OLD, after, tool=tool)
    found = verify(ACCURACY, evidence)
    assert (found.outcome, found.verified) == ("cannot_tell", False)
    assert why in found.reasoning
    assert is_unheard(ACCURACY, evidence)


def test_a_latency_that_fell_because_nobody_calls_is_no_success() -> None:
    found = verify(LATENCY, seen(SLOW, points("latency_ms", [20] * 10, throughput_rps=5.0)))
    assert found.outcome == "cannot_tell"
    assert verify(LATENCY, seen(SLOW, points("latency_ms", [20] * 10, throughput_rps=60.0))).outcome == "better"


def test_a_service_that_fell_silent_in_the_middle_of_its_window_may_have_stopped() -> None:
    end = {"since": START, "looked_at": START + 12 * SECOND}
    assert verify(ACCURACY, seen(OLD, accurate(0.9, count=12), **end)).outcome == "better"
    stopped = seen(OLD, accurate(0.9, count=5), **end)
    found = verify(ACCURACY, stopped)
    assert found.outcome == "cannot_tell"
    assert "after 08:00:04 UTC" in found.reasoning
    assert is_unheard(ACCURACY, stopped)


@pytest.mark.parametrize("state", ["failed", "stopped", "Down"])
def test_what_the_tool_says_has_failed_did_not_help(state: str) -> None:
    evidence = seen(OLD, accurate(0.9), tool=done(state))
    assert verify(ACCURACY, evidence).outcome == "not_better"
    assert not is_unheard(ACCURACY, evidence)


def test_a_canary_that_was_withdrawn_did_not_help() -> None:
    lost = done(phase="withdrawn").evolve(detail="It answered 61 % rightly, the one that serves 64 %.")
    found = verify(ACCURACY, seen(OLD, accurate(0.9), tool=lost))
    assert found.outcome == "not_better"
    assert "61 %" in found.reasoning


def test_a_change_that_is_still_on_its_way_has_not_helped_yet() -> None:
    assert verify(ACCURACY, seen(OLD, accurate(0.9), tool=done("running"))).outcome == "cannot_tell"


def test_a_model_that_never_told_of_the_metric_is_judged_by_the_tool_as_long_as_it_lives() -> None:
    others = points("latency_ms", [100] * 6, BEFORE)
    assert verify(ACCURACY, seen(others, points("latency_ms", [100] * 6), tool=measured(0.9))).outcome == "better"
    dead = seen(others, [], tool=measured(0.9))
    assert verify(ACCURACY, dead).outcome == "cannot_tell"
    assert is_unheard(ACCURACY, dead)


def test_a_model_that_never_reported_is_judged_by_the_tool() -> None:
    evidence = Evidence(tool=measured(0.9))
    assert verify(ACCURACY, evidence).outcome == "better"
    assert not is_unheard(ACCURACY, evidence)


def test_zero_traffic_afterwards_is_never_better_for_a_model_that_never_reported_either() -> None:
    idle = points("latency_ms", [5] * 5, throughput_rps=0.0)
    assert verify(ACCURACY, Evidence(tool=measured(0.9), points_after=idle)).outcome == "cannot_tell"


# --- noise -----------------------------------------------------------------------------------------------------------

NOISY = points("latency_ms", [2000, 1200, 2300, 1500, 2600, 1400, 2200, 1300], BEFORE)


def test_a_difference_inside_the_noise_is_neither_better_nor_worse() -> None:
    """The goal is near enough for chance to reach it, and to miss it."""
    near = LATENCY.evolve(threshold=1700)
    for after in ([1500, 2100, 1300, 1900], [2400, 1900, 2600, 1700]):
        assert verify(near, seen(NOISY, points("latency_ms", after))).outcome == "cannot_tell"


def test_the_same_difference_counts_where_there_is_no_noise() -> None:
    near = LATENCY.evolve(threshold=1700)
    assert verify(near, seen(SLOW, points("latency_ms", [1700, 1690, 1695, 1700]))).outcome == "better"
    assert verify(near, seen(SLOW, points("latency_ms", [2300, 2310, 2290, 2300]))).outcome == "not_better"


def test_what_is_surely_short_of_its_goal_is_not_better_though_it_is_no_worse() -> None:
    assert verify(LATENCY, seen(SLOW, points("latency_ms", [1990, 2005, 1995, 2000]))).outcome == "not_better"


def test_few_labels_make_an_accuracy_uncertain_however_steady_it_looks() -> None:
    few, many = accurate(0.76, labels=1), accurate(0.76, labels=500)
    old = [point.evolve(labels=500) for point in OLD]
    assert verify(ACCURACY, seen(old, few)).outcome == "cannot_tell"
    assert verify(ACCURACY, seen(old, many)).outcome == "better"


def test_a_step_just_before_the_action_is_no_noise() -> None:
    """The trouble that the action is for begins shortly before it."""
    broken = points("latency_ms", [200] * 15 + [2000] * 5, BEFORE)
    assert verify(LATENCY, seen(broken, points("latency_ms", [210] * 6))).outcome == "better"
    found = verify(LATENCY, seen(broken, points("latency_ms", [2000] * 6)))
    assert (found.outcome, found.before) == ("not_better", 2000)


@pytest.mark.parametrize("bad", [1, 2, 5])
def test_what_was_done_about_young_trouble_is_held_against_the_trouble(bad: int) -> None:
    """Most of the points before may be from when all was well."""
    young = points("latency_ms", [200] * 10 + [2000] * bad, BEFORE)
    found = verify(LATENCY, seen(young, points("latency_ms", [210] * 6)))
    assert (found.outcome, found.before) == ("better", 2000)
    assert verify(LATENCY, seen(young, points("latency_ms", [2000] * 6))).outcome == "not_better"


def test_a_goal_that_was_met_again_before_the_action_is_not_its_success() -> None:
    """A blip ends by itself."""
    blip = points("latency_ms", [2500, 300, 300, 300, 300, 300], BEFORE)
    found = verify(LATENCY, seen(blip, points("latency_ms", [300] * 6)))
    assert found.outcome == "cannot_tell"
    assert "met before already" in found.reasoning


# --- versions, replicas, memory --------------------------------------------------------------------------------------


def test_only_the_version_that_was_brought_in_speaks_for_the_change() -> None:
    mixed = accurate(0.95, model_version="1") + accurate(0.6, model_version="2", start=START + 10 * SECOND)
    found = verify(ACCURACY, seen(OLD, mixed, version="2"))
    assert found.outcome == "not_better"
    assert found.after == pytest.approx(0.605)
    assert verify(ACCURACY, seen(OLD, accurate(0.95, model_version="1"), version="2")).outcome == "cannot_tell"


def test_where_points_name_no_versions_all_of_them_speak() -> None:
    assert verify(ACCURACY, seen(OLD, accurate(0.9), version="2")).outcome == "better"


@pytest.mark.parametrize(
    ("step", "answer", "version"),
    [
        (Step(action=Action.RETRAIN, target="m"), {"version": "2"}, "2"),
        (Step(action=Action.RETRAIN, target="m"), {"version": 2}, None),
        (Step(action=Action.RETRAIN, target="m"), {}, None),
        (Step(action=Action.ROUTE, target="m", parameters={"to_version": "1"}), {"version": "1"}, "1"),
        (Step(action=Action.ROUTE, target="m", parameters={"weights": {"a": 100}}), {"version": "2"}, None),
        (Step(action=Action.SCALE, target="m", parameters={"replicas": 3}), {"version": "2"}, None),
    ],
)
def test_a_training_and_a_way_back_bring_in_a_version(step: Step, answer: dict[str, Any], version: str | None) -> None:
    assert brought_in(step, answer) == version


def loaded(hottest: float) -> dict[str, Any]:
    return {"replicas": [{"name": "r1", "load": hottest}, {"name": "r2", "load": 0.2}]}


def test_the_busiest_replica_is_usage_too() -> None:
    hot = points("cpu_usage", [0.5] * 5, BEFORE, **loaded(0.97))
    assert verify(USAGE, seen(hot, points("cpu_usage", [0.5] * 5, **loaded(0.55)))).outcome == "better"
    assert verify(USAGE, seen(hot, points("cpu_usage", [0.3] * 5, **loaded(0.97)))).outcome == "not_better"


def test_a_resource_that_is_not_told_any_more_may_be_the_one_that_is_full() -> None:
    hot = points("cpu_usage", [0.5] * 5, BEFORE, **loaded(0.97))
    assert verify(USAGE, seen(hot, points("cpu_usage", [0.3] * 5))).outcome == "cannot_tell"


def test_memory_counts_where_memory_was_the_complaint() -> None:
    memory = USAGE.evolve(metric="memory_usage")
    full = points("memory_usage", [0.96] * 5, BEFORE, cpu_usage=0.3)
    assert verify(memory, seen(full, points("memory_usage", [0.5] * 5, cpu_usage=0.3))).outcome == "better"
    assert verify(memory, seen(full, points("memory_usage", [0.97] * 5, cpu_usage=0.1))).outcome == "not_better"
    assert verify(memory, seen(full, points("cpu_usage", [0.1] * 5))).outcome == "cannot_tell"


def test_a_leak_that_went_with_its_version_is_verified_by_memory_alone() -> None:
    """What the replicas that leaked still had while the traffic moved is not held against the version before."""
    memory = USAGE.evolve(metric="memory_usage")
    leaking = points("memory_usage", [0.8, 0.84, 0.88, 0.92, 0.96, 0.99], BEFORE, model_version="2", latency_ms=900.0)
    moving = points("memory_usage", [0.99] * 2, model_version="2")
    freed = points("memory_usage", [0.45] * 5, start=START + 10 * SECOND, model_version="1", latency_ms=900.0)
    assert verify(memory, seen(leaking, moving + freed, version="1")).outcome == "better"
    still = points("memory_usage", [0.97] * 5, start=START + 10 * SECOND, model_version="1")
    assert verify(memory, seen(leaking, moving + still, version="1")).outcome == "not_better"


# --- a control -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "control", "samples", "outcome"),
    [
        (0.86, 0.61, 500, "better"),
        (0.61, 0.86, 500, "not_better"),
        (0.7, 0.7, 500, "not_better"),
        (0.71, 0.7, 500, "not_better"),
        (0.71, 0.7, 50, "cannot_tell"),
        (0.66, 0.7, 50, "cannot_tell"),
        (0.3, 0.7, 50, "not_better"),
        (0.95, 0.7, 50, "better"),
        (1.0, 0.0, 2, "cannot_tell"),
        (0.74, 0.55, 500, "better"),
        (0.66, 0.55, 500, "cannot_tell"),
    ],
)
def test_what_is_new_must_beat_its_control_by_more_than_chance(
    after: float, control: float, samples: int, outcome: str
) -> None:
    found = verify(ACCURACY, Evidence(tool=measured(after, control, samples)))
    assert found.outcome == outcome
    assert f"{control:.4g} without" in found.reasoning


@pytest.mark.parametrize(
    ("own", "after", "control", "samples", "outcome"),
    [
        pytest.param(0.85, 0.86, 0.65, 500, "better", id="both better"),
        pytest.param(0.85, 0.6, 0.7, 500, "not_better", id="the control says worse"),
        pytest.param(0.6, 0.86, 0.65, 500, "not_better", id="the world says worse"),
        pytest.param(0.85, 0.7, 0.7, 500, "cannot_tell", id="better, but not than without"),
        pytest.param(0.85, 0.72, 0.7, 20, "better", id="too few for the control to speak"),
        pytest.param(0.72, 0.86, 0.65, 500, "cannot_tell", id="short, and yet better than without"),
        pytest.param(0.69, 0.7, 0.7, 500, "not_better", id="neither helped"),
        pytest.param(0.745, 0.86, 0.65, 500, "better", id="the noise hides what the control shows"),
    ],
)
def test_where_the_world_and_the_control_disagree_the_careful_answer_wins(
    own: float, after: float, control: float, samples: int, outcome: str
) -> None:
    labels = 20 if own == 0.745 else 2000
    evidence = seen(
        [p.evolve(labels=labels) for p in OLD], accurate(own, labels=labels), tool=measured(after, control, samples)
    )
    assert verify(ACCURACY, evidence).outcome == outcome


def test_a_control_that_says_worse_holds_also_while_the_model_is_silent() -> None:
    assert verify(ACCURACY, seen(OLD, [], tool=measured(0.5, control=0.7))).outcome == "not_better"


def test_a_control_of_another_kind_of_metric_must_be_beaten_by_a_margin() -> None:
    def latency(after: float, control: float) -> ToolResult:
        return done(metrics={"latency_ms": {"before": 2000, "after": after, "control": control, "samples": 900}})

    assert verify(LATENCY, Evidence(tool=latency(500, 1900))).outcome == "better"
    assert verify(LATENCY, Evidence(tool=latency(900, 910))).outcome == "not_better"
    assert verify(LATENCY, Evidence(tool=latency(2000, 1000))).outcome == "not_better"


# --- properties ------------------------------------------------------------------------------------------------------

ratio = st.floats(0, 1).map(lambda value: round(value, 4))
maybe = st.none() | ratio
pasts = st.lists(ratio, min_size=1, max_size=25)
series = st.lists(ratio, max_size=25)
tools = st.none() | st.builds(measured, ratio, maybe, st.integers(1, 5000)) | st.just(done())


def at(before: list[float], after: list[float], **more: Any) -> Evidence:
    """What accuracies before and after look like."""
    tool, labels = more.pop("tool", None), more.pop("labels", 50)
    return seen(points("accuracy", before, BEFORE), points("accuracy", after, labels=labels, **more), tool=tool)


def outcome(goal: Goal, evidence: Evidence) -> str:
    found: Verification = verify(goal, evidence)
    assert found.reasoning.endswith(".")
    return found.outcome


@given(pasts, series, tools, ratio)
def test_missing_data_is_never_better(before: list[float], after: list[float], tool: Any, threshold: float) -> None:
    goal = ACCURACY.evolve(threshold=threshold)
    for evidence in (
        at(before, [], tool=tool),
        at(before, after, tool=tool, labels=0),
        at(before, after, tool=tool, throughput_rps=0.0),
        at(before, after[: MIN_POINTS - 1], tool=tool),
        replace(at(before, after), tool=done("stopped")),
        replace(at(before, after), tool=done(phase="withdrawn")),
        replace(at(before, after), tool=done("running")),
    ):
        assert outcome(goal, evidence) != "better"


@given(pasts, st.lists(st.tuples(ratio, ratio), min_size=1, max_size=25), tools, ratio, st.booleans())
def test_to_have_become_better_never_makes_a_failure_of_a_success(
    before: list[float], after: list[tuple[float, float]], tool: Any, threshold: float, keep: bool
) -> None:
    goal = ACCURACY.evolve(threshold=threshold, keep=keep)
    worse, improved = ([pick(pair) for pair in after] for pick in (min, max))
    if outcome(goal, at(before, worse, tool=tool)) == "better":
        assert outcome(goal, at(before, improved, tool=tool)) != "not_better"


@given(ratio, ratio, ratio, st.integers(1, 5000), ratio)
def test_to_have_measured_better_never_makes_a_failure_of_a_success(
    one: float, other: float, control: float, samples: int, threshold: float
) -> None:
    goal = ACCURACY.evolve(threshold=threshold)
    worse, improved = (Evidence(tool=measured(pick(one, other), control, samples)) for pick in (min, max))
    if outcome(goal, worse) == "better":
        assert outcome(goal, improved) == "better"


@given(pasts, series, tools, st.randoms(use_true_random=False))
def test_the_order_of_points_and_points_told_twice_mean_nothing(
    before: list[float], after: list[float], tool: Any, shuffle: random.Random
) -> None:
    def mixed(told: Sequence[MetricPoint]) -> list[MetricPoint]:
        twice = [*told, *told[::2]]
        shuffle.shuffle(twice)
        return twice

    evidence = at(before, after, tool=tool)
    other = replace(evidence, points_before=mixed(evidence.points_before), points_after=mixed(evidence.points_after))
    assert verify(ACCURACY, other) == verify(ACCURACY, evidence)


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=12),
    st.lists(st.integers(1, 5000), max_size=12),
    st.sampled_from([0.25, 2.0, 1024.0]),
)
def test_the_unit_of_a_metric_means_nothing(before: list[int], after: list[int], unit: float) -> None:
    def told(factor: float) -> str:
        goal = LATENCY.evolve(threshold=1000 * factor, before=2000 * factor)
        past = points("latency_ms", (value * factor for value in before), BEFORE)
        return outcome(goal, seen(past, points("latency_ms", (value * factor for value in after))))

    assert told(unit) == told(1.0)


@given(pasts, series, tools)
def test_accuracy_and_its_mirror_are_judged_alike(before: list[float], after: list[float], tool: Any) -> None:
    """An error rate is one minus an accuracy: what makes the one better makes the other better."""
    mirror = Goal(
        metric="error_rate", direction="at_most", threshold=0.2, before=0.3, within_minutes=0.2, summary="errors"
    )

    def flip(values: list[float]) -> list[float]:
        return [1 - value for value in values]

    plain = seen(points("accuracy", before, BEFORE), points("accuracy", after))
    other = seen(points("error_rate", flip(before), BEFORE), points("error_rate", flip(after)))
    words = {outcome(ACCURACY, plain), outcome(mirror, other)}
    assert words != {"better", "not_better"}


def test_chance_alone_is_called_better_in_few_and_worse_in_few() -> None:
    """Nothing changed at all: what is said of it must not depend on luck."""
    dice = random.Random(7)
    goal = ACCURACY.evolve(threshold=0.72)
    told = []
    for _ in range(400):
        before, after = ([dice.gauss(0.7, 0.02) for _ in range(count)] for count in (20, 10))
        told.append(outcome(goal, at(before, after)))
    assert told.count("better") <= 0.06 * len(told)


def test_many_points_are_looked_at_in_no_time() -> None:
    many = [0.7 + 0.0001 * (number % 100) for number in range(20_000)]
    assert outcome(ACCURACY, at(many, [value + 0.15 for value in many])) == "better"
