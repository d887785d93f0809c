"""The page of the fleet: what it says of each model and decision, and what it shows when the API does not answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import gradio as gr
import pytest

from app.failure import CallFailed
from app.routes import examples
from app.ui import fleet, fleet_view
from app.ui.fleet import FleetTab, Shown
from app.ui.sparkline import HEIGHT, WIDTH, sparkline
from tests.app.test_ui import HOSTILE, hostile

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
WATCH = {"word": "breaching", "since": examples.MOMENT, "signs": ["accuracy 0.72"], "held_by": "", "looked_at": None}


def model(name: str = "fraud-scorer", *, watch: str = "", outcome: str = "better", **more: Any) -> dict[str, Any]:
    decided = {**examples.SUMMARY, "outcome": outcome}
    seen = {**examples.MODEL, "name": name, "decided": decided, "watch": {**WATCH, "word": watch} if watch else None}
    return {**seen, **more}


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


# --- how a model stands ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("health", "watch", "word"),
    [
        ("healthy", "", "healthy"),
        ("unknown", "", "unknown"),
        ("healthy", "quiet", "healthy"),
        ("healthy", "suspicious", "suspicious"),
        ("breaching", "suspicious", "breaching"),
        ("breaching", "quiet", "breaching"),
        ("healthy", "breaching", "breaching"),
        ("breaching", "held", "held"),
    ],
)
def test_the_monitor_has_the_last_word_unless_the_last_metrics_are_worse(health: str, watch: str, word: str) -> None:
    assert fleet_view.state(model(watch=watch, health=health)) == word


def test_an_api_that_knows_no_monitor_is_understood() -> None:
    plain = {name: value for name, value in examples.MODEL.items() if name not in ("watch", "decided", "history")}
    assert fleet_view.state(plain) == "healthy"
    assert "fraud-scorer" in fleet_view.table([plain], {})


def test_trouble_comes_first_then_what_is_being_changed_then_the_names() -> None:
    models = [
        model("d"),
        model("c", outcome="pending"),
        model("b", watch="suspicious"),
        model("a", watch="held"),
        model("e", health="breaching"),
        model("f", health="unknown"),
        model("g", health="breaching"),
    ]
    assert "".join(one["name"] for one in fleet_view.by_trouble(models)) == "egabcdf"


# --- the strip, and what waits ---------------------------------------------------------------------------------------


def test_the_strip_counts_every_model_once() -> None:
    models = [model(), model(outcome="pending"), model(health="breaching"), model(watch="held")]
    assert fleet_view.strip(models, 2, more_waiting=True) == (
        '<ul class="strip"><li class="breaching"><b>1</b> breaching</li>'
        '<li class="held"><b>1</b> breaching, held back</li>'
        '<li class="suspicious none"><b>0</b> suspicious</li><li class="healthy"><b>2</b> healthy</li>'
        '<li class="awaiting_approval"><b>2+</b> waiting for a person</li>'
        '<li class="pending"><b>1</b> changes in flight</li></ul>'
    )


def test_a_model_without_metrics_is_counted_as_such() -> None:
    assert '<li class="unknown"><b>1</b> without metrics</li>' in fleet_view.strip([model(health="unknown")], 0)


def test_what_waits_leads_to_its_decision() -> None:
    shown = fleet_view.attention([examples.APPROVAL])
    assert "<b>fraud-scorer</b>: AURORA asks whether to change the number of replicas." in shown
    assert "confidence 0.64 is under 0.7" in shown
    assert f'<button type="button" class="decide" data-decision="{examples.DECISION_ID}">' in shown
    assert fleet_view.attention([]) == ""


def test_of_many_that_wait_the_first_are_shown_and_the_others_counted() -> None:
    shown = fleet_view.attention([examples.APPROVAL] * 7)
    assert shown.count("Look and decide") == 5
    assert "And 2 more, under Decisions." in shown


# --- the models ------------------------------------------------------------------------------------------------------


def test_a_row_tells_health_numbers_limits_and_the_last_decision() -> None:
    seen = {
        **examples.POINT,
        "accuracy": 0.65,
        "latency_ms": 1200.0,
        "data_drift_score": 0.62,
        "throughput_rps": 120.0,
        "model_version": "1.4",
        "replicas": [{"name": "r1", "healthy": True}, {"name": "r2", "healthy": False}],
    }
    shown = fleet_view.table([model(watch="breaching", last_metrics=seen, health="breaching")], {})
    day = '<time datetime="2026-11-22T08:00:00+00:00" title="2026-11-22 08:00:00 UTC">22 Nov 08:00</time>'
    assert shown.partition("<tbody")[2] == (
        ' class="breaching"><tr><th scope="row">fraud-scorer <span class="word simulated">simulated</span> '
        "<small>version 1.4</small></th>"
        f'<td data-label="Health"><span class="word breaching">breaching</span> <small>since {day}</small></td>'
        '<td data-label="Accuracy"><b class="bad">0.650</b> <small>baseline 0.88 · floor 0.7</small></td>'
        '<td data-label="Latency"><b class="bad">1200 ms</b> <small>target 1000</small></td>'
        '<td data-label="Drift"><b>0.62</b></td><td data-label="Req/s"><b>120</b></td>'
        '<td data-label="Replicas"><b>2</b> <small class="bad">1 ill</small></td>'
        f'<td data-label="Last decision"><button type="button" class="opens" data-decision="{examples.DECISION_ID}">'
        f'retrained; it helped</button> <span class="word better">better</span> <small>{day}</small></td></tr>'
        '<tr class="signs"><td colspan="8">accuracy 0.72</td></tr></tbody></table>'
    )


def test_a_model_that_is_held_back_says_by_what() -> None:
    held = {**WATCH, "word": "held", "held_by": "storm", "since": None}
    shown = fleet_view.table([model(watch="held") | {"watch": held}], {})
    assert '<span class="word held">held</span> <small>now healthy · held back: many models fail at once' in shown


def test_a_model_that_was_only_set_up_has_dashes_for_numbers() -> None:
    bare = model(health="unknown", last_metrics=None, decided=None, history=[], simulated=False)
    shown = fleet_view.table([bare], {})
    assert shown.count(">–") == 6
    assert "simulated" not in shown


def test_a_row_draws_its_history_and_what_was_done() -> None:
    samples = [{"timestamp": at(s).isoformat(), "accuracy": 0.9 - s / 100, "latency_ms": None} for s in range(10)]
    decided = {**examples.SUMMARY, "executed_at": at(5).isoformat()}
    shown = fleet_view.table([model(history=samples)], fleet_view.deeds([decided]))
    assert shown.count("<svg") == 1
    assert "<title>retrained; it helped at 2026-11-22 08:00:05 UTC</title>" in shown


def test_more_models_than_are_shown_are_counted() -> None:
    assert "And 12 more" in fleet_view.table([model()], {}, more=12)


def test_an_empty_fleet_says_what_to_do_and_an_empty_search_what_was_sought() -> None:
    assert "No model has reported yet" in fleet_view.table([], {})
    assert "POST /api/metrics" in fleet_view.table([], {})
    assert fleet_view.table([], {}, q="<b>") == "<p>No model has “&lt;b&gt;” in its name.</p>"


# --- what happened ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "retrained; it helped"),
        ({"outcome": "pending", "decision_type": "route"}, "moved traffic; not verified yet"),
        ({"outcome": "undone", "decision_type": "fine_tune"}, "fine-tuned; taken back"),
        ({"outcome": "cannot_tell", "decision_type": "cache"}, "changed the cache; whether it helped cannot be told"),
        ({"outcome": None, "decision_type": "alert"}, "alerted people"),
        ({"outcome": None, "status": "no_action", "decision_type": "no_action"}, "left it alone"),
        ({"outcome": None, "status": "awaiting_approval"}, "asks whether to retrain"),
        (
            {"outcome": None, "status": "rejected", "ending": "denied"},
            "did not retrain; a guardrail refused it",
        ),
        ({"outcome": None, "status": "failed", "ending": "tool_failed"}, "could not retrain; the tool failed"),
        ({"outcome": None, "status": "proposed", "dry_run": True}, "would retrain (dry run)"),
        ({"outcome": None, "status": "running", "decision_type": None}, "being looked into"),
        ({"outcome": None, "status": "running"}, "may retrain: being worked out"),
        (
            {"outcome": None, "status": "failed", "decision_type": None, "ending": "timed_out"},
            "could not decide; it took too long",
        ),
        ({"outcome": None, "status": "executed", "decision_type": "a later one"}, "a later one"),
    ],
)
def test_a_decision_is_told_in_words(changes: dict[str, Any], sentence: str) -> None:
    assert fleet_view.told({**examples.SUMMARY, **changes}) == sentence


def test_what_happened_says_when_what_and_why() -> None:
    assert fleet_view.happened([examples.SUMMARY]) == (
        '<ol class="happened"><li><time datetime="2026-11-22T08:00:00+00:00" title="2026-11-22 08:00:00 UTC">'
        f'22 Nov 08:00</time> <button type="button" class="opens" data-decision="{examples.DECISION_ID}">'
        '<b>fraud-scorer</b> retrained; it helped</button> <span class="word executed">executed</span> '
        '<span class="word better">better</span> <span class="word simulated">simulated</span>'
        "<p>Accuracy 0.75 is well under its baseline of 0.88, and the inputs drifted by 0.60.</p></li></ol>"
    )


def test_a_long_why_is_cut_between_words() -> None:
    shown = fleet_view.happened([{**examples.SUMMARY, "why": "because of this " * 40}])
    assert shown.count("because") < 12
    assert "this …</p>" in shown or "of …</p>" in shown or "because …</p>" in shown


def test_where_nothing_happened_it_is_said() -> None:
    assert "Nothing was decided yet" in fleet_view.happened([])


# --- lines -----------------------------------------------------------------------------------------------------------


def test_a_line_goes_from_edge_to_edge_with_its_limit_and_deeds() -> None:
    points = [(at(0), 0.8), (at(10), 0.9)]
    assert sparkline("accuracy", points, [(at(5), "retrained"), (at(-1), "before")], limit=0.85, least=0.1) == (
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        'aria-label="accuracy from 0.8 to 0.9 over 10 s"><title>accuracy from 0.8 to 0.9 over 10 s</title>'
        '<line class="limit" x1="0" y1="13.0" x2="120" y2="13.0"/>'
        '<g class="deed"><title>retrained at 2026-11-22 08:00:05 UTC</title>'
        '<line x1="60.0" y1="0" x2="60.0" y2="26"/></g><polyline points="2.0,24.0 118.0,2.0"/></svg>'
    )


def test_a_line_needs_two_moments() -> None:
    assert sparkline("accuracy", [], least=0.1) == ""
    assert sparkline("accuracy", [(at(0), 0.8)], least=0.1) == ""
    assert sparkline("accuracy", [(at(0), 0.8), (at(0), 0.9)], least=0.1) == ""


def test_a_limit_far_away_does_not_flatten_the_line() -> None:
    shown = sparkline("latency in ms", [(at(0), 100.0), (at(10), 120.0)], limit=1000, least=25.0)
    assert "limit" not in shown


def test_a_small_difference_is_drawn_small_and_a_level_line_in_the_middle() -> None:
    assert 'points="2.0,13.1 118.0,12.9"' in sparkline("accuracy", [(at(0), 0.9), (at(9), 0.901)], least=0.1)
    assert 'points="2.0,13.0 118.0,13.0"' in sparkline("latency in ms", [(at(0), 50.0), (at(9), 50.0)], least=12.5)


def test_many_points_are_averaged_over_steps_that_stay_while_time_goes_on() -> None:
    points = [(at(second), second % 2) for second in range(600)]
    drawn = sparkline("accuracy", points, least=0.1)
    line = drawn.partition('<polyline points="')[2].partition('"')[0].split()
    assert len(line) == 60
    assert {pair.partition(",")[2] for pair in line} == {"13.0"}
    assert "over 10 min" in drawn


# --- escaping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        fleet_view.attention([hostile(examples.APPROVAL)]),
        fleet_view.table([hostile(model(watch="held"))], {HOSTILE: [(START, HOSTILE)]}, q=HOSTILE),
        fleet_view.table([], {}, q=HOSTILE),
        fleet_view.happened([hostile(examples.SUMMARY)]),
        fleet_view.happened([{**hostile(examples.SUMMARY), **dict.fromkeys(("status", "decision_type"), HOSTILE)}]),
        sparkline(HOSTILE, [(at(0), 0.8), (at(1), 0.9)], [(at(1), HOSTILE)], least=0.1),
    ],
)
def test_no_name_becomes_markup_or_part_of_a_template(shown: str) -> None:
    for dangerous in ("<img", "</script", "${", "{{", "`", "\\"):
        assert dangerous not in shown


# --- what changes ----------------------------------------------------------------------------------------------------


class Answers:
    """An API that answers as told, and refuses where it is told to."""

    def __init__(self, *models: dict[str, Any], refuses: CallFailed | None = None) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._models = models
        self._refuses = refuses

    def get(self, path: str, **query: Any) -> Any:
        self.asked.append((path, {name: value for name, value in query.items() if value is not None}))
        if self._refuses is not None:
            raise self._refuses
        if path == "/api/models":
            wanted, q = query.get("name"), query.get("q") or ""
            found = [one for one in self._models if q in one["name"] and (wanted is None or one["name"] in wanted)]
            return {"items": found, "next": None}
        return {"items": [examples.SUMMARY if path == "/api/decisions" else examples.APPROVAL], "next": None}


NOTHING = Shown()


def refreshed(api: Answers, shown: Shown = NOTHING, q: str = "") -> tuple[list[Any], Shown]:
    *parts, found = FleetTab(lambda _key: api).refresh("", q, shown)  # type: ignore[arg-type, return-value]
    assert isinstance(found, Shown)
    return parts, found


def unchanged(parts: list[Any]) -> list[bool]:
    return [part == gr.skip() for part in parts]


def test_the_first_look_sends_everything_and_the_next_only_what_changed() -> None:
    api = Answers(model("a"), model("b"))
    parts, shown = refreshed(api)
    assert tuple(parts) == shown.parts
    assert unchanged(refreshed(api, shown)[0]) == [True] * 4
    api = Answers(model("a"), model("b", health="breaching"))
    assert unchanged(refreshed(api, shown)[0]) == [False, True, False, True]


def test_however_many_models_there_are_the_requests_stay_the_same() -> None:
    for count in (1, 49, 200):
        api = Answers(*(model(f"model-{number:03}") for number in range(count)))
        parts, _ = refreshed(api)
        assert [path for path, _ in api.asked] == ["/api/models", "/api/models", "/api/decisions", "/api/approvals"]
        assert len(api.asked[1][1]["name"]) == min(count, fleet.MODELS_SHOWN)
    assert "And 150 more" in parts[2]


def test_names_that_do_not_fit_into_one_request_go_without_their_lines() -> None:
    api = Answers(*(model("模" * 190 + str(number)) for number in range(40)))
    parts, _ = refreshed(api)
    assert parts[2].count("<tbody") == 40
    assert 0 < len(api.asked[1][1]["name"]) < 40


def test_a_search_narrows_the_table_and_leaves_the_counts() -> None:
    api = Answers(model("alpha"), model("beta"))
    parts, _ = refreshed(api, q=" alp ")
    assert '<li class="healthy"><b>2</b> healthy</li>' in parts[0]
    assert ("alpha" in parts[2], "beta" in parts[2]) == (True, False)


def test_without_the_api_the_past_is_shown_as_the_past() -> None:
    api = Answers(model())
    _, shown = refreshed(api)
    api = Answers(refuses=CallFailed("It cannot be reached."))
    parts, old = refreshed(api, shown)
    assert unchanged(parts) == [False, True, True, True]
    assert "What follows was true at" in parts[0]
    assert unchanged(refreshed(api, old)[0]) == [True] * 4
    assert unchanged(refreshed(api)[0]) == [True] * 4


@pytest.mark.parametrize("status", [401, 403])
def test_without_a_key_that_may_look_nothing_stays_to_be_seen(status: int) -> None:
    api = Answers(model())
    _, shown = refreshed(api)
    api = Answers(refuses=CallFailed("No.", status=status))
    assert refreshed(api, shown)[0] == ["", "", "", ""]
