"""The commands: quick to help, JSON for programs, sentences for people, and exit codes that scripts can trust."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import typer.main

from app.cli import app as commands
from app.cli import main
from app.client import SERVER_FILE, running_server, understood
from app.failure import CallFailed
from tests.app.running import AURORA, Running, command, environment, running

FAILING: dict[str, object] = {
    "model_metrics": {"accuracy": 0.72, "latency_ms": 650},
    "data_drift": {"detected": True, "score": 0.65},
}
BUSY: dict[str, object] = {
    "model_metrics": {"accuracy": 0.9, "latency_ms": 700},
    "baseline": {"accuracy": 0.9, "latency_ms": 300},
    "system_load": {"cpu_usage": 0.95, "gpu_usage": 0.95, "memory_usage": 0.6},
}


def failing(model: str) -> str:
    return json.dumps({"model_name": model, **FAILING})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("served"), "--no-ui") as served:
        yield served


def ended(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command inside this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    said = capsys.readouterr()
    code = exit_.value.code
    assert isinstance(code, int)
    return code, said.out, said.err


def every_command() -> list[list[str]]:
    group = typer.main.get_command(commands)
    found: list[list[str]] = []
    for name, one in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(one, "commands", {})
        found += [[name, sub] for sub in inner] or [[name]]
    return found


# --- help, version, JSON -------------------------------------------------------------------------------------------


def test_every_command_of_this_version_is_there() -> None:
    assert {" ".join(words) for words in every_command()} == {
        *("serve", "demo", "doctor", "analyze", "decisions", "watch", "explain", "undo", "approve", "reject", "ask"),
        *("models", "memory search", "memory add", "memory rebuild", "mode show", "mode set", "eval bench"),
        "eval backtest",
    }


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_offers_json_and_shows_an_example(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended([*words, "--help"], capsys)
    assert code == 0
    assert "--json" in out
    assert f"aurora {' '.join(words)}" in out.partition("Example")[2]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ended(["--version"], capsys)
    assert (code, out) == (0, "aurora 0.1.0\n")


def test_a_misspelt_command_is_wrong_use_and_suggests_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ended(["analise"], capsys)
    assert (code, out) == (2, "")
    assert "analyze" in err


# --- bad input -----------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(["analyze", "nowhere.json"], capsys) == (
        2,
        "",
        "nowhere.json cannot be read: No such file or directory.\n",
    )


def test_what_is_not_json_is_told_by_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.json"
    file.write_text('{"model_metrics":\n  {"accuracy": 0,7}}')
    code, _, err = ended(["analyze", str(file)], capsys)
    assert code == 2
    assert "at line 2 column 18" in err


def test_what_is_not_text_is_told_by_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.json"
    file.write_bytes(b'{"a\xff')
    assert "is not UTF-8 text at byte 3." in ended(["analyze", str(file)], capsys)[2]


def test_what_is_nested_too_deeply_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "telemetry.json"
    file.write_text("[" * 200_000)
    assert ended(["analyze", str(file)], capsys)[0] == 2


def test_an_edit_without_a_value_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = ended(["approve", "last", "--set", "replicas"], capsys)
    assert (code, err) == (2, "--set takes KEY=VALUE, not 'replicas'.\n")


def test_a_field_that_is_wrong_is_named_by_its_path(server: Running) -> None:
    done = command(
        server.home, "analyze", "-", "--json", stdin='{"model_metrics": {"accuracy": 1.4}, "modle_name": "a"}'
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "model_metrics.accuracy: Input should be less than or equal to 1" in done.stderr
    assert "modle_name: unknown field" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_decision_that_does_not_exist_is_one_sentence(server: Running) -> None:
    done = command(server.home, "explain", f"dec_{'0' * 32}")
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert command(server.home, "explain", "dec_nothing").stderr == "There is no decision 'dec_nothing'.\n"


# --- which server --------------------------------------------------------------------------------------------------


def test_an_address_where_nothing_answers_is_named(tmp_path: Path) -> None:
    done = command(tmp_path, "decisions", settings={"AURORA_URL": "http://127.0.0.1:9"})
    assert done.returncode == 1
    assert done.stderr.startswith("http://127.0.0.1:9 cannot be reached")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "said", ['{"url": "http://127.0.0.1:9", "pid": 1}', '{"url": 1}', "not json", '{"pid": -5}', "[]"]
)
def test_what_a_dead_server_left_behind_is_not_taken_for_a_server(tmp_path: Path, said: str) -> None:
    (tmp_path / SERVER_FILE).write_text(said)
    assert running_server(tmp_path) is None


def test_following_decisions_wants_a_server(tmp_path: Path) -> None:
    done = command(tmp_path, "watch")
    assert (done.returncode, done.stdout) == (1, "")
    assert "aurora serve" in done.stderr


def test_a_missing_key_says_where_to_put_it(tmp_path: Path) -> None:
    with running(tmp_path, "--no-ui", settings={"AURORA_API_KEYS": "vera:viewer:key-of-vera"}) as locked:
        refused = command(locked.home, "decisions")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "A valid API key is required." in refused.stderr
        assert "AURORA_API_KEY." in refused.stderr
        assert command(locked.home, "decisions", settings={"AURORA_API_KEY": "key-of-vera"}).returncode == 0


def test_something_else_that_answers_is_told_apart_from_aurora() -> None:
    page = httpx.Response(200, text="<html>")
    with pytest.raises(CallFailed, match="is not AURORA"):
        understood(page, "here")


# --- on a running server -------------------------------------------------------------------------------------------


def test_an_analysis_is_shown_to_people_with_its_id_and_what_to_do_next(server: Running) -> None:
    said = server.aurora("analyze", "-", stdin=failing("shown"))
    assert "shown: retrain, executed (simulated)" in said
    assert "aurora explain dec_" in said
    assert "\x1b" not in said


def test_a_dry_run_does_nothing(server: Running) -> None:
    answer = server.answer("analyze", "-", "--dry-run", stdin=failing("dry"))
    assert (answer["status"], answer["execution_result"]) == ("proposed", None)


def test_json_on_stdout_is_the_answer_of_the_api_and_nothing_else(server: Running) -> None:
    answer = server.answer("analyze", "-", stdin=failing("plain-json"))
    listed = server.answer("decisions", "--model", "plain-json")
    assert [item["decision_id"] for item in listed["items"]] == [answer["decision_id"]]
    assert server.answer("explain", answer["decision_id"])["planner_decision"] == answer["planner_decision"]


def test_the_whole_why_is_told_from_what_was_seen_to_what_came_of_it(server: Running) -> None:
    decided = server.answer("analyze", "-", stdin=failing("explained"))
    said = server.aurora("explain", decided["decision_id"])
    for title in ("What was seen", "What was proposed, and why", "The second look", "What was done"):
        assert title in said
    assert decided["planner_decision"]["reasoning"] in said


def test_the_beginning_of_an_id_and_last_will_do(server: Running) -> None:
    decided = server.answer("analyze", "-", "--dry-run", stdin=failing("shortened"))["decision_id"]
    assert server.answer("explain", "last")["decision_id"] == decided
    assert server.answer("explain", decided[:20])["decision_id"] == decided


def test_a_question_is_answered_from_the_record(server: Running) -> None:
    decided = server.answer("analyze", "-", stdin=failing("asked-about"))["decision_id"]
    assert decided in server.aurora("ask", "why did you retrain asked-about?")
    assert (
        server.answer("ask", "why", "did", "you", "retrain", "asked-about?")["citations"][0]["decision_id"] == decided
    )


def test_what_it_may_do_by_itself_on_a_model_is_told_with_the_reason(server: Running) -> None:
    told = {"autonomy": {"retrain": "ask", "scale": "never"}}
    httpx.put(f"{server.url}/api/models/team%2Fpinned", json=told).raise_for_status()
    assert "retrain, never scale" in server.aurora("models", "--q", "team/pinned")
    said = server.aurora("models", "team/pinned")
    assert "Pinned by a person: AURORA may never scale this model." in said
    assert "It can be undone, so it runs within the confidence bands until a first miss." in said
    assert server.answer("models", "team/pinned")["autonomy"]["retrain"]["state"] == "asks"
    assert command(server.home, "models", "nobody-of-that-name").returncode == 1


def waiting(server: Running, model: str, look: dict[str, object] = FAILING) -> str:
    """Make a decision that waits for a person; return its id."""
    asking = {"autonomy": dict.fromkeys(("retrain", "fine_tune", "cache", "route", "scale"), "ask")}
    httpx.put(f"{server.url}/api/models/{model}", json=asking).raise_for_status()
    answer = server.answer("analyze", "-", stdin=json.dumps({"model_name": model, **look}))
    assert answer["status"] == "awaiting_approval"
    return str(answer["decision_id"])


def test_what_waits_is_approved_by_name(server: Running) -> None:
    decided = waiting(server, "approved-one")
    answer = server.answer("approve", decided, "--by", "ada", "--reason", "go")
    assert answer["status"] == "executed"
    approval = server.answer("explain", decided)["approvals"][0]
    assert (approval["status"], approval["by"], approval["reason"]) == ("approved", "ada", "go")
    done = command(server.home, "approve", decided)
    assert done.returncode == 1
    assert "was approved by" in done.stderr


def test_what_waits_is_approved_with_a_parameter_changed(server: Running) -> None:
    decided = waiting(server, "edited-one", BUSY)
    asked = server.answer("explain", decided)["approvals"][0]
    assert asked["step"]["action"] == "scale"
    wanted = asked["step"]["parameters"]["replicas"] + 1
    server.answer("approve", asked["id"], "--set", f"replicas={wanted}", "--by", "ada")
    assert server.answer("explain", decided)["approvals"][0]["edited_step"]["parameters"]["replicas"] == wanted


def test_what_waits_is_rejected(server: Running) -> None:
    decided = waiting(server, "rejected-one")
    answer = server.answer("reject", decided, "--reason", "not now")
    assert (answer["status"], answer["ending"]) == ("rejected", "human_rejected")


def test_what_never_waited_cannot_be_approved(server: Running) -> None:
    decided = server.answer("analyze", "-", "--dry-run", stdin=failing("never-waited"))["decision_id"]
    done = command(server.home, "approve", decided)
    assert done.returncode == 1
    assert "never waited" in done.stderr


def test_a_deed_is_taken_back(server: Running) -> None:
    decided = server.answer("analyze", "-", stdin=failing("undone-one"))["decision_id"]
    assert server.answer("undo", decided, "--reason", "a test")["outcome"] == "undone"


def test_memory_is_written_and_found(server: Running) -> None:
    text = "The zebra export doubles latency every night."
    ids = server.answer("memory", "add", text, "--kind", "incident")["ids"]
    assert ids[0] in {one["id"] for one in server.answer("memory", "search", "zebra", "export", "latency")["results"]}
    assert text in server.aurora("memory", "search", "zebra export latency")


def test_the_memory_of_a_running_server_is_not_rebuilt_under_it(server: Running) -> None:
    done = command(server.home, "memory", "rebuild")
    assert done.returncode == 1
    assert server.url in done.stderr


def test_the_mode_is_set_and_shown(server: Running) -> None:
    try:
        assert server.answer("mode", "set", "observe", "--reason", "Incident 42")["mode"] == "observe"
        assert "observe" in server.aurora("mode", "show")
        assert "Incident 42" in server.aurora("mode", "show")
    finally:
        server.answer("mode", "set", "autonomous")


def test_models_are_listed(server: Running) -> None:
    server.answer("analyze", "-", "--dry-run", stdin=failing("listed-model"))
    assert "listed-model" in server.aurora("models", "--q", "listed")
    assert [item["name"] for item in server.answer("models", "--q", "listed-m")["items"]] == ["listed-model"]


def test_the_newest_decisions_are_watched_once(server: Running) -> None:
    decided = server.answer("analyze", "-", "--dry-run", stdin=failing("watched-once"))["decision_id"]
    lines = [json.loads(line) for line in server.aurora("watch", "--once", "--json").splitlines()]
    assert lines[-1]["decision_id"] == decided


def test_new_decisions_are_followed_until_ctrl_c(server: Running) -> None:
    watch = subprocess.Popen(
        [AURORA, "watch", "--json", "--model", "followed"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(server.home, {}),
    )
    assert watch.stdout is not None
    assert watch.stderr is not None
    try:
        assert watch.stderr.readline().startswith("Watching")
        decided = server.answer("analyze", "-", "--dry-run", stdin=failing("followed"))["decision_id"]
        assert json.loads(watch.stdout.readline())["decision_id"] == decided
        watch.send_signal(signal.SIGINT)
        _, err = watch.communicate(timeout=10)
        assert (watch.returncode, err) == (130, "")
    finally:
        watch.kill()
        watch.communicate()


def test_a_reader_that_has_gone_is_met_in_silence(server: Running) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [AURORA, "decisions", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
        env=environment(server.home, {}),
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode != 0


def test_what_a_record_says_cannot_drive_the_terminal(server: Running) -> None:
    look = json.loads(failing("escape-artist")) | {"notes": "\x1b[2J\x1b]0;owned\x07 [red]markup[/red]"}
    decided = server.answer("analyze", "-", "--dry-run", stdin=json.dumps(look))["decision_id"]
    said = server.aurora("explain", decided)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "[red]markup[/red]" in said


def test_the_doctor_finds_every_part_well(server: Running) -> None:
    report = server.answer("doctor")
    assert report["ok"]
    verdicts = {check["name"]: check["verdict"] for check in report["checks"]}
    assert set(verdicts.values()) <= {"ok", "warn"}
    assert {"Python", "home folder", "database", "audit trail", "embedding weights", "memory store"} <= set(verdicts)


# --- without a server ----------------------------------------------------------------------------------------------


def test_without_a_server_a_command_starts_aurora_inside_itself(tmp_path: Path) -> None:
    done = command(tmp_path, "analyze", "-", "--json", stdin=failing("alone"))
    assert done.returncode == 0, done.stderr
    decided = json.loads(done.stdout)
    assert decided["status"] == "executed"
    assert "No server is running" in done.stderr
    told = json.loads(command(tmp_path, "explain", "last", "--json").stdout)
    assert told["decision_id"] == decided["decision_id"]
    assert told["outcome"] in ("better", "not_better", "undone", "cannot_tell")
    assert json.loads(command(tmp_path, "memory", "rebuild", "--json").stdout)["indexed"] > 1


def test_ctrl_c_ends_such_a_command_soon_and_without_a_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(
        [AURORA, "memory", "search", "drift"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path, {}),
    ) as alone:
        assert alone.stderr is not None
        assert alone.stderr.readline().startswith("No server is running")
        alone.send_signal(signal.SIGINT)
        out, err = alone.communicate(timeout=10)
    assert (alone.returncode, out, err) == (130, "", "")
