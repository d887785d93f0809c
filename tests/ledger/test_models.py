"""Models by their exact names: what kind they are, how they stand and what they may expect."""

from datetime import timedelta

import pytest

from aurora.domain import Limits, MetricPoint, Mode, ModelSettings
from aurora.errors import Invalid, NotFound
from aurora.ledger import Ledger, Store, chain_of
from tests.ledger.story import NAME, Story, Watch

QUICK = ModelSettings(cooldown_minutes=0.5, verify_minutes=1.0)


def test_a_model_is_made_at_first_sight(ledger: Ledger, clock: Watch) -> None:
    model = ledger.models.seen(NAME, simulated=True)

    assert model == ledger.models.get(NAME)
    assert (model.simulated, model.settings, model.mode) == (True, ModelSettings(), Mode.AUTONOMOUS)
    assert (model.first_seen, model.last_seen) == (clock.now, clock.now)
    assert (model.last_point, model.last_decision_id) == (None, None)


def test_later_sights_change_only_when_it_was_last_seen(ledger: Ledger, clock: Watch) -> None:
    first = ledger.models.seen(NAME, simulated=True)
    clock.forward(hours=1)

    again = ledger.models.seen(NAME, simulated=True)

    assert again == first.evolve(last_seen=first.last_seen + timedelta(hours=1))


def test_an_unknown_model_is_not_found_but_has_the_default_settings(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="nobody"):
        ledger.models.get("nobody")
    assert ledger.models.settings("nobody") == ModelSettings()


def test_settings_may_come_before_the_model(ledger: Ledger, clock: Watch) -> None:
    ledger.models.put_settings(NAME, QUICK, "ada")
    clock.forward(hours=1)

    seen = ledger.models.seen(NAME, simulated=True)

    assert seen.settings == ledger.models.settings(NAME) == QUICK
    assert seen.simulated


def test_a_model_leaves_the_defaults_of_the_sandbox_behind_and_keeps_what_a_person_set(store: Store) -> None:
    models = Ledger(store, sandbox_defaults=QUICK).models
    models.seen(NAME, simulated=True)
    models.put_settings(NAME, ModelSettings(verify_minutes=7.0, limits=Limits(max_replicas=3)), "ada")
    chosen = {"verify_minutes": 7.0, "limits": Limits(max_replicas=3)}
    assert models.settings(NAME) == models.get(NAME).settings == QUICK.evolve(**chosen)

    real = models.seen(NAME, simulated=False)

    assert models.settings(NAME) == real.settings == models.list().items[0].settings == ModelSettings(**chosen)


def test_a_default_that_a_person_set_stays_set(store: Store) -> None:
    models = Ledger(store, sandbox_defaults=QUICK).models
    models.seen(NAME, simulated=True)
    models.put_settings(NAME, ModelSettings(accuracy_floor=0.7), "ada")

    models.put_settings(NAME, ModelSettings(cooldown_minutes=60.0), "ada")

    assert models.settings(NAME) == QUICK.evolve(cooldown_minutes=60.0)


def test_settings_are_replaced_and_who_did_it_is_on_record(ledger: Ledger) -> None:
    ledger.models.put_settings(NAME, QUICK, "ada")
    ledger.models.put_settings(NAME, ModelSettings(limits=Limits(max_replicas=3)), "bo")

    newest, first = ledger.audit.events(chain_of(NAME))
    assert ledger.models.settings(NAME).limits.max_replicas == 3
    assert (first.actor, first.body["before"]) == ("ada", None)
    assert (newest.actor, newest.body["before"]["cooldown_minutes"]) == ("bo", 0.5)
    assert newest.body["after"]["limits"]["max_replicas"] == 3


def test_a_model_on_a_real_backend_starts_in_observe_and_its_own_mode_wins(ledger: Ledger) -> None:
    assert ledger.models.seen(NAME, simulated=False).mode == Mode.OBSERVE
    assert ledger.models.put_settings(NAME, ModelSettings(mode=Mode.ASK), "ada").mode == Mode.ASK


def test_a_pretend_model_seen_on_a_real_backend_is_real_from_there_on(ledger: Ledger) -> None:
    ledger.models.seen(NAME, simulated=True)
    ledger.models.seen(NAME, simulated=False)

    assert not ledger.models.seen(NAME, simulated=True).simulated
    assert ledger.models.get(NAME).mode == Mode.OBSERVE


def test_metrics_alone_do_not_say_what_kind_a_model_is(ledger: Ledger, clock: Watch) -> None:
    ledger.metrics.add([MetricPoint(model_name=NAME, accuracy=0.8)], clock.now)
    assert ledger.models.get(NAME).mode == Mode.OBSERVE

    assert ledger.models.seen(NAME, simulated=True).mode == Mode.AUTONOMOUS


def test_a_model_comes_with_its_newest_point_and_decision(ledger: Ledger, story: Story) -> None:
    now = story.clock.now
    newest = MetricPoint(model_name=NAME, accuracy=0.9, timestamp=now)
    ledger.metrics.add([newest, newest.evolve(accuracy=0.1, timestamp=now - timedelta(hours=1))], now)
    story.opened()
    id = story.opened()

    model = ledger.models.get(NAME)

    assert (model.last_point, model.last_decision_id) == (newest, id)


def test_models_are_listed_by_name_in_pages(ledger: Ledger) -> None:
    for name in ("b", "a", "C", "ä", "B"):
        ledger.models.seen(name, simulated=True)

    first = ledger.models.list(limit=3)
    second = ledger.models.list(limit=3, after=first.next)

    assert [model.name for model in first.items] == ["B", "C", "a"]
    assert [model.name for model in second.items] == ["b", "ä"]
    assert (first.next, second.next) == ("a", None)


def test_names_are_listed_alone(ledger: Ledger) -> None:
    for name in ("b_2", "a%1", "B_1"):
        ledger.models.seen(name, simulated=True)

    assert ledger.models.names(10) == ["B_1", "a%1", "b_2"]
    assert ledger.models.names(2) == ["B_1", "a%1"]
    assert ledger.models.names(10, "b_") == ["B_1", "b_2"]
    assert ledger.models.names(10, "%") == ["a%1"]


def test_models_can_be_searched_by_a_part_of_their_name(ledger: Ledger) -> None:
    for name in ("Fraud-EU", "fraud_us", "churn"):
        ledger.models.seen(name, simulated=True)

    assert [model.name for model in ledger.models.list(q="fraud").items] == ["Fraud-EU", "fraud_us"]
    assert [model.name for model in ledger.models.list(q="_").items] == ["fraud_us"]
    assert ledger.models.list(q="%").items == ()


@pytest.mark.parametrize("other", ["Fraud", "fraud ", "frаud", "fraud\u200b", "fraud%"])
def test_names_are_told_apart_byte_by_byte(other: str, ledger: Ledger) -> None:
    ledger.models.put_settings("fraud", QUICK, "ada")

    with pytest.raises(NotFound):
        ledger.models.get(other)
    assert ledger.models.settings(other) == ModelSettings()


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b"])
def test_a_name_that_no_database_can_hold_is_refused(name: str, ledger: Ledger) -> None:
    with pytest.raises(Invalid, match="NUL or lone surrogates"):
        ledger.models.get(name)
    with pytest.raises(Invalid):
        ledger.models.seen(name, simulated=True)
