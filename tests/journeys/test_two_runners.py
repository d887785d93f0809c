"""Two processes over one ledger: what the one does while the other waits is seen by the other."""

import asyncio

from aurora import Aurora
from aurora.domain import ModelSettings, Telemetry
from aurora.graph.runner import Runner

from .conftest import FAILING, ShiftedClock


def test_a_decision_that_another_process_took_further_is_not_begun_anew(aurora: Aurora, clock: ShiftedClock) -> None:
    aurora.put_settings("default", ModelSettings.model_validate({"cooldown_minutes": 0, "verify_minutes": 60}), "ada")
    ours = aurora._runner
    theirs = Runner(ours._graph, aurora.parts.deps)
    id = aurora.open_decision(Telemetry.model_validate({"model_name": "default", **FAILING}))

    async def both() -> None:
        async with ours._lock("model:default"):
            waiting = asyncio.create_task(ours.start(id))
            await asyncio.sleep(0.5)
            clock.pass_hours(0.01)
            assert await theirs.sweep() == 1
        await waiting

    aurora._portal.call(both)

    assert [intent.key.split(":")[1] for intent in aurora.ledger.intents.of_decision(id)] == ["0"]
    assert [noun.node for noun in aurora.ledger.decisions.nouns(id)].count("plan") == 1
