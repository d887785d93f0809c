"""The doctor says of each part how it is and, where it is not well, what to do."""

import json
import socket
from pathlib import Path

import pytest

from app.cli_doctor import Check, examine
from tests.app.running import command


def checks(monkeypatch: pytest.MonkeyPatch, **settings: str) -> dict[str, Check]:
    for name, value in {"port": "0", "ui_port": "0", **settings}.items():
        monkeypatch.setenv(f"AURORA_{name.upper()}", value)
    return {check.name: check for check in examine(lambda _: None)}


def test_a_fresh_machine_is_well_and_nothing_is_made_by_looking(
    aurora_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checks(monkeypatch)
    assert {check.verdict for check in found.values()} == {"ok"}
    assert not aurora_home.exists()


def test_a_backend_that_is_not_there_names_those_that_are(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks(monkeypatch, trainer="vertex9")["training backend"]
    assert check == Check("training backend", "fail", "there is no 'vertex9'", "Set AURORA_TRAINER to one of: sandbox.")


def test_a_language_model_is_reported_as_not_used_yet(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks(monkeypatch, llm_model="openai:gpt-4.1")["language model"]
    assert check.verdict == "warn"
    assert "AURORA_LLM_MODEL=openai:gpt-4.1 is set; this version decides with the built-in policy" in check.detail


def test_an_open_door_is_a_failure(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = checks(monkeypatch, host="0.0.0.0")["access"]
    assert check.verdict == "fail"
    assert "AURORA_API_KEYS" in check.advice


def test_keys_that_cannot_be_read_are_a_failure(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks(monkeypatch, api_keys="nonsense")["access"].verdict == "fail"
    assert checks(monkeypatch, api_keys="ada:admin:secret")["access"].verdict == "ok"


def test_a_taken_port_is_a_failure(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        check = checks(monkeypatch, port=str(taken.getsockname()[1]))["API port"]
    assert check.verdict == "fail"
    assert "--port 0" in check.advice


def test_a_file_that_is_no_database_is_a_failure(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aurora_home.mkdir()
    (aurora_home / "aurora.db").write_text("this is not a database, and it is long enough to be taken for one" * 20)
    assert checks(monkeypatch)["database"].verdict == "fail"


def test_a_setting_that_does_not_work_ends_the_examination(aurora_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks(monkeypatch, port="eighty")
    assert list(found) == ["Python", "settings"]
    assert found["settings"].verdict == "fail"


def test_the_exit_code_says_whether_a_part_is_down(tmp_path: Path) -> None:
    done = command(tmp_path, "doctor", "--json", settings={"AURORA_ALERTS": "pigeon"})
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert not report["ok"]
    for_people = command(tmp_path, "doctor", settings={"AURORA_ALERTS": "pigeon"})
    assert for_people.returncode == 1
    assert "Set AURORA_ALERTS to one of: log, sandbox." in for_people.stdout
