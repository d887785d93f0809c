"""Text to vectors: the packaged model, checked, offline and quiet."""

import math
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from aurora.errors import Misconfigured
from aurora.memory.embedding import PACKAGE, TEXT_CHARS, WEIGHTS, Embedder, check


def likeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def packaged() -> Path:
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@pytest.fixture
def changed_package(tmp_path: Path) -> Path:
    """A copy of the package in which one byte of the weights is another."""
    copy = tmp_path / PACKAGE
    shutil.copytree(packaged(), copy)
    with (copy / "model" / WEIGHTS).open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)
        weights.seek(-1, 2)
        weights.write(bytes([last[0] ^ 1]))
    return copy


@pytest.mark.parametrize(
    ("text", "paraphrase", "other"),
    [
        ("Accuracy dropped after the data drifted.", "The inputs changed and the model got worse.", "Turn on caching."),
        ("One replica is overloaded.", "A single server carries too much load.", "The labels are late."),
        ("Nulls appeared in the feature table.", "Missing values showed up in the input.", "Add more replicas."),
    ],
)
def test_a_paraphrase_is_nearer_than_another_subject(
    embedder: Embedder, text: str, paraphrase: str, other: str
) -> None:
    here, near, far = embedder.embed([text, paraphrase, other])

    assert likeness(here, near) > 0.35
    assert likeness(here, near) > likeness(here, far) + 0.2


def test_the_similarities_are_those_of_the_model_card(embedder: Embedder) -> None:
    person, happy, sunny = embedder.embed(
        ["That is a happy person", "That is a very happy person", "Today is a sunny day"]
    )

    assert likeness(person, happy) == pytest.approx(0.943, abs=0.005)
    assert likeness(person, sunny) == pytest.approx(0.257, abs=0.01)


def test_vectors_have_length_one_and_come_in_the_order_of_the_texts(embedder: Embedder) -> None:
    texts = [f"number {n} " * (n % 7 + 1) for n in range(70)]

    vectors = embedder.embed(texts)

    assert [len(vector) for vector in vectors] == [384] * 70
    assert all(math.isclose(likeness(vector, vector), 1.0, abs_tol=1e-5) for vector in vectors)
    assert all(likeness(vectors[n], embedder.embed([texts[n]])[0]) > 0.9999 for n in (0, 13, 69))


def test_nothing_in_gives_nothing_out(embedder: Embedder) -> None:
    assert embedder.embed([]) == []


def test_a_huge_text_is_read_up_to_its_cap(embedder: Embedder) -> None:
    began = time.monotonic()

    huge, cut = embedder.embed(["drift " * 2_000_000, ("drift " * 2_000_000)[:TEXT_CHARS]])

    assert huge == cut
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "text", ["\ud800 lone surrogate", "\x00", "\u202eright to left", "🙂" * 3000, "日本語のモデル", "Ż̴̢a̸l̷g̸o̵", " "]
)
def test_strange_text_is_embedded(embedder: Embedder, text: str) -> None:
    (vector,) = embedder.embed([text])

    assert math.isclose(likeness(vector, vector), 1.0, abs_tol=1e-5)


def test_a_vector_at_hand_is_not_changed_by_who_got_it(embedder: Embedder) -> None:
    before = embedder.embed(["the same question"])[0]

    embedder.embed(["the same question"])[0].clear()

    assert embedder.embed(["the same question"])[0] == before


def test_threads_may_embed_at_once(embedder: Embedder) -> None:
    texts = [f"thread {n} asks about drift" for n in range(64)]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda text: embedder.embed([text])[0], texts))

    expected = embedder.embed(texts)
    assert all(likeness(*pair) > 0.9999 for pair in zip(found, expected, strict=True))


def test_the_model_is_loaded_once_for_all(embedder: Embedder) -> None:
    assert embedder.ready
    assert Embedder().ready


def test_the_packaged_weights_are_the_right_ones() -> None:
    check(packaged() / "model")


def test_changed_weights_are_refused(changed_package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(changed_package.parent)
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    embedder = Embedder()

    with pytest.raises(Misconfigured, match="was changed"):
        embedder.load()
    assert not embedder.ready
    with pytest.raises(Misconfigured, match="was changed"):
        embedder.embed(["drift"])


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=WEIGHTS):
        check(tmp_path)


def test_another_model_is_taken_from_its_folder(embedder: Embedder, tmp_path: Path) -> None:
    shutil.copytree(packaged() / "model", tmp_path / "own")

    own = Embedder(str(tmp_path / "own"))

    assert own.embed(["drift"])[0] == pytest.approx(embedder.embed(["drift"])[0], abs=1e-6)
    assert own.fingerprint == embedder.fingerprint


def test_a_model_that_is_not_on_this_machine_is_not_fetched(tmp_path: Path) -> None:
    for name in ("nobody/no-such-model", str(tmp_path / "nowhere")):
        with pytest.raises(Misconfigured, match="no usable embedding model"):
            Embedder(name).load()


ALONE = """
import sys, warnings
warnings.simplefilter("error")
REACHING = ("socket.connect", "socket.getaddrinfo")
sys.addaudithook(lambda event, given: event.startswith(REACHING) and sys.exit(f"{event} {given}"))
from aurora.memory import Embedder
heavy = {"torch", "chromadb", "sentence_transformers", "numpy", "transformers"} & set(sys.modules)
assert not heavy, heavy
assert len(Embedder().embed(["drift"])[0]) == 384
"""


def test_importing_is_light_and_loading_is_silent_and_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)

    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
