"""The small neural network: it learns, goes on learning, and is the same for a seed."""

from pathlib import Path
from threading import Thread

import joblib
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from aurora.sandbox.models import Model, untrained
from aurora.sandbox.nets import Net
from aurora.sandbox.streams import Rows

CLASSES = np.arange(10)


@pytest.fixture(scope="module")
def digits() -> tuple[Rows, Rows]:
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    return Rows(x[:900], y[:900].astype(np.int64)), Rows(x[900:], y[900:].astype(np.int64))


def taught(rows: Rows, passes: int, seed: int = 5) -> Net:
    net = Net(seed)
    for _ in range(passes):
        net.partial_fit(rows.x, rows.y, CLASSES)
    return net


def right(net: Net, rows: Rows) -> float:
    return float(np.mean(net.predict(rows.x) == rows.y))


def test_it_learns_what_it_is_shown_and_knows_rows_it_never_saw(digits: tuple[Rows, Rows]) -> None:
    shown, others = digits
    assert right(taught(shown, 1), others) < right(taught(shown, 15), others)
    assert right(taught(shown, 15), others) > 0.88


def test_it_goes_on_learning_from_where_it_stands(digits: tuple[Rows, Rows]) -> None:
    shown, others = digits
    net = taught(shown, 8)
    turned = Rows(shown.x[:, ::-1].copy(), shown.y)
    before = right(net, turned)
    net.partial_fit(turned.x, turned.y, CLASSES)
    after_one = right(net, turned)
    for _ in range(6):
        net.partial_fit(turned.x, turned.y, CLASSES)
    assert before < after_one < right(net, turned)
    assert right(net, others) > right(taught(turned, 7), others)


def test_two_nets_of_one_seed_answer_the_same_and_of_another_seed_they_do_not(digits: tuple[Rows, Rows]) -> None:
    shown, others = digits
    one, again, other = taught(shown, 2), taught(shown, 2), taught(shown, 2, seed=6)
    assert one.predict(others.x).tolist() == again.predict(others.x).tolist()
    assert one.predict(others.x).tolist() != other.predict(others.x).tolist()


def test_what_other_threads_draw_from_torch_does_not_change_it(digits: tuple[Rows, Rows]) -> None:
    shown, others = digits
    alone = taught(shown, 2).predict(others.x).tolist()
    stop: list[bool] = []

    def draw() -> None:
        while not stop:
            torch.rand(10)

    beside = Thread(target=draw)
    beside.start()
    try:
        assert taught(shown, 2).predict(others.x).tolist() == alone
    finally:
        stop.append(True)
        beside.join()


def test_a_class_that_a_window_lacks_is_still_known_of(digits: tuple[Rows, Rows]) -> None:
    shown, _ = digits
    few = Rows(shown.x[shown.y < 3], shown.y[shown.y < 3])
    net = taught(few, 5)
    assert set(net.predict(few.x).tolist()) == {0, 1, 2}
    for _ in range(10):
        net.partial_fit(shown.x, shown.y, CLASSES)
    assert right(net, shown) > 0.9


def test_a_net_that_learnt_nothing_answers_nothing(digits: tuple[Rows, Rows]) -> None:
    with pytest.raises(ValueError, match="has not learnt anything"):
        Net(5).predict(digits[1].x)


def test_it_comes_back_from_a_file_as_it_was_and_learns_on_as_it_would_have(
    digits: tuple[Rows, Rows], tmp_path: Path
) -> None:
    shown, others = digits
    net = taught(shown, 2)
    joblib.dump(Model("net", net, 10), tmp_path / "net.joblib")
    loaded: Model = joblib.load(tmp_path / "net.joblib")
    assert loaded.classifier.predict(others.x).tolist() == net.predict(others.x).tolist()
    net.partial_fit(shown.x, shown.y, CLASSES)
    loaded.classifier.partial_fit(shown.x, shown.y, CLASSES)
    assert loaded.classifier.predict(others.x).tolist() == net.predict(others.x).tolist()


def test_a_copy_that_learns_on_leaves_the_net_as_it_was(digits: tuple[Rows, Rows]) -> None:
    shown, others = digits
    model = untrained("net", 5, 10)
    model.learn(shown, lambda: True)
    before = model.classifier.predict(others.x).tolist()
    copy = model.copied()
    copy.learn(Rows(shown.x[:, ::-1].copy(), shown.y), lambda: True)
    assert model.classifier.predict(others.x).tolist() == before
    assert copy.classifier.predict(others.x).tolist() != before


def test_it_leaves_the_threads_of_torch_to_others_as_they_were(digits: tuple[Rows, Rows]) -> None:
    usual = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        taught(digits[0], 1).predict(digits[1].x)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(usual)
