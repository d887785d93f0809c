"""What a question is taken to mean."""

from datetime import UTC, datetime, timedelta

import pytest

from app.chat_question import Question, understand
from app.chat_words import Intent
from aurora.domain import Action

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
NAMES = ["fraud-scorer", "churn v2", "default", "cache-warmer", "retrain"]


def ask(text: str) -> Question:
    return understand(text, NAMES, NOW)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("why did you retrain?", Intent.WHY),
        ("Why did you retrain fraud-scorer", Intent.WHY),
        ("y did u retrain", Intent.WHY),
        ("how come you scaled?", Intent.WHY),
        ("what made you re-train it?", Intent.WHY),
        ("what was the reason for the last reroute", Intent.WHY),
        ("explain the last decision", Intent.WHY),
        ("ok so why did you train the model again", Intent.WHY),
        ("why didn't you retrain?", Intent.WHY_NOT),
        ("why didnt you scale", Intent.WHY_NOT),
        ("Why not scale?", Intent.WHY_NOT),
        ("why did you do nothing?", Intent.WHY_NOT),
        ("why did you cache instead of scaling?", Intent.WHY_NOT),
        ("did you retrain?", Intent.DID),
        ("When was fraud-scorer last retrained?", Intent.DID),
        ("have you scaled anything", Intent.DID),
        ("what happened?", Intent.RECENT),
        ("what did you do last night", Intent.RECENT),
        ("show me the latest decisions", Intent.RECENT),
        ("last decision", Intent.RECENT),
        ("is fraud-scorer healthy?", Intent.STATUS),
        ("how is churn v2 doing", Intent.STATUS),
        ("status", Intent.STATUS),
        ("is anything wrong?", Intent.STATUS),
        ("fraud-scorer?", Intent.STATUS),
        ("what waits for me?", Intent.WAITING),
        ("any pending approvals", Intent.WAITING),
        ("anything to approve?", Intent.WAITING),
        ("did it help?", Intent.OUTCOME),
        ("Did the retrain work", Intent.OUTCOME),
        ("what was the outcome", Intent.OUTCOME),
        ("is it better now", Intent.OUTCOME),
        ("what did you remember?", Intent.RECALLED),
        ("which similar cases did you recall", Intent.RECALLED),
        ("how confident were you?", Intent.CONFIDENCE),
        ("how sure are you about that", Intent.CONFIDENCE),
        ("who approved it?", Intent.WHO),
        ("was it approved", Intent.WHO),
        ("what would have changed it?", Intent.FLIP),
        ("what would have changed your mind", Intent.FLIP),
        ("what would it have needed to retrain", Intent.FLIP),
        ("how many retrains were there?", Intent.COUNT),
        ("how often did you scale this week", Intent.COUNT),
        ("what else did you consider?", Intent.ALTERNATIVES),
        ("should we retrain fraud-scorer?", Intent.ADVICE),
        ("retrain?", Intent.DID),
        ("help", Intent.HELP),
        ("what can you do?", Intent.HELP),
        ("the quick brown fox", Intent.UNKNOWN),
        ("", Intent.UNKNOWN),
        ("???", Intent.UNKNOWN),
    ],
)
def test_an_intent_is_recognised_in_many_wordings(text: str, intent: Intent) -> None:
    assert ask(text).intent is intent


@pytest.mark.parametrize(
    "text",
    [
        "retrain it",
        "please retrain fraud-scorer now",
        "can you scale it up?",
        "could you please retrain?",
        "approve it",
        "yes",
        "ok, approve",
        "Approved.",
        "go ahead",
        "I approve this",
        "yes please do it",
        "reject dec_0123",
        "undo it",
        "roll back fraud-scorer",
        "stop everything",
        "I want you to retrain",
        "do it",
        "lgtm",
    ],
)
def test_a_request_to_act_or_a_word_of_consent_is_told_apart_from_a_question(text: str) -> None:
    assert ask(text).intent is Intent.ACT


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("why did you retrain", Action.RETRAIN),
        ("why did you fine-tune", Action.FINE_TUNE),
        ("why was it fine tuned", Action.FINE_TUNE),
        ("why fine_tune?", Action.FINE_TUNE),
        ("why did you train it again", Action.RETRAIN),
        ("why was traffic rerouted", Action.ROUTE),
        ("why did you roll back", Action.ROUTE),
        ("why did you add replicas", Action.SCALE),
        ("why is it cached", Action.CACHE),
        ("why did you page us", Action.ALERT),
        ("why", None),
    ],
)
def test_an_action_is_recognised_under_its_many_names(text: str, action: Action | None) -> None:
    assert ask(text).action is action


@pytest.mark.parametrize(
    "text", ["why did you retarin?", "why did you retrian", "whyy did you retrained", "why did you rtrain?"]
)
def test_small_typing_errors_are_understood(text: str) -> None:
    assert ask(text).action is Action.RETRAIN


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("why did you retrain fraud-scorer?", "fraud-scorer"),
        ("why did you retrain FRAUD-SCORER?", "fraud-scorer"),
        ("is churn v2 ok?", "churn v2"),
        ("is fraud-scorr healthy", "fraud-scorer"),
        ("why did you retrain the fraud scorer?", "fraud-scorer"),
        ("is the fraud_scorer ok", "fraud-scorer"),
        ("how is churn-v2", "churn v2"),
        ("why did you retrain cache-warmer", "cache-warmer"),
        ("how is the model retrain doing", "retrain"),
        ("why did you retrain?", None),
    ],
)
def test_a_known_model_is_recognised_by_its_name(text: str, model: str | None) -> None:
    assert ask(text).model == model


def test_the_words_inside_a_name_are_not_taken_as_an_action() -> None:
    assert ask("is cache-warmer healthy?").action is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("why did you retrain ghost-model?", "ghost-model"),
        ("is ghost healthy?", "ghost"),
        ('what happened to "my ghost"', "my ghost"),
        ("why did you retrain?", None),
        ("what would have changed it?", None),
        ("did it help?", None),
        ("is everything ok?", None),
        ("why did you fine-tune?", None),
    ],
)
def test_what_stands_where_a_name_stands_but_is_none_on_record_is_noticed(text: str, name: str | None) -> None:
    assert ask(text).stranger == name


def test_an_id_is_taken_whole() -> None:
    assert ask("explain dec_4f2a0c please").decision_id == "dec_4f2a0c"
    assert ask("who approved apr_99aa").decision_id == "apr_99aa"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("what happened today", NOW.replace(hour=0)),
        ("what happened yesterday", NOW.replace(hour=0) - timedelta(days=1)),
        ("how many retrains in the last 3 hours", NOW - timedelta(hours=3)),
        ("what happened this week", NOW - timedelta(days=7)),
    ],
)
def test_a_stretch_of_time_is_understood(text: str, start: datetime) -> None:
    window = ask(text).window
    assert window is not None
    assert window.start == start


def test_endless_and_strange_text_is_read_without_harm() -> None:
    for text in ("why " * 100_000, "\u202ewhy\x00 did\u0000 you", "ẃḩỹ 💥 ?", "(" * 5000):
        assert ask(text).intent in Intent


@pytest.mark.parametrize(
    "text",
    [
        "why is fraud-scorer so slow?",
        "why was accuracy so low yesterday",
        "what did the critic say?",
        "which guardrail blocked it?",
        "why did you choose that",
        "why did you propose a retrain during the lunch break?",
        "why did you trigger a retrain",
        "what triggered the last alert",
        "show me everything from this morning",
        "has the accuracy improved since the retrain?",
        "what did you do about the drift",
        "how is everything going",
        "who signed off the retrain",
        "did the retrain help or was it a waste?",
    ],
)
def test_an_ordinary_question_is_not_taken_for_one_that_no_record_is_about(text: str) -> None:
    assert ask(text).intent not in (Intent.UNHELD, Intent.NO_SUCH_ACTION)
