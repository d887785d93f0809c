"""Another policy is found by its import string, and what cannot be one is refused with the reason."""

import pickle
import re
from pathlib import Path

import pytest

from aurora.domain import Action
from evals.document import DOCS
from evals.suites import planners
from evals.suites.planners import NotAPlanner, load
from evals.worlds import loads
from evals.worlds.schedules import Sight
from tests.policy.looking import look

MODULE = """
class Both:
    name = "Both"

    def retrain(self, cost):
        return lambda sight: sight.error > cost

    def decide(self, situation):
        return None

class Group:
    inner = Both()

class Named:
    decide = "not a method"

class Nothing:
    pass

class Broken:
    def __init__(self):
        raise OSError("no connection")

    def retrain(self, cost): ...

class Unreadable:
    def retrain(self, cost): ...

    @property
    def name(self):
        raise RuntimeError("no name today")

def made():
    return Both()

ready = Both()
nothing = Nothing()
number = 5
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def policies(here: Path, request: pytest.FixtureRequest) -> str:
    """A module with policies, and others; every test has one of its own name."""
    name = f"policies_{abs(hash(request.node.name))}"
    (here / f"{name}.py").write_text(MODULE)
    return name


@pytest.mark.parametrize("path", ["Both", "made", "ready", "Group.inner"])
def test_it_is_an_object_or_a_class_or_function_that_makes_one(policies: str, path: str) -> None:
    found = load(f"{policies}:{path}")
    assert found.name == "Both (--planner)"
    assert found.retrain(0.3)(Sight(0.4, 100, 0.0, 0.0, None)) is True
    assert (hasattr(found, "decide"), hasattr(found, "scale")) == (True, False)


def test_without_a_name_it_is_called_as_it_was_named(here: Path) -> None:
    (here / "nameless_policy.py").write_text("class P:\n    def scale(self): ...\n")
    assert load("nameless_policy:P").name == "nameless_policy:P (--planner)"


def test_it_is_sent_to_another_process_by_name_whatever_it_holds(here: Path) -> None:
    (here / "connected_policy.py").write_text("class P:\n    name = lambda: 1\n    def retrain(self, cost): ...\n")
    found = load("connected_policy:P")
    assert pickle.loads(pickle.dumps(found)).source == "connected_policy:P"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("Missing", "has no Missing."),
        ("Group.outer", "has no Group.outer."),
        ("nothing", "has none of retrain, decide, scale: there is nothing to ask it."),
        ("Nothing", "has none of retrain, decide, scale: there is nothing to ask it."),
        ("number", "has none of retrain, decide, scale: there is nothing to ask it."),
        ("Named", "decide cannot be called."),
        ("Broken", "Broken() failed: OSError: no connection"),
        ("Unreadable", "Unreadable cannot be read: RuntimeError: no name today"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_reason(policies: str, path: str, reason: str) -> None:
    with pytest.raises(NotAPlanner) as refused:
        load(f"{policies}:{path}")
    assert str(refused.value).endswith(reason)


@pytest.mark.parametrize("source", ["", "module", ":name", "module:"])
def test_what_is_not_module_and_name_is_refused(source: str) -> None:
    with pytest.raises(NotAPlanner, match=re.escape(f"It takes module:name, not {source!r}.")):
        load(source)


def test_a_module_that_cannot_be_imported_is_refused_with_what_it_said(here: Path) -> None:
    (here / "broken_policy.py").write_text("raise RuntimeError('half done')")
    with pytest.raises(NotAPlanner, match="broken_policy cannot be imported: RuntimeError: half done"):
        load("broken_policy:P")
    with pytest.raises(NotAPlanner, match="nowhere_to_be_found cannot be imported: ModuleNotFoundError"):
        load("nowhere_to_be_found:P")


def test_the_example_of_the_documentation_works(here: Path) -> None:
    told = (planners.__doc__ or "").split("in `cautious.py`:\n\n")[1]
    source = "\n".join(line.removeprefix("    ") for line in told.splitlines())
    (here / "cautious.py").write_text(source)
    found = load("cautious:Cautious")
    policy = found.retrain(1.0)
    assert found.name == "Retrains at 40 % error (--planner)"
    assert [policy(Sight(error, 100, 0.0, 0.0, None)) for error in (0.39, 0.41)] == [False, True]


def test_the_example_in_the_docs_has_something_for_each_suite_that_asks(here: Path) -> None:
    told = re.search(r"<!-- example: planner -->\n```python\n(.*?)```", (DOCS / "EVALS.md").read_text(), re.DOTALL)
    assert told is not None
    (here / "mine.py").write_text(told[1])
    found = load("mine:Mine")
    slow = look({"model_metrics": {"latency_ms": 1800, "accuracy": 0.9}})
    assert found.unasked(("streams", "services", "scale", "loop")) == ["loop"]
    assert found.retrain(1.0)(Sight(0.5, 100, 0.0, 0.0, None))
    assert found.decide(slow).action is Action.ALERT
    assert found.scale(3, 10.0)(loads.Sight(0, 3.0, 4, 0, 0.0)) == 5
