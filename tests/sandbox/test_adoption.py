"""An unknown name becomes a service like the one the telemetry tells of, at once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aurora.domain import Action, Serving, Step, Telemetry
from aurora.sandbox import World, queueing
from aurora.sandbox.adoption import born, next_version, renewed
from aurora.sandbox.effects import Change
from aurora.sandbox.service import VERSIONS_KEPT, Service, Version

Told = Callable[..., Telemetry]
CACHE = Step(action=Action.CACHE, target="scorer")


def cached(service: Service) -> Change:
    return Change(service.evolve(cache_enabled=True, cache_ttl_seconds=60.0), detail="Cached.", answer={})


def test_a_stranger_becomes_a_small_service_of_its_own(world: World, told: Told) -> None:
    assert not world.knows("scorer")
    world.adopt(told())
    assert world.knows("scorer")
    assert world.observe("scorer") == Serving(
        version="1",
        previous_version="0",
        replicas=2,
        weights={"r1": 50, "r2": 50},
        cache_enabled=False,
        simulated=True,
    )


def test_what_the_telemetry_names_is_there(world: World, told: Told) -> None:
    replicas = [{"name": "blue"}, {"name": "grün"}, {"name": "r1"}, {"name": "r2"}]
    world.adopt(told(model_version="1.4", deployment={"previous_version": "1.3"}, system_load={"replicas": replicas}))
    assert world.observe("scorer") == Serving(
        version="1.4",
        previous_version="1.3",
        replicas=4,
        weights={"blue": 25, "grün": 25, "r1": 25, "r2": 25},
        cache_enabled=False,
        simulated=True,
    )


@pytest.mark.parametrize("version", ["0", "1", "previous"])
def test_the_previous_version_is_never_the_serving_one(told: Told, version: str) -> None:
    service = born(told(model_version=version, deployment={"previous_version": version}))
    assert service.previous_version != service.version == version


def test_a_thousand_replicas_are_adopted_as_they_were_told(world: World, told: Told) -> None:
    replicas = [{"name": f"r{number}", "load": 0.5, "latency_ms": 100 + number} for number in range(1000)]
    world.adopt(told(latency_ms=900, system_load={"replicas": replicas}))
    assert world.observe("scorer").replicas == 1000


def test_adopting_and_ordering_a_training_loads_no_scikit_learn(folder: Path) -> None:
    script = """
import sys
from pathlib import Path
from aurora.domain import Action, Step, Telemetry
from aurora.sandbox import World
from aurora.tools import build
with World(Path(sys.argv[1])) as world:
    tool = build("training", "sandbox", world)
    tool.adopt(Telemetry.model_validate({"model_metrics": {"accuracy": 0.7}}))
    assert tool.apply(Step(action=Action.RETRAIN, target="default"), "key").status == "ok"
    assert tool.look_up("key").answer["state"] == "running"
print([name for name in ("sklearn", "numpy", "joblib") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_same_name_always_gets_the_same_data_and_models(told: Told) -> None:
    assert born(told("a", accuracy=0.7)) == born(told("a", accuracy=0.7))
    assert len({(born(told(f"{n}")).dataset, born(told(f"{n}")).family) for n in range(20)}) == 4


def test_a_known_service_keeps_what_was_changed_since(world: World, told: Told) -> None:
    look = told(model_version="1.4", system_load={"replicas": [{"name": "a"}, {"name": "b"}]})
    world.adopt(look)
    world.do("key", CACHE, cached)
    after = world.observe("scorer")
    world.adopt(look)
    assert world.observe("scorer") == after
    assert after.cache_enabled


def test_replicas_that_were_never_heard_of_replace_the_ones_there_are(world: World, told: Told) -> None:
    world.adopt(told())
    world.adopt(told(system_load={"replicas": [{"name": "r1"}, {"name": "new"}, {"name": "newer"}]}))
    assert set(world.observe("scorer").weights or {}) == {"r1", "new", "newer"}


def test_a_version_that_was_never_heard_of_was_deployed_since(world: World, told: Told) -> None:
    world.adopt(told(model_version="1.4"))
    world.adopt(told(model_version="2.0"))
    assert (world.observe("scorer").version, world.observe("scorer").previous_version) == ("2.0", "1.4")
    world.adopt(told(model_version="1.4"))
    assert world.observe("scorer").version == "2.0"


def test_a_new_loss_of_accuracy_is_a_new_drift_and_the_same_one_is_not(told: Told) -> None:
    service = born(told(accuracy=0.9))
    assert len(renewed(service, told(accuracy=0.89)).drifts) == len(service.drifts)
    worse = renewed(service, told(accuracy=0.7))
    assert len(worse.drifts) == len(service.drifts) + 1
    assert renewed(worse, told(accuracy=0.7)) == worse


ratios, amounts = st.floats(0, 1), st.floats(0, 1e9)
loads = st.fixed_dictionaries(
    {},
    optional={
        "cpu_usage": ratios,
        "gpu_usage": ratios,
        "replicas": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from("abcd")},
                optional={"load": ratios, "latency_ms": amounts, "healthy": st.booleans()},
            ),
            max_size=4,
            unique_by=lambda replica: replica["name"],
        ),
    },
)
looks = st.fixed_dictionaries(
    {
        "model_metrics": st.fixed_dictionaries(
            {"error_rate": ratios},
            optional={"accuracy": ratios, "latency_ms": amounts, "throughput_rps": amounts},
        )
    },
    optional={
        "model_version": st.sampled_from(["1", "2", "v3"]),
        "baseline": st.fixed_dictionaries({}, optional={"latency_ms": amounts, "accuracy": ratios}),
        "data_drift": st.fixed_dictionaries({}, optional={"detected": st.booleans()}),
        "system_load": loads,
        "traffic": st.fixed_dictionaries({"repeat_ratio": ratios}),
        "deployment": st.fixed_dictionaries(
            {},
            optional={
                "minutes_since_deploy": amounts,
                "previous_version": st.sampled_from(["1", "0"]),
                "previous_accuracy": ratios,
            },
        ),
    },
).map(Telemetry.model_validate)


TINY = Telemetry.model_validate(
    {
        "model_metrics": {"latency_ms": 1.0, "throughput_rps": 5e-324},
        "baseline": {"latency_ms": 5e-324},
        "deployment": {"minutes_since_deploy": 0.0},
        "system_load": {"cpu_usage": 0.0},
    }
)


@given(first=looks, second=looks)
@example(first=TINY, second=TINY)
def test_the_same_telemetry_twice_changes_nothing_more(first: Telemetry, second: Telemetry) -> None:
    service = born(first)
    assert renewed(service, first) == service
    later = renewed(service, second)
    assert renewed(later, second) == later
    assert sum(replica.weight for replica in later.replicas) == pytest.approx(100)


@given(look=looks)
def test_the_queue_of_whatever_is_adopted_can_be_computed(look: Telemetry) -> None:
    service = born(look)
    assert queueing.latency_ms(service) > 0
    assert 0 <= queueing.usage(service) <= 1


@pytest.mark.parametrize(
    ("version", "following"),
    [
        ("1", "2"),
        ("1.9", "1.10"),
        ("v3-beta", "v4-beta"),
        ("2026-11-22", "2026-11-23"),
        ("9" * 200, None),
        ("latest", "latest.1"),
        ("Ⅳ", "Ⅳ.1"),
    ],
)
def test_a_new_version_is_named_after_the_one_before(told: Told, version: str, following: str | None) -> None:
    named = next_version(born(told(model_version=version)), version)
    assert named != version
    assert following in (None, named)


def test_a_version_name_is_not_used_twice(told: Told) -> None:
    service = born(told(model_version="1"))
    for name in ("2", "3"):
        service = service.with_version(name, Version(origin="retrain", concept=0))
    assert next_version(service, "1") == "4"


def test_versions_that_nothing_needs_are_forgotten(told: Told) -> None:
    service = born(told(model_version="1", accuracy=0.7))
    for _ in range(100):
        service = service.with_version(next_version(service, "1"), Version(origin="retrain", concept=0))
    assert len(service.versions) == VERSIONS_KEPT
    assert {"0", "1"} <= set(service.versions)
