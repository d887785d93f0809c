"""Which of the entries that were found are shown. Pure."""

from collections.abc import Iterable, Sequence

from aurora.domain import Recalled, Trust

SUMMARY_CHARS = 600
"""What goes into a decision's record of one recalled entry."""


def distinct(found: Iterable[Recalled]) -> list[Recalled]:
    """Keep the first of all that say the same: one decision counts once, and so does a text that was told twice."""
    first: dict[str, Recalled] = {}
    for one in found:
        first.setdefault(one.decision_id or " ".join(one.summary.casefold().split()), one)
    return list(first.values())


def shared(first: Sequence[Recalled], second: Sequence[Recalled], places: int) -> list[Recalled]:
    """Give half of the places (rounded up) to `first`, as it comes, and the rest to the nearest of both."""
    half = (places + 1) // 2
    rest = seen_first([*first[half:], *second])
    return distinct([*first[:half], *rest])[:places]


def with_told(seen: Sequence[Recalled], told: Sequence[Recalled], places: int) -> list[Recalled]:
    """Give the places to what was `seen`, but every fourth to what people told; what one lacks the other fills."""
    kept = min(len(told), places // 4)
    return distinct([*seen[: places - kept], *told[:kept], *seen[places - kept :], *told[kept:]])[:places]


def seen_first(found: Iterable[Recalled]) -> list[Recalled]:
    """Sort what code has verified before what people say, each by similarity: both have their own way to measure it."""
    return sorted(found, key=lambda one: (one.trust is not Trust.VERIFIED, -one.similarity, one.id))


def nearest(found: Iterable[Recalled]) -> list[Recalled]:
    """Sort by similarity; among equals by id, so that a rebuilt index answers as before."""
    return sorted(found, key=lambda one: (-one.similarity, one.id))


def shortened(found: Iterable[Recalled]) -> tuple[Recalled, ...]:
    """Cut what is recalled to what a decision's record holds of it."""
    return tuple(
        one if len(one.summary) <= SUMMARY_CHARS else one.evolve(summary=f"{one.summary[:SUMMARY_CHARS]}…")
        for one in found
    )
