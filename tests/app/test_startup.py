"""What starts loads what it needs: told by the names of modules, not by the clock. And nobody waits for the memory."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.api import create_app
from aurora import Aurora
from aurora.memory.embedding import _packaged, _shared
from aurora.settings import Settings

LEARNING = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "numpy", "pandas", "joblib"}
CLOUD = {
    "vertexai",
    "google.cloud.aiplatform",
    "google.api_core",
    "grpc",
    "openai",
    "langchain_openai",
    "langchain_community",
}
SERVING = {
    "langgraph",
    "langchain_core",
    "langsmith",
    "fastapi",
    "starlette",
    "uvicorn",
    "sqlalchemy",
    "sqlmodel",
    "dbos",
}
LIGHT = {"pydantic", "httpx", "rich"}
MEMORY = {"chromadb", "sentence_transformers", "transformers"}
PAGES = {"gradio", "gradio_client"}
EVERYTHING = LEARNING | CLOUD | SERVING | MEMORY | PAGES


def loaded(program: str, of: set[str], **environment: str) -> set[str]:
    """Return which modules of `of` a process has loaded once `program` is through."""
    told = f"import sys\n{program}\nprint(*sorted({of!r} & sys.modules.keys()))"
    ran = subprocess.run(
        [sys.executable, "-c", told],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    return set(ran.stdout.splitlines()[-1].split())


def running_command(*words: str) -> str:
    """Return the program that runs an `aurora` command to its end."""
    return f"from app.cli import main\ntry: main({list(words)!r})\nexcept SystemExit: pass"


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_the_command_tells_of_itself_loads_next_to_nothing(option: str) -> None:
    assert loaded(running_command(option), EVERYTHING | LIGHT) == set()


@pytest.mark.parametrize("command", ["serve", "doctor", "analyze", "approve", "demo"])
def test_the_help_of_a_command_loads_nothing_that_the_command_would_run(command: str) -> None:
    assert loaded(running_command(command, "--help"), EVERYTHING | {"httpx", "rich"}) == set()


def test_a_command_that_finds_no_server_has_loaded_none() -> None:
    assert loaded(running_command("watch"), EVERYTHING, AURORA_URL="http://127.0.0.1:9") == set()


def test_importing_aurora_loads_nothing_and_its_advisor_only_what_decides() -> None:
    assert loaded("import aurora", EVERYTHING | LIGHT) == set()
    assert loaded("from aurora import RetrainAdvisor", EVERYTHING | {"httpx", "rich"}) == set()


def test_a_refused_start_has_loaded_nothing_that_serves() -> None:
    assert loaded("import app.main", EVERYTHING) == set()


def test_what_serves_loads_no_model_no_index_no_pages_and_no_cloud() -> None:
    serving = "import uvicorn, app.main, app.api, app.worker; from aurora import Aurora; assert Aurora"
    assert loaded(serving, LEARNING | MEMORY | PAGES | CLOUD | {"dbos", "langchain"}) == set()


def test_the_fleet_and_the_training_process_load_no_embedding_model_and_nothing_that_serves() -> None:
    fleet = "from aurora.sandbox.fleet import __main__, catalogue, fleet, reporter"
    assert loaded(fleet, MEMORY | PAGES | CLOUD | SERVING) == set()
    assert loaded("from aurora.sandbox import models, training, worker", MEMORY | PAGES | CLOUD | SERVING) == set()


def test_the_pages_load_nothing_that_decides_or_remembers() -> None:
    assert (
        loaded("import app.ui.site", MEMORY | CLOUD | {"torch", "langgraph", "sqlmodel", "sqlalchemy", "dbos"}) == set()
    )


# --- while the model is being loaded -------------------------------------------------------------------------------


async def test_health_is_degraded_until_the_model_is_there_and_nothing_else_waits_for_it(tmp_path: Path) -> None:
    weights = _shared(str(_packaged()))
    with Aurora.open(Settings(home=tmp_path / "home", _env_file=None)) as aurora:
        transport = httpx.ASGITransport(create_app(aurora))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            with weights._loading:
                assert not aurora.memory.wait_ready(0)
                health = (await http.get("/health")).json()
                assert (health["status"], health["components"]["memory_store"]) == ("degraded", "degraded")
                assert health["details"] == {"memory_store": "The memory index is being opened."}
                point = {"model_name": "fraud-scorer", "accuracy": 0.87, "latency_ms": 310}
                assert (await http.post("/api/metrics", json=[point])).is_success
                for path in ("/api/models", "/api/decisions", "/api/approvals", "/api/mode", "/metrics"):
                    assert (await http.get(path)).status_code == 200
                assert (await http.put("/api/mode", json={"mode": "ask", "reason": "Not yet."})).status_code == 200
                told = await http.post("/api/memory", json={"kind": "incident", "text": "It was told while it loaded."})
                assert told.status_code == 201
                assert (await http.get("/health")).json()["status"] == "degraded"
            assert aurora.memory.wait_ready(120)
            assert (await http.get("/health")).json()["status"] == "healthy"
            found = await http.post("/api/memory/search", json={"query": "told while it loaded", "top_k": 1})
            assert [one["id"] for one in found.json()["results"]] == told.json()["ids"]
