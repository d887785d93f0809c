"""The same program on PostgreSQL: ledger and checkpoints by URL."""

from collections.abc import Callable

import pytest

from aurora import Aurora
from aurora.domain import ModelSettings

from .conftest import FAILING

pytestmark = pytest.mark.postgres


def test_a_decision_is_asked_approved_executed_and_verified_over_a_restart(
    open_aurora: Callable[..., Aurora], fresh_postgres_url: str
) -> None:
    aurora = open_aurora(database_url=fresh_postgres_url)
    aurora.put_settings("default", ModelSettings.model_validate({"mode": "ask"}), "ada")
    waiting = aurora.analyze(FAILING)
    assert waiting.status == "awaiting_approval"
    assert waiting.approval_id is not None

    aurora = open_aurora(database_url=fresh_postgres_url)
    after = aurora.settle(waiting.approval_id, "approve", by="ada")
    assert after.status == "executed"
    assert aurora.drain(60)
    assert aurora.answer(waiting.decision_id).outcome == "better"
    assert aurora.ledger.audit.verify() == []
