"""The example in the README that a user copies first runs as it stands there."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from app.api import create_app
from aurora import Aurora
from aurora.settings import Settings

README = Path(__file__).resolve().parents[2] / "README.md"


def example(name: str) -> str:
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, f"the README has no example called {name}"
    return found[1]


@pytest.fixture
def aurora(tmp_path: Path) -> Iterator[Aurora]:
    with Aurora.open(Settings(home=tmp_path, _env_file=None)) as opened:
        assert opened.memory.wait_ready(120)
        yield opened


def test_the_example_for_your_own_model_is_told_what_would_have_been_done(
    aurora: Aurora, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = TestClient(create_app(aurora))
    monkeypatch.setattr(httpx, "Client", lambda base_url: client)

    def measurements() -> Iterator[tuple[float, float, float]]:
        """Ten good minutes, then ten in which the model has drifted; the server watches after each of them."""
        for number in range(20):
            yield (0.91, 118.0, 0.05) if number < 10 else (0.71, 121.0, 0.66)
            aurora.watch()

    exec(example("observe"), {"measurements": measurements})
    said = capsys.readouterr().out
    assert re.search(r"^retrain 0\.\d+ The likeliest explanation is concept drift", said, re.MULTILINE)
    assert {one.status for one in aurora.ledger.decisions.list(500).items} <= {"proposed", "no_action"}
    assert aurora.ledger.models.get("churn").mode == "observe"


def test_the_example_of_the_advisors_gives_one_retrain_and_more_replicas(capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("advisors"), {})
    retrain, scale = capsys.readouterr().out.splitlines()
    assert "a saving of" in retrain
    assert re.match(r"\d+ \d+\.\d replicas' work is expected", scale)
    assert int(scale.split()[0]) > 5
