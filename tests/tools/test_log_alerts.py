"""Alerts into the log: one line each, once per key, whatever happens to the file."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aurora.domain import Action, Step
from aurora.tools.alerting.log import LogAlerts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALERT = Step(action=Action.ALERT, target="scorer", parameters={"severity": "critical", "message": "It burns."})


@pytest.fixture
def alerts(tmp_path: Path) -> LogAlerts:
    return LogAlerts(tmp_path, lambda: NOON)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "alerts.jsonl"


def test_an_alert_is_one_line_of_json(alerts: LogAlerts, file: Path) -> None:
    alerts.apply(ALERT, "key")
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "key": "key",
            "model_name": "scorer",
            "severity": "critical",
            "message": "It burns.",
            "at": "2026-11-22T12:00:00+00:00",
        }
    ]


def test_it_is_logged_once_at_the_level_of_its_severity(alerts: LogAlerts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "aurora.alerts")
    for key in ("a", "a", "b"):
        alerts.apply(ALERT, key)
    alerts.apply(ALERT.evolve(parameters={"severity": "info", "message": "It smells."}), "c")
    assert [record.levelname for record in caplog.records] == ["CRITICAL", "CRITICAL", "INFO"]


def test_a_message_cannot_pretend_to_be_a_line_of_its_own(
    alerts: LogAlerts, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    forged = {"severity": "warning", "message": 'x\n{"key": "forged"}\nCRITICAL all is lost'}
    alerts.apply(ALERT.evolve(parameters=forged), "key")
    assert len(file.read_text().splitlines()) == 1
    assert all("\n" not in record.getMessage() for record in caplog.records)
    assert alerts.look_up("forged").status == "no_data"


def test_two_that_share_a_file_see_each_others_alerts(alerts: LogAlerts, tmp_path: Path, file: Path) -> None:
    other = LogAlerts(tmp_path, lambda: NOON)
    assert alerts.apply(ALERT, "key") == other.apply(ALERT, "key")
    assert len(file.read_text().splitlines()) == 1
    assert other.look_up("key").answer["message"] == "It burns."


def test_another_alert_under_the_same_key_is_refused(alerts: LogAlerts) -> None:
    alerts.apply(ALERT, "key")
    assert alerts.apply(ALERT.evolve(target="other"), "key").status == "refused"


def test_a_line_that_a_crash_cut_short_spoils_no_other(alerts: LogAlerts, file: Path, tmp_path: Path) -> None:
    alerts.apply(ALERT, "whole")
    with file.open("a") as torn:
        torn.write('{"key": "torn", "mess')
    assert alerts.look_up("torn").status == "no_data"
    assert alerts.apply(ALERT, "torn").status == "ok"
    for reader in (alerts, LogAlerts(tmp_path, lambda: NOON)):
        assert [reader.look_up(key).status for key in ("whole", "torn")] == ["ok", "ok"]


def test_a_file_that_was_rotated_away_is_begun_anew(alerts: LogAlerts, file: Path) -> None:
    alerts.apply(ALERT, "old")
    file.rename(file.with_suffix(".1"))
    assert alerts.look_up("old").status == "no_data"
    assert alerts.apply(ALERT, "new").status == "ok"
    assert alerts.look_up("new").status == "ok"


def test_a_folder_that_cannot_be_written_is_a_failure_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a folder")
    result = LogAlerts(tmp_path / "taken", lambda: NOON).apply(ALERT, "key")
    assert result.status == "failed"
    assert "alerts.jsonl cannot be written" in result.detail
