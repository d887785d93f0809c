"""The index: vectors in Chroma, found again by likeness.

It holds ids and vectors and nothing else; what they mean is in the ledger, from which all of this can be made anew. An
`Index` is open from the start; `aurora.memory.homes` says where it comes from. It may be used from any number of
threads. Whatever goes wrong inside of Chroma comes out as `IndexFailed`.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aurora.errors import AuroraError, Unavailable
from aurora.memory.fusion import layout
from aurora.memory.partitions import is_fused

if TYPE_CHECKING:
    import httpx
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection
    from chromadb.config import Settings

T = TypeVar("T")

NAME = "aurora"
PAGE = 500
"""Ids per listing."""
PERSIST_EVERY = 100
"""Writes between two moments in which Chroma writes its graph to disk. With its default of 1,000 a write that followed
a query stood still for up to 2.6 s; with 100 none took longer than 60 ms, with 20,000 entries too, and filling the
index is no slower."""


class IndexFailed(Unavailable):
    """The memory index failed."""


@dataclass(frozen=True)
class Point:
    """One entry's vectors, where it belongs and where it may have been before."""

    id: str
    words: Sequence[float]
    places: tuple[str, ...]
    former_places: tuple[str, ...] = ()
    fused: Sequence[float] = ()
    """Empty for an entry that lies in no place that compares more than words."""

    def vector(self, place: str) -> Sequence[float]:
        """Return what it is found by in `place`."""
        return self.fused if is_fused(place) else self.words


@dataclass(frozen=True)
class Hit:
    """An entry that is near, in one partition; `similarity` is 1 - cosine distance, from -1 to 1."""

    id: str
    place: str
    similarity: float


class Index:
    """An open Chroma database, or the part of it that belongs to one embedding model."""

    def __init__(self, client: "Client", fingerprint: str, *, shared: bool) -> None:
        """Use `client` from now on; `fingerprint` is the embedder's, and part of every collection's name.

        `shared` says whether others may write to the same database.
        """
        self._client = client
        self._prefix = prefix(fingerprint)
        self._shared = shared
        self._collections: dict[str, Collection] = {}
        self._absent: set[str] = set()
        self.writing = threading.RLock()
        """Held over each write: whoever has it sees files that nobody changes."""

    def put(self, points: Sequence[Point]) -> None:
        """Write `points` into their places and take them out of the former ones.

        What lies in a place already is left as it is: an entry's vector never changes.
        """
        with self.writing:
            for place, here in _by_place(points, lambda point: point.places):
                self._put(place, here)
            for place, gone in _by_place(points, lambda point: point.former_places):
                self.remove(place, sorted(self.present(place, [point.id for point in gone])))

    def nearest(self, place: str, vector: Sequence[float], limit: int) -> list[Hit]:
        """Return at most `limit` entries of one partition, the most similar first."""
        asked: list[Sequence[float] | Sequence[int]] = [vector]
        answer = self._read(place, lambda it: it.query(query_embeddings=asked, n_results=limit, include=["distances"]))
        if answer is None:
            return []
        pairs = zip(answer["ids"][0], (answer["distances"] or [[]])[0], strict=True)
        return [Hit(id, place, round(min(1.0, max(-1.0, 1.0 - float(far))), 6)) for id, far in pairs]

    def count(self, places: Sequence[str]) -> int:
        """Return how many entries lie in `places`."""
        return sum(self._read(place, lambda it: it.count()) or 0 for place in places)

    def present(self, place: str, ids: Sequence[str]) -> set[str]:
        """Return those of `ids` that lie in `place`."""
        answer = self._read(place, lambda it: it.get(ids=list(ids), include=[]))
        return set(answer["ids"]) if answer else set()

    def places(self) -> list[str]:
        """Return the partitions that there are."""
        with in_words("be read"):
            names = sorted(collection.name for collection in self._client.list_collections())
        return [name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)]

    def ids(self, place: str) -> Iterator[list[str]]:
        """Give the ids in `place`, page by page."""
        offset = 0
        while page := self._page(place, offset):
            yield page
            offset += len(page)

    def remove(self, place: str, ids: Sequence[str]) -> None:
        """Take `ids` out of `place`."""
        if ids:
            with self.writing:
                self._read(place, lambda it: it.delete(ids=list(ids)))

    def clear(self) -> None:
        """Empty the index, also of what other embedding models left in it."""
        with self.writing, in_words("be emptied"):
            for collection in self._client.list_collections():
                if collection.name.startswith(f"{NAME}-"):
                    self._client.delete_collection(collection.name)
            self._collections.clear()

    def close(self) -> None:
        """Let go of the database; what is under way in other threads ends in `IndexFailed`."""
        with self.writing, in_words("be closed"):
            sessions = _sessions(self._client)
            self._client.close()
            for session in sessions:
                session.close()

    def _put(self, place: str, points: Sequence[Point]) -> None:
        # Chroma writes one batch from several threads. Where it updates points while it adds others, an update may undo
        # the links to a new point, and then no question finds it.
        there = self.present(place, [point.id for point in points])
        fresh = [point for point in points if point.id not in there]
        if not fresh:
            return
        ids, vectors = [point.id for point in fresh], [list(point.vector(place)) for point in fresh]
        self._absent.discard(place)
        with in_words("be written"):
            self._with(place, self._made, lambda it: it.upsert(ids=ids, embeddings=vectors))  # type: ignore[arg-type]

    def _page(self, place: str, offset: int) -> list[str]:
        answer = self._read(place, lambda it: it.get(limit=PAGE, offset=offset, include=[]))
        return list(answer["ids"]) if answer else []

    def _read(self, place: str, ask: "Callable[[Collection], T]") -> T | None:
        """Return what the collection says; None where nothing was ever put into it."""
        from chromadb.errors import NotFoundError

        if place in self._absent:
            return None
        with in_words("be read"):
            try:
                return self._with(place, self._found, ask)
            except NotFoundError:
                self._note_absent(place)
                return None

    def _note_absent(self, place: str) -> None:
        """Remember that nothing was ever put there: looking for it in vain takes as long as asking it."""
        with self.writing:
            if not self._shared and place not in self._collections:
                self._absent.add(place)

    def _with(self, place: str, find: "Callable[[str], Collection]", use: "Callable[[Collection], T]") -> T:
        """Use the collection; once more if another process has made it anew since it was last used."""
        from chromadb.errors import NotFoundError

        known = self._collections.get(place)
        if known is not None:
            try:
                return use(known)
            except NotFoundError:
                self._forget(place, known)
        return use(self._met(place, find(place)))

    def _met(self, place: str, found: "Collection") -> "Collection":
        """Take up a collection that was just found or made.

        The first read of a collection must come before this process writes to it, and only once. Where it comes later
        and finds nothing new, Chroma (1.5.9) forgets how far it got, and writes up to `PERSIST_EVERY` old points again
        together with the next new one, which may then never be found: see `_put`.
        """
        with self.writing:
            known = self._collections.get(place)
            if known is None:
                found.get(limit=1, include=[])
                known = self._collections[place] = found
            return known

    def _forget(self, place: str, gone: "Collection") -> None:
        """Forget a collection that is no more, but not the one that a writer may have made since."""
        with self.writing:
            if self._collections.get(place) is gone:
                del self._collections[place]

    def _found(self, place: str) -> "Collection":
        return self._client.get_collection(self._prefix + place, embedding_function=None)

    def _made(self, place: str) -> "Collection":
        return self._client.get_or_create_collection(
            self._prefix + place,
            embedding_function=None,
            configuration={
                "hnsw": {"space": "cosine", "sync_threshold": PERSIST_EVERY, "batch_size": PERSIST_EVERY},
            },
        )


def prefix(fingerprint: str) -> str:
    """Return what the collections' names begin with, for one embedding model and one layout of the fused vectors."""
    return f"{NAME}-{fingerprint}-{layout()}-"


def _by_place(points: Sequence[Point], of: Callable[[Point], tuple[str, ...]]) -> list[tuple[str, list[Point]]]:
    named = sorted({place for point in points for place in of(point)})
    return [(place, [point for point in points if place in of(point)]) for place in named]


def embedded(folder: Path) -> "Client":
    """Open the Chroma database in `folder`, or make one there."""
    with in_words("be opened"):
        import chromadb

        return cast("Client", chromadb.PersistentClient(path=str(folder), settings=_settings()))


def connected(host: str, port: int, *, ssl: bool, seconds: float) -> "Client":
    """Connect to a Chroma server that takes no longer than `seconds` for an answer."""
    with in_words("be reached"):
        import chromadb

        client = cast("Client", chromadb.HttpClient(host=host, port=port, ssl=ssl, settings=_settings()))
        for session in _sessions(client):
            session.timeout = seconds
        return client


def _sessions(client: "Client") -> "list[httpx.Client]":
    """Return the HTTP clients inside of `client`; an embedded one has none.

    Chroma waits on them without end, which lets a server that hangs hang AURORA, and never closes them; it has no
    setting for either. Tests hold this in place.
    """
    parts: tuple[Any, ...] = (client, client._admin_client)
    return [part._server._session for part in parts if hasattr(part._server, "_session")]


def _settings() -> "Settings":
    """No telemetry, and no `.env` of the folder that AURORA happens to run in."""
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False, _env_file=None)


@contextmanager
def in_words(do: str) -> Iterator[None]:
    """Turn whatever Chroma raises into `IndexFailed`, saying that it could not `do` that."""
    try:
        yield
    except AuroraError:
        raise
    except BaseException as failure:
        # Its Rust core panics with a BaseException, its HTTP client raises Exception itself: no narrower class is left.
        if not isinstance(failure, Exception) and type(failure).__module__ != "pyo3_runtime":
            raise
        raise IndexFailed(f"It could not {do}: {failure}") from failure
