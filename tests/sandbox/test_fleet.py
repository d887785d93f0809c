"""The fleet: what its services show, and what of it an incident changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aurora.domain import ModelSettings
from aurora.sandbox import World
from aurora.sandbox.fleet.catalogue import CATALOGUE, HOSTS, made
from aurora.sandbox.fleet.incidents import LENGTHS, RAMP
from aurora.sandbox.fleet.runtime import LABELLED, RESTART, Point
from aurora.sandbox.service import IncidentKind, Service
from aurora.sandbox.traffic import lived
from tests.sandbox.living import befalls, hosted
from tests.sandbox.stage import Clock, Stage, mean

BEGINS = 10


def lives(folder: Path, ticks: int, *services: Service) -> tuple[dict[str, ModelSettings], list[list[Point]]]:
    """Let services live in a folder of their own; return their settings and all points, tick by tick."""
    with World(folder) as world:
        stage = Stage(world, Clock(), *services)
        settings = {name: ModelSettings.model_validate(told) for name, told in stage.fleet.settings(1.0).items()}
        points = stage.every(ticks)
        stage.close()
    return settings, points


# --- what it shows ---------------------------------------------------------------------------------------------------


def test_every_service_of_the_built_in_fleet_shows_itself_as_other_programs_may(tmp_path: Path) -> None:
    settings, points = lives(tmp_path, 6, *(made(entry, 7) for entry in CATALOGUE))
    names = [entry.name for entry in CATALOGUE]
    assert list(settings) == names
    assert len(names) == 10
    assert [[point["model_name"] for point in tick] for tick in points] == [names] * 6
    for tick in points:
        for entry, point in zip(CATALOGUE, tick, strict=True):
            assert [replica["name"] for replica in point["replicas"]] == [f"r{n + 1}" for n in range(entry.replicas)]
            assert ("gpu_usage" in point) == (entry.family == "net")
    for entry in CATALOGUE:
        told = settings[entry.name]
        assert told.baseline is not None
        assert told.baseline.accuracy is not None
        assert told.baseline.latency_ms is not None
        assert 0.5 <= told.accuracy_floor < told.baseline.accuracy - 0.1
        assert told.baseline.latency_ms < told.latency_slo_ms
        assert (told.cooldown_minutes, told.verify_minutes) == (0.25, 0.2)
        assert told.thresholds.recent_deploy_minutes == pytest.approx(2 / 3)


def test_the_windows_grow_and_shrink_with_the_pace(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        stage = Stage(world, Clock(), hosted("search-ranker"))
        quick, usual = stage.fleet.settings(0.25)[stage.name], stage.fleet.settings(1.0)[stage.name]
        stage.close()
    assert quick["cooldown_minutes"] == usual["cooldown_minutes"] / 4
    assert quick["baseline"] == usual["baseline"]


@pytest.mark.parametrize("seed", range(1, 9))
def test_every_kind_of_model_knows_its_data_whatever_the_seed(seed: int, tmp_path: Path) -> None:
    light = [entry for entry in CATALOGUE if entry.family != "net"]
    settings, _ = lives(tmp_path, 0, *(made(entry, seed, ()) for entry in light))
    usual = {name: told.baseline.accuracy for name, told in settings.items() if told.baseline}
    assert len(usual) == 8
    assert all(accuracy is not None and accuracy > 0.62 for accuracy in usual.values()), usual


def test_labels_come_late_and_are_counted(tmp_path: Path) -> None:
    service = hosted("search-ranker", label_delay=4)
    _, points = lives(tmp_path, 8, service)
    told = [tick[0].get("labels") for tick in points]
    assert told == [None] * 4 + [int(LABELLED * lived(service).rows)] * 4
    assert [("accuracy" in tick[0]) for tick in points] == [False] * 4 + [True] * 4


def test_the_same_seed_lives_the_same_life_and_another_seed_another(tmp_path: Path) -> None:
    def services(seed: int) -> list[Service]:
        return [
            hosted("fraud-scorer", befalls("abrupt_drift", 6), seed=seed),
            hosted("wine-grader", befalls("covariate_drift", 8), seed=seed),
            hosted("triage-model", befalls("memory_leak", 4), seed=seed),
        ]

    once, again, other = (
        lives(tmp_path / folder, 25, *services(seed)) for folder, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert once == again
    assert once[1][0] != other[1][0]
    assert once[1][-1] != other[1][-1]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_healthy_service_never_leaves_its_limits(seed: int, tmp_path: Path) -> None:
    hosts = ("fraud-scorer", "search-ranker", "risk-ranker")
    settings, points = lives(tmp_path, 150, *(hosted(name, befalls("healthy", 10), seed=seed) for name in hosts))
    for number, name in enumerate(hosts):
        mine, told = [tick[number] for tick in points], settings[name]
        assert told.baseline is not None
        assert told.baseline.accuracy is not None
        assert told.baseline.latency_ms is not None
        assert all(point["accuracy"] >= told.accuracy_floor for point in mine if "accuracy" in point)
        assert max(point["latency_ms"] for point in mine) < told.latency_slo_ms
        assert max(point["error_rate"] for point in mine) == 0.0
        assert max(point["data_drift_score"] for point in mine) < 0.25
        assert max(point["null_rate"] for point in mine) == 0.0
        assert mean(mine, "accuracy") == pytest.approx(told.baseline.accuracy, abs=0.03)
        assert mean(mine, "latency_ms") == pytest.approx(told.baseline.latency_ms, rel=0.25)
        assert all(0.42 / 2 < replica["load"] < 0.95 for point in mine for replica in point["replicas"])


# --- what befalls it -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def befallen(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[ModelSettings, list[Point]]]:
    """Let one kind of incident befall a service at tick `BEGINS`; return its settings and its points."""

    def run(kind: IncidentKind, host: str, ticks: int = 45, lasts: int | None = None) -> Any:
        incident = befalls(kind, BEGINS, lasts or LENGTHS[kind])
        settings, points = lives(tmp_path_factory.mktemp("life"), ticks, hosted(host, incident))
        return settings[host], [tick[0] for tick in points]

    return run


Befallen = Callable[..., tuple[ModelSettings, list[Point]]]


def test_an_abrupt_drift_shows_at_once_in_the_inputs_and_in_accuracy_once_labels_come(befallen: Befallen) -> None:
    told, points = befallen("abrupt_drift", "fraud-scorer")
    shown = BEGINS + 3
    assert max(point["data_drift_score"] for point in points[3 : BEGINS - 1]) < 0.2
    assert min(point["data_drift_score"] for point in points[BEGINS + 3 :]) > 0.4
    assert min(point["accuracy"] for point in points[3 : shown - 1]) > told.accuracy_floor
    assert max(point["accuracy"] for point in points[shown:]) < told.accuracy_floor
    assert 0.45 < mean(points[shown:], "accuracy") < 0.7
    assert max(point["latency_ms"] for point in points) < told.latency_slo_ms


def test_a_gradual_drift_makes_it_worse_little_by_little(befallen: Befallen) -> None:
    told, points = befallen("gradual_drift", "parcel-sorter", ticks=BEGINS + RAMP + 20)
    steps = [slice(4, BEGINS), slice(20, 26), slice(30, 36), slice(48, None)]
    levels = [mean(points[step], "accuracy") for step in steps]
    assert levels == sorted(levels, reverse=True)
    assert levels[0] - levels[1] > 0.02
    assert levels[-1] < told.accuracy_floor
    drift = [mean(points[step], "data_drift_score") for step in steps]
    assert drift == sorted(drift)
    assert drift[0] < 0.2
    assert drift[-1] > 0.5


def test_another_population_looks_like_drift_and_does_no_harm(befallen: Befallen) -> None:
    told, points = befallen("covariate_drift", "wine-grader")
    assert min(point["data_drift_score"] for point in points[BEGINS + 3 :]) > 0.5
    assert min(point["accuracy"] for point in points[3:]) > told.accuracy_floor
    assert mean(points[BEGINS + 3 :], "accuracy") == pytest.approx(mean(points[:BEGINS], "accuracy"), abs=0.04)


def test_a_data_bug_empties_values_costs_accuracy_and_ends_by_itself(befallen: Befallen) -> None:
    _, points = befallen("data_bug", "parcel-sorter", lasts=20)
    during, after = points[BEGINS - 1 : BEGINS + 19], points[BEGINS + 19 + 3 :]
    assert all(0.2 < point["null_rate"] < 0.4 for point in during)
    assert max(point["null_rate"] for point in [*points[: BEGINS - 1], *after]) == 0.0
    assert mean(during[4:], "accuracy") < mean(points[:BEGINS], "accuracy") - 0.05
    assert mean(after, "accuracy") == pytest.approx(mean(points[:BEGINS], "accuracy"), abs=0.03)


def test_a_bad_deployment_is_a_new_version_that_is_worse_on_the_same_inputs(befallen: Befallen) -> None:
    told, points = befallen("bad_deployment", "cheque-reader")
    assert [point["model_version"] for point in points] == ["1.1"] * (BEGINS - 1) + ["1.2"] * (46 - BEGINS)
    assert not any("accuracy" in point for point in points[BEGINS - 1 : BEGINS + 2])
    assert max(point["accuracy"] for point in points[BEGINS + 2 :]) < told.accuracy_floor
    assert max(point["data_drift_score"] for point in points[4:]) < 0.2


def test_a_burst_brings_much_more_traffic_most_of_it_repeated_and_answers_become_slow(befallen: Befallen) -> None:
    told, points = befallen("repeating_burst", "search-ranker")
    before, during = points[4 : BEGINS - 1], points[BEGINS + 4 :]
    assert mean(during, "throughput_rps") == pytest.approx(2.6 * mean(before, "throughput_rps"), rel=0.15)
    assert mean(before, "repeat_ratio") == pytest.approx(0.08, abs=0.01)
    assert mean(during, "repeat_ratio") == pytest.approx(0.75, abs=0.01)
    assert mean(before, "error_rate") == 0.0
    assert mean(during, "latency_ms") > told.latency_slo_ms
    assert mean(during, "cpu_usage") > 0.85


def test_a_surge_brings_much_more_traffic_that_does_not_repeat_itself(befallen: Befallen) -> None:
    _, points = befallen("surge", "risk-ranker")
    before, during = points[4 : BEGINS - 1], points[BEGINS + 4 :]
    assert mean(during, "throughput_rps") == pytest.approx(2.6 * mean(before, "throughput_rps"), rel=0.15)
    assert mean(during, "repeat_ratio") == pytest.approx(mean(before, "repeat_ratio"), abs=0.01)
    assert mean(during, "cpu_usage") > 0.8
    assert mean(during, "latency_ms") > 2.5 * mean(before, "latency_ms")


def test_a_hot_replica_is_slow_alone(befallen: Befallen) -> None:
    told, points = befallen("hot_replica", "risk-ranker")
    for point in points[BEGINS + 1 :]:
        first, *others = point["replicas"]
        assert first["load"] > 0.9
        assert first["latency_ms"] > told.latency_slo_ms
        assert max(other["load"] for other in others) < 0.85
        assert point["latency_ms"] > told.latency_slo_ms


def test_a_leak_fills_memory_until_replicas_are_killed_and_answer_again_later(befallen: Befallen) -> None:
    _, points = befallen("memory_leak", "triage-model", ticks=60)
    assert {point["model_version"] for point in points[BEGINS:]} == {"1.2"}
    memory = [point["memory_usage"] for point in points]
    assert set(memory[: BEGINS - 1]) == {0.45}
    assert memory[BEGINS : BEGINS + 15] == sorted(memory[BEGINS : BEGINS + 15])
    assert max(memory) > 0.9
    for number in range(4):
        away = [tick for tick, point in enumerate(points) if not point["replicas"][number]["healthy"]]
        killed = away[0]
        assert away[: RESTART + 1] == list(range(killed, killed + RESTART + 1))
        assert [points[tick]["replicas"][number]["load"] for tick in away[1 : RESTART + 1]] == [0.0] * RESTART
        assert points[killed + RESTART + 1]["replicas"][number]["load"] > 0.2
    first = [next(tick for tick, point in enumerate(points) if not point["replicas"][n]["healthy"]) for n in range(4)]
    assert len(set(first)) == 4
    assert mean(points[BEGINS + 4 :], "accuracy") == pytest.approx(mean(points[:BEGINS], "accuracy"), abs=0.03)


def test_a_blip_is_over_within_a_few_ticks_though_nobody_does_anything(befallen: Befallen) -> None:
    told, points = befallen("blip", "menu-tagger")
    late = [tick + 1 for tick, point in enumerate(points) if point["latency_ms"] > told.latency_slo_ms]
    assert late[0] == BEGINS
    assert late == list(range(BEGINS, BEGINS + len(late)))
    assert len(late) <= 5


@pytest.mark.parametrize("kind", ["healthy", "corrupt_labels"])
def test_what_befalls_only_the_labels_to_train_on_or_nothing_shows_nowhere(
    kind: IncidentKind, befallen: Befallen, tmp_path: Path
) -> None:
    _, plain = lives(tmp_path, 45, hosted("fraud-scorer"))
    assert befallen(kind, "fraud-scorer")[1] == [tick[0] for tick in plain]


def test_every_kind_that_is_shown_has_a_host_in_the_fleet_and_a_length() -> None:
    assert set(HOSTS) == set(LENGTHS) - {"corrupt_labels"}
    assert set(HOSTS.values()) <= {entry.name for entry in CATALOGUE}
    planned = {kind for entry in CATALOGUE for kind in entry.kinds}
    assert planned == set(HOSTS)
