"""Where in the index an entry lies, and where each question looks.

Chroma can filter, but a filter costs a scan: 15 ms instead of 3 at 10,000 entries, 87 instead of 6 at 100,000. So what
would be filters are collections, and a question names the few that may hold its answer. Every entry lies in exactly
one *home*, found by its words. What says how an action turned out lies in one more, and what was seen in yet another;
in these two, what was seen is found by words, numbers and diagnosis (`fusion`):

    {real|simulated}-{seen|told}                             its home
    {real|simulated}-seen-alike                              by all that is known of the situation
    {real|simulated}-{seen|told}-{action}-{failed|worked}    how that action turned out

- **real or simulated**: a real situation looks into the real ones only, so nothing simulated can reach it; a simulated
  one and a search look into both. No collection of everything is needed: the homes together are everything, and their
  sizes add up to the ledger's count, which is how the index is compared with it.
- **seen or told**: a case whose outcome code has verified moves belief; what people told or reported does not, and
  must not crowd it out, however much of it there is.
- **failed or worked**: so that failures are found however many successes are nearer.

One write goes to one to three collections; a question asks two to eight, each in a few milliseconds. A home and its
`alike` are two, because a graph that was laid out by numbers hardly finds what is near in words alone: of the ten
nearest texts among 20,000 cases it missed five and more.
"""

from typing import TYPE_CHECKING

from aurora.domain import Action, Trust

if TYPE_CHECKING:
    from aurora.ledger.records import EntryRecord

REAL, SIMULATED = "real", "simulated"
SEEN, TOLD = "seen", "told"
FAILED, WORKED = "failed", "worked"

ALIKE = "alike"

HOMES = tuple(f"{world}-{trust}" for world in (REAL, SIMULATED) for trust in (SEEN, TOLD))


def home(entry: "EntryRecord") -> str:
    """Return the one partition that every entry like this one lies in."""
    world = SIMULATED if entry.simulated else REAL
    return f"{world}-{SEEN if _seen(entry) else TOLD}"


def _seen(entry: "EntryRecord") -> bool:
    return entry.success is not None and entry.trust is Trust.VERIFIED


def places(entry: "EntryRecord") -> tuple[str, ...]:
    """Return every partition that `entry` lies in."""
    here = home(entry)
    found = [here, f"{here}-{ALIKE}"] if _seen(entry) else [here]
    if entry.success is not None and entry.decision_type is not None:
        found.append(_turn(here, entry.decision_type, WORKED if entry.success else FAILED))
    return tuple(found)


def is_fused(place: str) -> bool:
    """Whether entries in `place` are found by words, numbers and diagnosis, and not by words alone."""
    return f"-{SEEN}-" in place


def former_places(entry: "EntryRecord") -> tuple[str, ...]:
    """Return the partitions that `entry` may have lain in before its outcome was known or corrected."""
    world = home(entry).partition("-")[0]
    homes = [f"{world}-{trust}" for trust in (SEEN, TOLD)]
    actions = [entry.decision_type] if entry.decision_type else []
    turns = [_turn(place, action, end) for place in homes for action in actions for end in (FAILED, WORKED)]
    return tuple(place for place in (*homes, f"{world}-{SEEN}-{ALIKE}", *turns) if place not in places(entry))


def alike(trust: str, *, simulated: bool) -> tuple[str, ...]:
    """Return where entries (`SEEN` or `TOLD`) lie that such a situation may recall."""
    which = f"{SEEN}-{ALIKE}" if trust == SEEN else trust
    return tuple(f"{world}-{which}" for world in _worlds(simulated))


def turned_out(action: Action, end: str, trust: str, *, simulated: bool) -> tuple[str, ...]:
    """Return where the cases lie in which `action` `FAILED` or `WORKED`."""
    return tuple(_turn(f"{world}-{trust}", action, end) for world in _worlds(simulated))


def _worlds(simulated: bool) -> tuple[str, ...]:
    return (REAL, SIMULATED) if simulated else (REAL,)


def _turn(place: str, action: Action, end: str) -> str:
    return f"{place}-{action.value}-{end}"
