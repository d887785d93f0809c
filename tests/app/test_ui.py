"""The pages show every record as text, whoever wrote it, and let nobody in but themselves."""

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from app.routes import examples
from app.ui import render
from app.ui.examples import EXAMPLES
from app.ui.site import Door
from aurora.domain import Telemetry

HOSTILE = '<img src=x onerror="alert(1)"> </script> ${alert(2)} {{constructor}} `x` \\'


def hostile(value: Any) -> Any:
    """Return `value` with every text that people may have written made hostile."""
    if isinstance(value, dict):
        return {name: value[name] if name in KEPT else hostile(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return HOSTILE if isinstance(value, str) else value


KEPT = {"status", "decision_type", "outcome", "mode", "health", "word"} | {
    f"{moment}_at" for moment in ("created", "expires", "settled", "changed", "executed")
}
KEPT |= {"timestamp", "since"}


# --- escaping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [
        render.text(HOSTILE),
        render.notice(HOSTILE, [HOSTILE]),
        render.decision(hostile(examples.ANSWER)),
        render.record(hostile({**examples.RECORD, "approvals": [examples.APPROVAL]})),
        render.found(hostile(examples.FOUND["results"])),
        render.header(hostile(examples.HEALTH), hostile(examples.MODE_VIEW)),
    ],
)
def test_no_record_becomes_markup_or_part_of_a_template(shown: str) -> None:
    for dangerous in ("<img", "</script", "${", "{{", "`", "\\"):
        assert dangerous not in shown


def test_a_row_of_the_table_is_plain_text() -> None:
    assert render.row({**examples.SUMMARY, "model_name": HOSTILE})[1] == HOSTILE


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_ready_example_is_valid_telemetry(name: str) -> None:
    TypeAdapter(Telemetry).validate_json(EXAMPLES[name])


def test_there_are_five_examples_of_different_models() -> None:
    assert len({json.loads(look)["model_name"] for look in EXAMPLES.values()}) == 5


# --- the door ------------------------------------------------------------------------------------------------------


async def _inside(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


async def knock(method: str, path: str, headers: dict[str, str] | None = None, *, keys_required: bool = False) -> int:
    transport = httpx.ASGITransport(Door(_inside, keys_required=keys_required))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as client:
        return (await client.request(method, path, headers=headers)).status_code


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/theme.css", "/assets/index-a1.js", "/gradio_api/queue/data", "/gradio_api/heartbeat/ab12"],
)
async def test_what_the_pages_read_is_let_through(path: str) -> None:
    assert await knock("GET", path) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://169.254.169.254/"),
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/run-history/buckets"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/gradio_api/call/settle"),
        ("POST", "/gradio_api/run/settle"),
        ("POST", "/login"),
        ("DELETE", "/"),
    ],
)
async def test_what_gradio_offers_beyond_the_pages_is_not_there(method: str, path: str) -> None:
    assert await knock(method, path) == 404


async def test_a_foreign_page_cannot_press_our_buttons() -> None:
    assert await knock("POST", "/gradio_api/queue/join", {"origin": "http://127.0.0.1:8501"}) == 200
    assert await knock("POST", "/gradio_api/queue/join", {"origin": "https://evil.example"}) == 403
    rebound = {"origin": "http://evil.example:8501", "host": "evil.example:8501"}
    assert await knock("POST", "/gradio_api/queue/join", rebound) == 403


async def test_with_keys_the_pages_work_under_the_hosts_own_name() -> None:
    named = {"origin": "http://aurora.example:8501", "host": "aurora.example:8501"}
    assert await knock("POST", "/gradio_api/queue/join", named, keys_required=True) == 200


# --- a process of its own ------------------------------------------------------------------------------------------


def test_it_knows_nothing_but_the_http_api() -> None:
    look = "print([m for m in sys.modules if m.split('.')[0] in ('chromadb', 'torch', 'langgraph', 'sqlmodel')])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, app.ui.site; {look}"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.strip() == "[]"
