"""The benchmarks in small: both sides run for real, and a missed target is said. No time is asserted."""

import gc
import json
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evals.bench import decision, ingest, recall, startup
from evals.bench.__main__ import Size, bench
from evals.bench.measure import Result, Target, Turns, by_turns, spread
from evals.bench.report import as_json, plot, reached, table

MET = Result(
    name="One thing",
    floor_name="Its floor",
    unit="ms",
    product=120.0,
    floor=100.0,
    ratio=1.2,
    quartiles=(1.1, 1.3),
    turns=30,
    target=Target(1.5),
)
MISSED = replace(MET, name="Another & thing", ratio=1.6)
BESIDE = replace(MISSED, name="A third", target=None)


def silent(_done: int, _total: int) -> None:
    """Tell nobody."""


# --- measuring -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "ratio", "met", "used"),
    [
        (Target(1.5), 1.5, True, 1.0),
        (Target(1.5), 1.51, False, 1.51 / 1.5),
        (Target(0.5, at_least=True), 0.5, True, 1.0),
        (Target(0.5, at_least=True), 0.4, False, 1.25),
        (Target(0.5, at_least=True), 2.0, True, 0.25),
    ],
)
def test_a_target_is_met_up_to_its_ratio_or_from_it_on(target: Target, ratio: float, met: bool, used: float) -> None:
    assert target.is_met(ratio) is met
    assert target.used(ratio) == pytest.approx(used)


def test_the_ratio_is_the_median_of_the_turns_own_so_that_what_hits_both_sides_does_not_count() -> None:
    turns = Turns(product=(0.02, 0.02, 2.0, 0.02), floor=(0.01, 0.01, 1.0, 0.01))
    found = turns.result("One thing", "Its floor", Target(2.0))
    assert (found.ratio, found.quartiles, found.met) == (2.0, (2.0, 2.0), True)
    assert (found.product, found.floor, found.unit) == (20.0, 10.0, "ms")


def test_throughput_is_more_where_the_time_is_less() -> None:
    found = Turns((0.2, 0.2), (0.1, 0.1)).throughput("One thing", "Its floor", Target(0.6, at_least=True), points=50)
    assert (found.product, found.floor, found.ratio, found.met) == (250.0, 500.0, 0.5, False)


def test_half_of_the_turns_lie_between_the_quartiles() -> None:
    assert spread([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 4.0)
    assert spread([1.5]) == (1.5, 1.5)


def test_both_sides_take_turns_each_first_in_every_other_and_the_warm_up_does_not_count() -> None:
    order: list[tuple[str, int]] = []
    told: list[tuple[int, int]] = []
    found = by_turns(
        lambda turn: order.append(("product", turn)),
        lambda turn: order.append(("floor", turn)),
        turns=2,
        tell=lambda done, total: told.append((done, total)),
        warm_up=1,
    )
    assert [turn for _, turn in order] == [0, 0, 1, 1, 2, 2]
    assert [side for side, _ in order] == ["floor", "product", "product", "floor", "floor", "product"]
    assert (len(found.product), len(found.floor)) == (2, 2)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_nobodys_turn_pays_for_the_garbage_collector_which_is_on_again_afterwards() -> None:
    seen: list[bool] = []
    by_turns(lambda _: seen.append(gc.isenabled()), lambda _: None, turns=1, tell=silent)
    assert set(seen) == {False}
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        by_turns(lambda _: 1 / 0, lambda _: None, turns=1, tell=silent)
    assert gc.isenabled()


def test_what_takes_longer_has_the_larger_ratio() -> None:
    found = by_turns(lambda _: time.sleep(0.02), lambda _: time.sleep(0.002), turns=5, tell=silent)
    assert found.result("a", "b", None).ratio > 1


# --- the report ------------------------------------------------------------------------------------------------------


def test_the_table_says_met_and_missed_and_nothing_of_what_has_no_target() -> None:
    lines = table([MET, MISSED, BESIDE]).splitlines()
    assert lines[2] == "| One thing | 120 ms | 100 ms: Its floor | 1.20 | 1.10 to 1.30 of 30 | ≤ 1.5 | met |"
    assert [line.split("|")[-2].strip() for line in lines[2:]] == ["met", "missed", ""]
    assert (reached([MET, BESIDE]), reached([MET, MISSED])) == (True, False)


def test_a_fault_misses_whatever_the_ratio_and_is_told_under_the_table() -> None:
    wrong = replace(MET, fault="It said healthy.")
    assert wrong.met is False
    assert table([wrong]).splitlines()[-1] == "- One thing: It said healthy."


def test_the_json_holds_every_figure_and_the_verdict() -> None:
    told = json.loads(json.dumps(as_json([MET, MISSED], 12.34)))
    assert (told["reached"], told["seconds"]) == (False, 12.3)
    assert told["results"][0] == {
        "name": "One thing",
        "floor_name": "Its floor",
        "unit": "ms",
        "product": 120.0,
        "floor": 100.0,
        "ratio": 1.2,
        "quartiles": [1.1, 1.3],
        "turns": 30,
        "target": {"ratio": 1.5, "at_least": False},
        "fault": "",
        "met": True,
    }


def test_the_plot_has_a_bar_for_every_target_and_names_it() -> None:
    drawn = ElementTree.fromstring(plot([MET, MISSED, BESIDE]))
    words = [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "Another & thing" in words
    assert "1.60 (≤ 1.5) missed" in words
    assert "A third" not in words


@pytest.mark.parametrize(
    ("heard", "met", "fault"),
    [
        ([(2.0, ["degraded", "healthy"]), (3.0, ["degraded", "healthy"])], True, ""),
        ([(2.0, ["degraded", "healthy"]), (6.0, ["degraded", "healthy"])], False, ""),
        ([(2.0, ["healthy"])], False, "It said healthy instead of degraded, healthy."),
        ([(2.0, ["degraded"])], False, "It said degraded instead of degraded, healthy."),
    ],
)
def test_a_start_has_to_be_quick_and_to_say_degraded_until_all_is_well(
    heard: list[startup.Heard], met: bool, fault: str
) -> None:
    found = startup.answered(heard)
    assert (found.met, found.fault) == (met, fault)


# --- in small --------------------------------------------------------------------------------------------------------


def is_whole(result: Result) -> bool:
    low, high = result.quartiles
    return min(result.product, result.floor, result.ratio) > 0 and low <= result.ratio <= high and result.turns > 1


@pytest.mark.slow
def test_a_decision_goes_the_whole_way_beside_its_floor() -> None:
    (found,) = decision.run(300, 2, silent)
    assert is_whole(found)
    assert found.target == Target(1.5)


@pytest.mark.slow
def test_recall_of_one_kind_is_asked_beside_everything() -> None:
    one, two = recall.run(600, 3, silent)
    assert is_whole(one)
    assert is_whole(two)
    assert (one.target, two.target) == (Target(1.5), None)


@pytest.mark.slow
def test_points_are_posted_to_both_servers() -> None:
    one, listed, driven = ingest.run(2, silent)
    assert is_whole(one)
    assert is_whole(listed)
    assert is_whole(driven)
    targets = (one.target, listed.target, driven.target)
    assert targets == (Target(0.6, at_least=True), Target(0.5, at_least=True), None)


@pytest.mark.slow
def test_a_run_prints_json_and_writes_the_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plot.svg"
    code = bench(["startup"], Size(share=0.1), json_too=True, plot_file=file, write=False)
    told = json.loads(capsys.readouterr().out)
    assert code == (0 if told["reached"] else 1)
    assert [one["unit"] for one in told["results"]] == ["ms", "s"]
    assert ElementTree.parse(file)
