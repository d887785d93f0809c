"""Any text that is text is stored and read back as it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurora.domain import Mode, ModelSettings, OutcomeReport, Plan, Telemetry, ToolResult
from aurora.ledger import Ledger, chain_of
from tests.ledger.story import NAME, RUNNING, Story, allow, entry, notice, plan, step, telemetry

STRANGE = [
    "Zürich 東京 🦜👩‍👩‍👧‍👧",
    "\u202eright to left\u202c \u200b\ufeff",
    "e\u0301 is not \u00e9",
    "'; DROP TABLE decisions; -- \\ \" % _ :x {0} $1",
    "\U0010ffff \uffff \x01\x1f\x7f \u0085\u2028",
    "line\r\nbreak\ttab ",
]


@pytest.mark.parametrize("text", STRANGE)
def test_strange_text_comes_back_from_everywhere(text: str, ledger: Ledger, story: Story) -> None:
    id = ledger.decisions.open(telemetry(notes=text), dry_run=False, mode=Mode.ASK, simulated=True)
    said = plan(step().evolve(parameters={text: [text]})).evolve(reasoning=text)
    ledger.decisions.record(id, 0, "plan", said, RUNNING)
    ledger.decisions.add_outcome(id, OutcomeReport(success=True, note=text), text)
    ledger.decisions.request_undo(id, text, text)
    ledger.intents.begin("key", id, step(note=text), text, allow)
    ledger.intents.finish("key", ToolResult(status="ok", called=text, answer={text: text}, detail=text))
    (memory,) = ledger.entries.add([entry(text, source=text, features={text: 1.0})])
    ledger.outbox.add([notice("evt", text)])

    assert ledger.decisions.get(id).telemetry.notes == text
    assert Plan.model_validate_json(ledger.decisions.noun(id, 0, "plan") or "") == said
    assert (ledger.decisions.outcomes(id)[0].report.note, ledger.decisions.outcomes(id)[0].by) == (text, text)
    undo = ledger.decisions.undo_requested(id)
    assert undo is not None
    assert (undo.reason, undo.by) == (text, text)
    intent = ledger.intents.get("key")
    assert (intent.step.parameters, intent.tool) == ({"note": text}, text)
    assert intent.result == ToolResult(status="ok", called=text, answer={text: text}, detail=text)
    assert (ledger.entries.get(memory).text, ledger.entries.get(memory).features) == (text, {text: 1.0})
    assert ledger.outbox.pending()[0].model_name == text
    assert ledger.audit.events(chain_of(NAME), limit=3)[2].actor == text
    assert ledger.audit.verify() == []


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_name_is_a_name_of_its_own(name: str, ledger: Ledger, story: Story) -> None:
    ledger.models.put_settings(name, ModelSettings(cooldown_minutes=1.0), "ada")
    ledger.models.seen(name.swapcase() + "x", simulated=True)

    assert ledger.models.get(name).name == name
    assert ledger.models.settings(name).cooldown_minutes == 1.0


def test_what_cannot_be_stored_is_replaced_in_prose_rather_than_lost(ledger: Ledger, story: Story) -> None:
    id, said = story.opened(), plan(step(note="a\ud800b", nul="c\x00d")).evolve(reasoning="\udfff")
    ledger.decisions.record(id, 0, "plan", said, RUNNING)
    ledger.decisions.request_undo(id, "a\x00b", "\ud800")

    kept = Plan.model_validate_json(ledger.decisions.noun(id, 0, "plan") or "")
    assert kept.step.parameters["note"] == "a\N{REPLACEMENT CHARACTER}b"
    assert kept.step.parameters["nul"] == "c\x00d"
    assert kept.reasoning == "\N{REPLACEMENT CHARACTER}"
    undo = ledger.decisions.undo_requested(id)
    assert undo is not None
    assert (undo.reason, undo.by) == ("a\N{REPLACEMENT CHARACTER}b", "\N{REPLACEMENT CHARACTER}")
    assert ledger.audit.verify() == []


def test_a_number_that_is_none_does_not_spoil_a_record(ledger: Ledger, story: Story) -> None:
    id, what = story.opened(), step(replicas=float("nan"))
    ledger.decisions.record(id, 0, "plan", plan(what), RUNNING)
    ledger.intents.begin("key", id, what, "t", allow)

    assert ledger.intents.get("key").step.parameters == {"replicas": None}


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_note_comes_back(text: str, ledger: Ledger) -> None:
    seen: Telemetry = telemetry(notes=text)
    id = ledger.decisions.open(seen, dry_run=False, mode=Mode.ASK, simulated=True)

    assert ledger.decisions.get(id).telemetry == seen
