"""The rows that reach a live service: the same for whoever asks, and changed by drifts and incidents as these say."""

import os
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from numpy.typing import NDArray

from aurora.domain import Telemetry
from aurora.sandbox.adoption import born
from aurora.sandbox.service import Incident, Service
from aurora.sandbox.streams import Matrix, Pile, Rows, Stream
from aurora.sandbox.traffic import BROKEN_FEATURES, BROKEN_ROWS, MISLABELLED, drawn, labelled, lived, reference
from tests.sandbox.living import befalls, drifted, hosted

PRINTED = """
import sys
from hashlib import sha256
from aurora.sandbox.service import Service
from aurora.sandbox.traffic import drawn
rows = drawn(Service.model_validate_json(sys.stdin.read()), 17, "unseen", 240).rows
print(sha256(rows.x.tobytes() + rows.y.tobytes()).hexdigest())
"""


def printed(rows: Rows) -> str:
    return sha256(rows.x.tobytes() + rows.y.tobytes()).hexdigest()


def at(service: Service, tick: int, pile: Pile = "unseen", count: int = 240) -> Rows:
    return drawn(service, tick, pile, count).rows


def turned(service: Service, plain: Service, tick: int) -> float:
    """The share of a tick's rows that a drift has turned: they differ from those of the same service without it."""
    return float((at(service, tick, count=2000).x != at(plain, tick, count=2000).x).any(axis=1).mean())


def nearest(x: Matrix, rows: Matrix) -> NDArray[np.intp]:
    distances = ((x[:, None, :] - rows[None, :, :]) ** 2).sum(axis=2)
    found: NDArray[np.intp] = distances.argmin(axis=1)
    return found


def test_two_processes_see_the_same_rows_without_telling_each_other() -> None:
    service = drifted(hosted("parcel-sorter", befalls("data_bug", 10)), 12)
    other = subprocess.run(
        [sys.executable, "-c", PRINTED],
        input=service.model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "123"},
    )
    assert other.stdout.strip() == printed(at(service, 17))


def test_every_tick_every_pile_and_every_seed_draws_other_rows() -> None:
    service, twin = hosted("fraud-scorer"), hosted("fraud-scorer", seed=4)
    piles: tuple[Pile, ...] = ("past", "fresh", "unseen")
    seen = {printed(at(one, tick, pile)) for one in (service, twin) for tick in (-3, 0, 1, 2) for pile in piles}
    assert len(seen) == 24
    assert printed(at(service, 1)) == printed(at(service, 1))


@pytest.mark.parametrize("name", ["fraud-scorer", "wine-grader"])
def test_what_is_trained_on_and_what_is_measured_on_are_rows_of_different_piles(name: str) -> None:
    service = hosted(name)
    past, fresh, unseen = (Stream(service).rows(pile, ()).x for pile in ("past", "fresh", "unseen"))
    every = np.concatenate([past, fresh, unseen])
    trained_on = nearest(labelled(service, 20, 800).x, every)
    measured_on = nearest(np.concatenate([at(service, tick).x for tick in range(8, 18)]), every)
    assert trained_on.min() >= len(past)
    assert trained_on.max() < len(past) + len(fresh)
    assert measured_on.min() >= len(past) + len(fresh)
    assert len(set(measured_on.tolist())) > 0.9 * len(unseen)


def test_an_abrupt_drift_turns_every_row_from_its_first_tick_on() -> None:
    plain = hosted("fraud-scorer")
    service = drifted(plain, 10)
    assert [turned(service, plain, tick) for tick in (0, 9, 10, 11, 80)] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_a_gradual_drift_turns_a_share_that_grows_until_it_is_all() -> None:
    plain = hosted("fraud-scorer")
    service = drifted(plain, 10, ramp=20)
    shares = [turned(service, plain, tick) for tick in (9, 10, 14, 19, 24, 29, 50)]
    assert shares == pytest.approx([0.0, 0.05, 0.25, 0.5, 0.75, 1.0, 1.0], abs=0.04)
    assert shares[-2:] == [1.0, 1.0]


def test_a_drift_that_has_ended_is_gone() -> None:
    plain = hosted("fraud-scorer")
    service = drifted(plain, 10, ends=15)
    assert [turned(service, plain, tick) for tick in (14, 15, 16, 90)] == [1.0, 0.0, 0.0, 0.0]


def test_a_second_drift_turns_what_the_first_one_has_turned_already() -> None:
    first = drifted(hosted("fraud-scorer"), 10)
    both = drifted(first, 20)
    assert turned(both, first, 19) == 0.0
    assert turned(both, first, 20) == 1.0
    assert turned(both, hosted("fraud-scorer"), 19) == 1.0


def test_a_turn_loses_nothing_of_what_the_inputs_tell() -> None:
    plain, service = hosted("fraud-scorer"), drifted(hosted("fraud-scorer"), 0)
    before, after = at(plain, 5), at(service, 5)
    assert after.y.tolist() == before.y.tolist()
    np.testing.assert_allclose(np.linalg.norm(after.x, axis=1), np.linalg.norm(before.x, axis=1))
    np.testing.assert_allclose(after.x @ after.x.T, before.x @ before.x.T, atol=1e-9)


def test_another_population_is_mostly_of_its_classes_and_only_while_it_is_there() -> None:
    plain = hosted("menu-tagger")
    others = Incident(kind="covariate_drift", begins=10, lasts=20, population=(2, 7))
    service = hosted("menu-tagger", others)
    for tick in (0, 9, 30, 31):
        assert printed(at(service, tick)) == printed(at(plain, tick))
    usual = np.isin(at(plain, 20, count=2000).y, (2, 7)).mean()
    for tick in (10, 20, 29):
        mine = np.isin(at(service, tick, count=2000).y, (2, 7)).mean()
        assert usual < 0.3
        assert 0.8 < mine < 1.0


def test_a_data_bug_empties_its_features_in_most_rows_and_the_null_rate_tells_how_much() -> None:
    plain, service = hosted("parcel-sorter"), hosted("parcel-sorter", befalls("data_bug", 10, lasts=20))
    for tick in (9, 30):
        assert drawn(service, tick, "unseen", 240).null_rate == 0.0
        assert printed(at(service, tick)) == printed(at(plain, tick))
    emptied = set()
    for tick in (10, 29):
        traffic = drawn(service, tick, "unseen", 240)
        empty = traffic.rows.x == 0.0
        assert traffic.null_rate == pytest.approx(empty.mean())
        assert empty.any(axis=1).mean() == pytest.approx(BROKEN_ROWS, abs=0.1)
        assert empty.any(axis=0).mean() == pytest.approx(BROKEN_FEATURES, abs=0.02)
        assert traffic.rows.x[~empty].tolist() == at(plain, tick).x[~empty].tolist()
        emptied.add(tuple(np.flatnonzero(empty.any(axis=0)).tolist()))
    assert len(emptied) == 1


def test_corrupt_labels_are_those_to_train_on_and_nothing_else() -> None:
    plain, service = hosted("menu-tagger"), hosted("menu-tagger", befalls("corrupt_labels", 5, lasts=100))
    for tick in (4, 5, 20):
        assert printed(at(service, tick)) == printed(at(plain, tick))
    right, wrong = labelled(plain, 20, 480), labelled(service, 20, 480)
    assert wrong.x.tolist() == right.x.tolist()
    assert (wrong.y != right.y).mean() == pytest.approx(MISLABELLED, abs=0.06)
    before = lived(service).label_delay + 4
    assert printed(labelled(service, before, 480)) == printed(labelled(plain, before, 480))


def test_only_what_is_labelled_by_then_can_be_trained_on() -> None:
    plain = hosted("fraud-scorer", label_delay=3)
    service = drifted(plain, 10)
    assert printed(labelled(service, 12, 480)) == printed(labelled(plain, 12, 480))
    newest = labelled(service, 13, 480).x != labelled(plain, 13, 480).x
    assert newest.any(axis=1).tolist() == [False] * 240 + [True] * 240
    assert (labelled(service, 14, 480).x != labelled(plain, 14, 480).x).any(axis=1).all()


@pytest.mark.parametrize("count", [1, 100, 240, 241, 800])
def test_the_newest_rows_are_as_many_as_were_asked_for_and_the_last_ones_are_the_newest(count: int) -> None:
    service = hosted("fraud-scorer")
    some, more = labelled(service, 20, count), labelled(service, 20, 1200)
    assert len(some.y) in range(count, count + 2)
    assert some.x[-count:].tolist() == more.x[-count:].tolist()


def test_every_class_is_among_what_is_trained_on_though_nobody_asks_for_it_now() -> None:
    only_fours = Incident(kind="covariate_drift", begins=0, lasts=100, population=(4,))
    rows = labelled(hosted("menu-tagger", only_fours), 20, 12)
    assert set(rows.y.tolist()) == set(range(10))
    assert (rows.y[-12:] == 4).mean() > 0.5
    assert len(rows.y) - 12 == 10 - len(set(rows.y[-12:].tolist()))


def test_what_drift_is_measured_against_is_what_arrived_before_the_version_was_trained() -> None:
    plain = hosted("fraud-scorer")
    service = drifted(plain, 10)
    assert reference(service, 10, 4).tolist() == reference(plain, 10, 4).tolist()
    assert reference(service, 10, 4).shape == (4 * lived(service).rows, 30)
    assert (reference(service, 14, 4) != reference(plain, 14, 4)).any(axis=1).all()


def test_a_service_that_stands_still_has_no_traffic() -> None:
    adopted = born(Telemetry.model_validate({"model_name": "scorer", "model_metrics": {"accuracy": 0.9}}))
    with pytest.raises(LookupError, match="scorer is not live"):
        drawn(adopted, 1, "unseen", 10)
