"""An effect is written down before it happens, by one caller, through a gate that sees the present."""

import pytest

from aurora.domain import Facts, Mode, ModelSettings, Ruling
from aurora.errors import GateClosed, NotFound
from aurora.ledger import Ledger, chain_of
from tests.ledger.story import BROKEN, LOST, NAME, OK, Story, allow, ruling, step


class Looking:
    """A gate that is open and remembers what it was shown."""

    facts: Facts
    mode: Mode

    def __call__(self, facts: Facts, mode: Mode) -> Ruling:
        self.facts, self.mode = facts, mode
        return ruling(step())


def test_the_first_caller_gets_it_fresh_and_everybody_else_reads_it(ledger: Ledger, story: Story) -> None:
    decision, what = story.opened(), step(window={"days": 7})

    first = ledger.intents.begin("key", decision, what, "sandbox.training", allow)
    second = ledger.intents.begin("key", decision, step(), "another.tool", allow)

    assert first.fresh
    assert (first.state, first.step, first.tool, first.begun_at) == ("begun", what, "sandbox.training", story.clock.now)
    assert second == ledger.intents.get("key") == first.evolve(fresh=False)


def test_an_intent_that_is_there_passes_no_gate_again(ledger: Ledger, story: Story) -> None:
    decision, key = story.begun()

    again = ledger.intents.begin(key, decision, step(), "sandbox.training", lambda facts, mode: ruling(step(), "deny"))

    assert not again.fresh


@pytest.mark.parametrize("verdict", ["deny", "needs_approval"])
def test_a_closed_gate_says_why_and_leaves_nothing(verdict: str, ledger: Ledger, story: Story) -> None:
    decision = story.opened()
    refusal = ruling(step(), verdict, "a freeze window is open")  # type: ignore[arg-type]

    with pytest.raises(GateClosed, match="a freeze window is open") as closed:
        ledger.intents.begin("key", decision, step(), "sandbox.training", lambda facts, mode: refusal)

    assert closed.value.context["ruling"] == refusal
    assert ledger.intents.of_decision(decision) == []
    assert [event.event for event in ledger.audit.events(chain_of(NAME))] == ["decision.opened"]
    assert ledger.intents.begin("key", decision, step(), "sandbox.training", allow).fresh


@pytest.mark.parametrize(
    ("installation", "model", "stricter"),
    [
        (Mode.AUTONOMOUS, None, Mode.AUTONOMOUS),
        (Mode.AUTONOMOUS, Mode.ASK, Mode.ASK),
        (Mode.OBSERVE, Mode.ASK, Mode.OBSERVE),
        (Mode.STOPPED, Mode.AUTONOMOUS, Mode.STOPPED),
        (Mode.ASK, Mode.STOPPED, Mode.STOPPED),
    ],
)
def test_the_gate_sees_the_stricter_mode(
    installation: Mode, model: Mode | None, stricter: Mode, ledger: Ledger, story: Story
) -> None:
    decision, gate = story.opened(), Looking()
    ledger.installation.set_mode(installation, "", "ada")
    ledger.models.put_settings(NAME, ModelSettings(mode=model), "ada")

    ledger.intents.begin("key", decision, step(), "tool", gate)

    assert gate.mode == stricter


def test_a_model_on_a_real_backend_is_observed_unless_somebody_says_otherwise(ledger: Ledger, story: Story) -> None:
    gate = Looking()
    ledger.intents.begin("key", story.opened(simulated=False), step(), "tool", gate)

    assert gate.mode == Mode.OBSERVE


def test_the_gate_sees_the_facts_of_this_moment(ledger: Ledger, story: Story) -> None:
    other, _ = story.begun()
    gate = Looking()
    ledger.intents.begin("key", story.opened(), step(), "tool", gate)

    assert gate.facts.in_flight == (other,)
    assert [deed.decision_id for deed in gate.facts.deeds] == [other]


@pytest.mark.parametrize(("result", "state"), [(OK, "done"), (BROKEN, "failed"), (LOST, "unknown")])
def test_what_came_of_it_is_written_down(result: object, state: str, ledger: Ledger, story: Story) -> None:
    _, key = story.begun()
    story.clock.forward(minutes=1)

    finished = ledger.intents.finish(key, result)  # type: ignore[arg-type]

    assert finished == ledger.intents.get(key)
    assert (finished.state, finished.result) == (state, result)
    assert finished.finished_at == (None if state == "unknown" else story.clock.now)
    assert ledger.audit.events(chain_of(NAME))[0].event == f"intent.{state}"


def test_what_is_known_stays_and_what_was_unknown_may_become_known(ledger: Ledger, story: Story) -> None:
    _, key = story.begun()

    states = [ledger.intents.finish(key, result).state for result in (LOST, OK, BROKEN, LOST)]

    assert states == ["unknown", "done", "done", "done"]
    assert ledger.intents.get(key).result == OK


def test_open_intents_are_those_nobody_answered_for(ledger: Ledger, story: Story) -> None:
    _, begun = story.begun("a")
    story.clock.forward(minutes=1)
    _, unknown = story.begun("b")
    ledger.intents.finish(unknown, LOST)
    story.executed("c")
    story.failed("d")

    assert [intent.key for intent in ledger.intents.open_intents()] == [begun, unknown]


def test_the_intents_of_a_decision_come_in_order(ledger: Ledger, story: Story) -> None:
    decision, key = story.begun()
    story.clock.forward(minutes=1)
    ledger.intents.begin("a:undo", decision, step(), "sandbox.training", allow, undo=True)

    assert [(intent.key, intent.undo) for intent in ledger.intents.of_decision(decision)] == [
        (key, False),
        ("a:undo", True),
    ]


def test_what_is_unknown_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="no-such-key"):
        ledger.intents.get("no-such-key")
    with pytest.raises(NotFound, match="no-such-key"):
        ledger.intents.finish("no-such-key", OK)
    with pytest.raises(NotFound, match="dec_nowhere"):
        ledger.intents.begin("key", "dec_nowhere", step(), "t", allow)
