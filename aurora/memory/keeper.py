"""Keeps the index open: from a thread of its own, from the start to the end, through whatever happens to it.

    waiting → opening → catching up → open ─ trouble → opening again …
                 └ failed: tried again, later and later; misconfigured: down for good

Whoever wants the index asks with `opened` and waits no longer than they say. While it catches up it is open already: a
question gives it a few seconds to finish, and then is answered from what is there.
"""

import atexit
import logging
import threading
import time
from collections.abc import Callable

from aurora.domain import Health
from aurora.errors import AuroraError, Misconfigured, Unavailable
from aurora.memory.embedding import Embedder
from aurora.memory.homes import Home
from aurora.memory.index import Index, IndexFailed
from aurora.memory.indexing import Progress

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0
"""What a start leaves to the rest of the program, unless somebody asks: loading keeps two processors busy for seconds,
and a command that needs no memory is over by then."""
CATCH_UP_SECONDS = 5.0
"""How long after its opening an index that is still catching up is not asked yet, if the caller has the time."""
TICK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""Once it was open for so long, the next trouble is met at once again."""
CLOSE_SECONDS = 60.0


class Keeper:
    """Opens, watches, reopens and closes the index at `home`."""

    def __init__(self, home: Home, embedder: Embedder, catch_up: Callable[[Index, Progress], object]) -> None:
        """Open nothing yet. `catch_up` brings a freshly opened index level with the ledger."""
        self._home = home
        self._embedder = embedder
        self._catch_up = catch_up
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)
        self._news = threading.Condition()
        self._index: Index | None = None
        self._health = Health(word="down", detail="The memory was not started.")
        self._opened_at = 0.0
        self._level = False
        self._wanted, self._trouble, self._stop = threading.Event(), threading.Event(), threading.Event()
        self._hopeless = False

    # --- for everybody ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take the home and begin to open it. Raises `HomeInUse` or `Misconfigured`."""
        self._home.claim()
        self._say("degraded", "The memory index is being opened.")
        atexit.register(self.close)
        self._thread.start()

    def health(self) -> Health:
        """Return how it is doing."""
        return self._health

    def opened(self, seconds: float) -> Index:
        """Return the open index, waiting at most `seconds` for it. Raises `Unavailable`, at once if it is down."""
        until = time.monotonic() + seconds
        self._wanted.set()
        with self._news:
            self._news.wait_for(lambda: self._index is not None or self._health.word == "down", seconds)
            if self._index is not None:
                patience = min(until, self._opened_at + CATCH_UP_SECONDS) - time.monotonic()
                self._news.wait_for(lambda: self._level or self._index is None, max(0.0, patience))
            if self._index is None:
                raise Unavailable(self._health.detail)
            return self._index

    def caught_up(self, seconds: float) -> bool:
        """Wait until the index has all that the ledger had when it was opened; say whether it has."""
        self._wanted.set()
        with self._news:
            self._news.wait_for(lambda: self._level or self._hopeless or self._stop.is_set(), seconds)
            return self._level

    def progress(self, done: int, total: int) -> None:
        """Note how far indexing is. Raises `Unavailable` once it is to end: nobody waits for a long rebuild."""
        if self._stop.is_set():
            raise Unavailable("AURORA is closing.")
        share = 100 * done // max(total, 1)
        self._say("degraded", f"The memory is being indexed: {share} % of {total} entries.")

    def done(self, index: Index) -> None:
        """Note that `index` has all that the ledger has."""
        with self._news:
            if index is self._index and self._level:
                self._say("operational", "")

    def failed(self, index: Index, error: IndexFailed) -> None:
        """Note that `index` did not do its work; it is looked at and opened again."""
        with self._news:
            if index is self._index:
                self._index = None
                self._level = False
                self._health = Health(word="degraded", detail=str(error))
                self._news.notify_all()
                self._trouble.set()

    def close(self) -> None:
        """Close the index and give up the home. Waits for what is under way."""
        atexit.unregister(self.close)
        for event in (self._stop, self._wanted, self._trouble):
            event.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)
            if not self._thread.is_alive():
                self._home.release()
        self._say("down", "The memory is closed.")

    # --- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = 0.0
        self._wanted.wait(GRACE_SECONDS)
        while not (self._stop.is_set() or self._hopeless):
            began = time.monotonic()
            self._live(pause)
            steady = time.monotonic() - began - pause > STEADY_SECONDS
            pause = 0.0 if steady else min(max(1.0, 2 * pause), LONGEST_PAUSE_SECONDS)

    def _live(self, pause: float) -> None:
        """Open the index, and stay with it until there is trouble or the end."""
        index: Index | None = None
        try:
            index = self._open()
            self._catch_up(index, self.progress)
            self._come_level(index)
            self._stay(index)
        except AuroraError as error:
            self._regret(index, str(error), error)
        except Exception as error:  # noqa: BLE001 - a thread has no caller: log and status tell, and it is tried again
            self._regret(index, repr(error), error)
        self._stop.wait(pause)
        self._let_go(index)

    def _open(self) -> Index:
        self._trouble.clear()
        self._home.prepare()
        self._embedder.load()
        if self._stop.is_set():
            raise Unavailable("AURORA is closing.")
        index = self._home.open(self._embedder.fingerprint)
        with self._news:
            self._index = index
            self._opened_at = time.monotonic()
            self._news.notify_all()
        return index

    def _come_level(self, index: Index) -> None:
        with self._news:
            self._level = index is self._index
            self.done(index)
            self._news.notify_all()

    def _stay(self, index: Index) -> None:
        while not (self._trouble.wait(TICK_SECONDS) or self._stop.is_set()):
            self._settle(lambda: self._home.settle(index))

    def _settle(self, note: Callable[[], None]) -> None:
        try:
            note()
        except OSError as error:  # at worst the index is made anew at the next start
            log.warning("The memory index could not be sealed: %s", error)

    def _regret(self, index: Index | None, why: str, error: Exception) -> None:
        if self._stop.is_set():  # importing, for one, fails in a program that is ending
            return
        self._hopeless = isinstance(error, Misconfigured)
        log.warning("The memory has trouble: %s", why, exc_info=None if isinstance(error, AuroraError) else error)
        self._say("degraded" if index is not None and index is self._index else "down", why)

    def _let_go(self, index: Index | None) -> None:
        with self._news:
            self._index = None
            self._level = False
            self._news.notify_all()
        if index is None:
            return
        try:
            index.close()
            self._settle(self._home.settled)
        except IndexFailed as error:
            log.warning("%s", error)
        if not self._stop.is_set() and self._health.word != "down":
            self._say("degraded", "The memory index is being opened again.")

    def _say(self, word: str, detail: str) -> None:
        with self._news:
            self._health = Health.model_validate({"word": word, "detail": detail})
            self._news.notify_all()
