"""Better, not better, cannot tell: and missing data is never better."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora.domain import Goal, MetricPoint, OutcomeReport, ToolResult, Verification
from aurora.policy.evidence import Evidence
from aurora.policy.verification import verify

ACCURACY = Goal(
    metric="accuracy", direction="at_least", threshold=0.8, before=0.72, within_minutes=120, summary="accuracy of 0.8"
)
LATENCY = Goal(
    metric="latency_ms", direction="at_most", threshold=1000, before=1400, within_minutes=120, summary="1000 ms"
)
USAGE = Goal(metric="usage", direction="at_most", threshold=0.85, before=0.05, within_minutes=120, summary="usage")
ROOM = USAGE.evolve(keep=True)


def tool(metrics: Any = None, status: str = "ok", state: str = "done", **answer: Any) -> ToolResult:
    told = {"state": state, **({"metrics": metrics} if metrics is not None else {}), **answer}
    return ToolResult.model_validate({"status": status, "called": "test.look_up", "answer": told})


def point(**values: Any) -> MetricPoint:
    return MetricPoint(model_name="m", **values)


def by_tool(goal: Goal, entry: dict[str, Any], **more: Any) -> Verification:
    return verify(goal, Evidence(tool=tool({goal.metric: entry} | more)))


def test_a_goal_that_the_tool_measured_as_reached_is_better_and_verified() -> None:
    found = by_tool(ACCURACY, {"before": 0.72, "after": 0.9, "samples": 500})
    assert (found.outcome, found.source, found.verified) == ("better", "tool", True)
    assert (found.before, found.after) == (0.72, 0.9)


def test_a_goal_that_the_tool_measured_as_missed_is_not_better() -> None:
    found = by_tool(LATENCY, {"before": 1400.0, "after": 1300.0, "samples": 500})
    assert (found.outcome, found.verified) == ("not_better", True)


def test_a_goal_that_was_reached_before_and_is_worse_now_is_not_better() -> None:
    low = ACCURACY.evolve(threshold=0.6)
    assert by_tool(low, {"before": 0.72, "after": 0.65, "samples": 500}).outcome == "not_better"


def test_usage_may_rise_as_long_as_it_stays_under_its_limit_where_replicas_were_given_back() -> None:
    assert by_tool(ROOM, {"before": 0.05, "after": 0.12, "samples": 500}).outcome == "better"
    assert by_tool(ROOM, {"before": 0.05, "after": 0.92, "samples": 500}).outcome == "not_better"


@pytest.mark.parametrize("after", [0.05, 0.12, 0.8])
def test_a_goal_that_was_met_before_is_not_reached_for_still_being_met(after: float) -> None:
    found = by_tool(USAGE, {"before": 0.05, "after": after, "samples": 500})
    assert (found.outcome, found.verified) == ("cannot_tell", False)


@pytest.mark.parametrize(
    "entry",
    [
        {"before": 0.72, "after": 0.9, "samples": 0},
        {"before": 0.72, "after": 0.9},
        {"before": 0.72, "after": None, "samples": 100},
        {"before": 0.72, "samples": 100},
        {"before": 0.72, "after": math.nan, "samples": 100},
        {"before": 0.72, "after": math.inf, "samples": 100},
        {"before": 0.72, "after": True, "samples": 100},
        {"before": 0.72, "after": "0.9", "samples": 100},
        {"before": 0.72, "after": 0.9, "samples": -1},
        {},
        None,
        [0.72, 0.9],
    ],
    ids=str,
)
def test_what_is_not_whole_was_not_measured(entry: Any) -> None:
    found = verify(ACCURACY, Evidence(tool=tool({"accuracy": entry})))
    assert (found.outcome, found.verified) == ("cannot_tell", False)


@pytest.mark.parametrize("state", ["stopped", "failed", "down"])
def test_a_stopped_service_and_a_failed_job_are_not_better(state: str) -> None:
    entry = {"accuracy": {"before": 0.72, "after": 0.99, "samples": 500}}
    assert verify(ACCURACY, Evidence(tool=tool(entry, state=state))).outcome == "not_better"


def test_a_job_that_still_runs_tells_nothing_yet() -> None:
    entry = {"accuracy": {"before": 0.72, "after": 0.99, "samples": 500}}
    assert verify(ACCURACY, Evidence(tool=tool(entry, state="running"))).outcome == "cannot_tell"


def test_a_service_without_traffic_is_never_better() -> None:
    silent = {"throughput_rps": {"before": 100.0, "after": 0.0, "samples": 10}}
    found = by_tool(LATENCY, {"before": 1400.0, "after": 5.0, "samples": 10}, **silent)
    assert found.outcome == "cannot_tell"
    points = [point(latency_ms=5.0, throughput_rps=0.0)] * 5
    assert verify(LATENCY, Evidence(points_after=points)).outcome == "cannot_tell"


@pytest.mark.parametrize(("after", "outcome"), [(0.71, "not_better"), (0.75, "not_better"), (0.79, "better")])
def test_most_of_the_way_to_the_goal_helped_too(after: float, outcome: str) -> None:
    """Taking back what is short of its goal and yet far better than before would only do harm."""
    assert by_tool(ACCURACY, {"before": 0.72, "after": after, "samples": 500}).outcome == outcome


@pytest.mark.parametrize("status", ["failed", "no_data", "refused"])
def test_a_tool_that_cannot_answer_leaves_it_to_the_history(status: str) -> None:
    after = [point(accuracy=0.9), point(accuracy=0.88), point(accuracy=0.89)]
    found = verify(ACCURACY, Evidence(tool=tool(status=status), points_after=after))
    assert (found.outcome, found.source, found.verified) == ("better", "history", True)


def test_what_the_tool_knows_nothing_of_any_more_did_not_fail() -> None:
    after = [point(accuracy=0.6)] * 5
    found = verify(ACCURACY, Evidence(tool=tool(status="no_data"), points_after=after))
    assert (found.outcome, found.source, found.verified) == ("cannot_tell", "tool", False)


def test_the_history_is_read_by_its_median_and_only_where_labels_stand_behind_it() -> None:
    after = [point(accuracy=0.64), point(accuracy=0.65), point(accuracy=0.65), point(accuracy=1.0)]
    assert verify(ACCURACY, Evidence(points_before=[point(accuracy=0.6)], points_after=after)).outcome == "not_better"
    assert verify(ACCURACY, Evidence(points_after=[point(accuracy=0.9, labels=0)] * 5)).outcome == "cannot_tell"


@pytest.mark.parametrize(("before", "after"), [(0.05, 0.95), (0.05, 0.86), (0.84, 0.99), (0.85, 0.9)])
def test_what_met_its_goal_before_and_misses_it_now_is_not_on_its_way_there(before: float, after: float) -> None:
    assert by_tool(USAGE, {"before": before, "after": after, "samples": 500}).outcome == "not_better"


def test_usage_is_read_from_the_busier_resource() -> None:
    after = [point(cpu_usage=0.2, gpu_usage=0.94)] * 3
    assert verify(USAGE, Evidence(points_after=after)).outcome == "not_better"


def test_a_history_of_other_metrics_tells_nothing() -> None:
    assert verify(LATENCY, Evidence(points_after=[point(accuracy=0.9)])).outcome == "cannot_tell"


@pytest.mark.parametrize(("success", "outcome"), [(True, "better"), (False, "not_better")])
def test_a_person_is_believed_and_not_taken_for_a_measurement(success: bool, outcome: str) -> None:
    found = verify(ACCURACY, Evidence(report=OutcomeReport(success=success)))
    assert (found.outcome, found.source, found.verified) == (outcome, "person", False)


def test_a_reported_success_whose_own_numbers_miss_the_goal_cannot_be_told() -> None:
    report = OutcomeReport(success=True, metrics={"accuracy": 0.5})
    assert verify(ACCURACY, Evidence(report=report)).outcome == "cannot_tell"


def test_what_was_measured_counts_before_a_reported_success() -> None:
    entry = {"accuracy": {"before": 0.72, "after": 0.7, "samples": 500}}
    found = verify(ACCURACY, Evidence(tool=tool(entry), report=OutcomeReport(success=True)))
    assert (found.outcome, found.verified) == ("not_better", True)


@pytest.mark.parametrize("goal", [None, ACCURACY.evolve(metric="none")])
def test_without_a_goal_nothing_can_be_told(goal: Goal | None) -> None:
    entry = {"accuracy": {"before": 0.72, "after": 0.9, "samples": 500}}
    assert verify(goal, Evidence(tool=tool(entry))).outcome == "cannot_tell"


def test_without_evidence_nothing_can_be_told() -> None:
    assert verify(ACCURACY, Evidence()).outcome == "cannot_tell"


JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["accuracy", "before", "after", "samples", "state", "metrics"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metrics", "state", "x"]), JUNK))
def test_no_answer_of_a_tool_breaks_it(answer: dict[str, Any]) -> None:
    found = verify(ACCURACY, Evidence(tool=ToolResult(status="ok", called="test", answer=answer)))
    assert found.outcome in ("better", "not_better", "cannot_tell")
    assert found.outcome != "better" or found.verified


@pytest.mark.parametrize("status", ["failed", "refused"])
def test_a_job_that_failed_did_not_help_whatever_else_was_seen(status: str) -> None:
    ended = tool(status=status, state="failed").evolve(detail="The process died.")

    found = verify(ACCURACY, Evidence(tool=ended, points_after=[point(accuracy=0.9)]))

    assert (found.outcome, found.source, found.verified) == ("not_better", "tool", True)
    assert "The process died." in found.reasoning


def test_a_look_that_failed_says_nothing_of_what_was_done() -> None:
    unreachable = ToolResult(status="failed", called="test.look_up", detail="No route to host.")

    assert verify(ACCURACY, Evidence(tool=unreachable)).outcome == "cannot_tell"
    assert verify(ACCURACY, Evidence(tool=unreachable, points_after=[point(accuracy=0.9)] * 3)).outcome == "better"
