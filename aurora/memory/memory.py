"""What AURORA remembers: experiments, decisions, incidents and best practices, found again by what they mean.

The ledger is the truth and is written first; the index over it may be lost at any moment. It is opened in the
background, and made anew from the ledger by itself when it is damaged, gone or behind.

Similarity is from 0 to 1. Of a case whose outcome was seen it says how alike its situation is in words, in what was
measured, in what is likely behind it and in time, weighed by `share_of_words` and so on in `priors.json`: 1 for the
same situation now. Of everything else, and in a search, it is the cosine of the texts' meanings: 1 for the same, around
0 for nothing in common.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aurora.domain import Action, Health, NewEntry, Recalled
from aurora.errors import Invalid, Unavailable
from aurora.memory import partitions
from aurora.memory.choosing import seen_first, shared, shortened, with_told
from aurora.memory.embedding import TEXT_CHARS, Embedder
from aurora.memory.fusion import cue
from aurora.memory.homes import Directory, Server
from aurora.memory.index import Index, IndexFailed
from aurora.memory.indexing import AT_ONCE, TURN_SECONDS, Indexer, Progress
from aurora.memory.keeper import Keeper
from aurora.memory.look import Look
from aurora.memory.partitions import FAILED, HOMES, SEEN, TOLD, WORKED
from aurora.memory.practices import practices
from aurora.ports import Clock

if TYPE_CHECKING:
    from aurora.ledger.entries import Entries

T = TypeVar("T")

OPENING_SECONDS = 20.0
"""How long a question waits for an index that is still being opened."""
REBUILD_OPENING_SECONDS = 180.0
NOTHING: Mapping[str, float] = {}
MOST = 50
"""Results that may be asked for."""


class Memory:
    """The memory over the ledger's `entries`. May be used from any number of threads."""

    def __init__(self, entries: "Entries", embedder: Embedder, *, path: Path | None, url: str, clock: Clock) -> None:
        """Keep the index on the Chroma server at `url`, without one in the folder `path`. Nothing is opened yet.

        Raises `Misconfigured` for a URL that is none.
        """
        if not url and path is None:
            raise ValueError("Memory needs a path or a URL.")
        self._entries = entries
        self._clock = clock
        self._embedder = embedder
        self._indexer = Indexer(entries, embedder)
        home = Server(url) if url or path is None else Directory(path, clock)
        self._keeper = Keeper(home, embedder, self._indexer.catch_up)

    # --- its life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Write the shipped practices into the ledger, and open the index in the background.

        Raises `HomeInUse` where another process has the folder.
        """
        self._entries.add(practices())
        self._keeper.start()

    def status(self) -> Health:
        """Return how the memory is doing; at once."""
        return self._keeper.health()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until the index holds all that the ledger held at the start; say whether it does."""
        return self._keeper.caught_up(seconds)

    def close(self) -> None:
        """Close the index and give up its folder. What waits to be indexed is indexed at the next start."""
        self._keeper.close()

    # --- questions -------------------------------------------------------------------------------------------------

    def search(self, query: str, top_k: int = 5, *, wait_seconds: float = OPENING_SECONDS) -> list[Recalled]:
        """Return the `top_k` (1 to 50) entries most like `query`, real and simulated, with their whole text.

        Raises `Invalid` for an empty query, `Unavailable` where the index is not open within `wait_seconds`.
        """
        look = self._look(query, NOTHING, top_k, wait_seconds)
        return look.find(HOMES)[:top_k]

    def recall_cases(
        self,
        text: str,
        features: Mapping[str, float] = NOTHING,
        *,
        simulated: bool,
        top_k: int = 5,
        wait_seconds: float = OPENING_SECONDS,
    ) -> tuple[Recalled, ...]:
        """Return what is most like the situation that `text` describes and `features` measure, nearest first.

        Cases whose outcome was seen come first; every fourth place is kept for what people told. Nothing simulated is
        among them unless the situation is `simulated` itself. Raises as `search`.
        """
        look = self._look(text, features, top_k, wait_seconds)
        seen, told = look.find_each([partitions.alike(trust, simulated=simulated) for trust in (SEEN, TOLD)])
        return shortened(seen_first(with_told(seen, told, top_k)))

    def recall_turned_out(
        self,
        action: Action,
        text: str,
        features: Mapping[str, float] = NOTHING,
        *,
        simulated: bool,
        top_k: int = 5,
        wait_seconds: float = OPENING_SECONDS,
    ) -> tuple[Recalled, ...]:
        """Return how `action` turned out in situations like that one: failures first, the nearest of each first.

        Half of the places are kept for failures, so that both ends come where there are both; among each, what was
        seen comes first. Raises as `search`.
        """
        look = self._look(text, features, top_k, wait_seconds)

        failed_seen, failed_told, worked_seen, worked_told = look.find_each(
            [
                partitions.turned_out(action, end, trust, simulated=simulated)
                for end in (FAILED, WORKED)
                for trust in (SEEN, TOLD)
            ]
        )
        failed, worked = with_told(failed_seen, failed_told, top_k), with_told(worked_seen, worked_told, top_k)
        chosen = shared(failed, worked, top_k)
        return shortened(sorted(seen_first(chosen), key=lambda one: bool(one.success)))

    # --- writing ---------------------------------------------------------------------------------------------------

    def add(self, entries: Sequence[NewEntry]) -> list[str]:
        """Keep `entries` in the ledger, then index them; return their ids.

        Where the index fails they are kept all the same, and indexed once it works again.
        """
        ids = self._entries.add(entries)
        self._try(lambda index: self._index(index, ids))
        return ids

    def index_new(self) -> int:
        """Index what the ledger says is not indexed yet; return how many entries that were.

        Where the index is not open this is left to its opening, and during a rebuild to that.
        """
        return self._try(lambda index: self._indexer.index_new(index, TURN_SECONDS)) or 0

    def sync(self) -> int:
        """Do what `index_new` does, and compare: add what the index lacks all the same, remove what the ledger lacks.

        Returns how many entries that were.
        """
        return self._try(self._catch_up) or 0

    def rebuild(self, progress: Progress | None = None, *, wait_seconds: float = REBUILD_OPENING_SECONDS) -> int:
        """Make the whole index anew; return how many entries it holds. Questions are answered from what is there.

        `progress` is told (done, of how many). Raises `Unavailable` where the index cannot be opened or written.
        """

        def tell(done: int, total: int) -> None:
            self._keeper.progress(done, total)
            if progress is not None:
                progress(done, total)

        def rebuild(index: Index) -> int:
            count = self._indexer.rebuild(index, tell)
            self._keeper.done(index)
            return count

        return self._ask(rebuild, wait_seconds)

    def _look(self, text: str, features: Mapping[str, float], top_k: int, wait_seconds: float) -> Look:
        if not 1 <= top_k <= MOST:
            raise Invalid(f"top_k must be from 1 to {MOST}.")
        if not (text := text.strip()[:TEXT_CHARS]):
            raise Invalid("The query is empty.")
        until = time.monotonic() + wait_seconds
        self._keeper.opened(wait_seconds)  # so that nobody waits here for the embedder to load
        words = self._embedder.embed([text])[0]
        return Look(
            self._entries,
            cue(words, features, self._clock()),
            top_k,
            lambda question: self._ask(question, max(0.0, until - time.monotonic())),
        )

    def _ask(self, question: Callable[[Index], T], wait_seconds: float) -> T:
        """Put `question` to the index; once more to a reopened one, should it fail. Raises `Unavailable`."""
        until = time.monotonic() + wait_seconds
        index = self._keeper.opened(wait_seconds)
        try:
            return question(index)
        except IndexFailed as error:
            self._keeper.failed(index, error)
        return question(self._keeper.opened(max(0.0, until - time.monotonic())))

    def _catch_up(self, index: Index) -> int | None:
        count = self._indexer.catch_up(index, _silent, TURN_SECONDS)
        if count is not None:
            self._keeper.done(index)
        return count

    def _index(self, index: Index, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), AT_ONCE):
            self._indexer.index(index, list(self._entries.many(ids[start : start + AT_ONCE]).values()))

    def _try(self, work: Callable[[Index], T]) -> T | None:
        """Do `work` if the index is open; where it fails, the ledger knows what is missing and status tells."""
        try:
            index = self._keeper.opened(0)
        except Unavailable:
            return None
        try:
            return work(index)
        except IndexFailed as error:
            self._keeper.failed(index, error)
            return None


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
