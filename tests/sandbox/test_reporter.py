"""What the fleet says of its settings to an AURORA that may know them, or may not answer."""

import json
from typing import Any

import httpx
import pytest

from aurora.sandbox.fleet.reporter import Reporter, at_pace

TOLD = {
    "baseline": {"accuracy": 0.9},
    "cooldown_minutes": 0.25,
    "verify_minutes": 0.2,
    "thresholds": {"recent_deploy_minutes": 0.5},
}


def reporter(answers: dict[str, httpx.Response]) -> tuple[Reporter, list[Any]]:
    """A reporter whose AURORA answers so to each method, and what it was sent."""
    made, sent = Reporter("http://127.0.0.1:9"), []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            sent.append(json.loads(request.content))
        return answers[request.method]

    made._http = httpx.Client(base_url="http://127.0.0.1:9", transport=httpx.MockTransport(answer))
    return made, sent


def known(settings: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"settings": settings})


@pytest.mark.parametrize("unknown", [httpx.Response(404), known({"baseline": None})])
def test_a_model_that_nobody_introduced_is_introduced(unknown: httpx.Response) -> None:
    made, sent = reporter({"GET": unknown, "PUT": httpx.Response(200, json={})})
    assert made.introduce("m", TOLD)
    assert sent == [TOLD]


def test_settings_that_somebody_changed_stay() -> None:
    made, sent = reporter({"GET": known({**TOLD, "mode": "ask", "cooldown_minutes": 5.0})})
    assert made.introduce("m", TOLD)
    assert sent == []


@pytest.mark.parametrize("failure", [503, 401, 500])
def test_where_it_cannot_be_asked_what_is_known_nothing_is_overwritten(failure: int) -> None:
    made, sent = reporter({"GET": httpx.Response(failure), "PUT": httpx.Response(200, json={})})
    assert not made.introduce("m", TOLD)
    assert sent == []


def test_windows_of_another_pace_are_renewed_and_all_else_is_kept() -> None:
    present = {
        **TOLD,
        "mode": "ask",
        "cooldown_minutes": 15.0,
        "verify_minutes": 12.0,
        "thresholds": {"drift_score": 0.6},
    }
    assert at_pace(present, TOLD) == {
        **present,
        "cooldown_minutes": 0.25,
        "verify_minutes": 0.2,
        "thresholds": {"drift_score": 0.6, "recent_deploy_minutes": 0.5},
    }
    assert at_pace(TOLD, TOLD) is None
