"""The words the engine weighs: what can be done, one level finer than `Action`, and the two sides of a service.

`route` and `scale` each stand for two quite different moves, and what is wrong with the answers (quality) and what
is wrong with giving them (service) may be wrong at the same time: the engine keeps these apart and joins them at the
end.
"""

from enum import StrEnum

from aurora.domain import Action


class Side(StrEnum):
    """Which complaint a cause explains."""

    QUALITY = "quality"
    """The answers are wrong."""
    SERVICE = "service"
    """The answers are late, missing, or cost more than they need to."""


class Move(StrEnum):
    """One concrete way to carry out an action."""

    RETRAIN = "retrain"
    FINE_TUNE = "fine_tune"
    CACHE = "cache"
    ROUTE_AWAY = "route_away"
    """Take traffic off an ill or overloaded replica."""
    ROUTE_BACK = "route_back"
    """Give the traffic back to the previous version."""
    SCALE_UP = "scale_up"
    SCALE_DOWN = "scale_down"
    ALERT = "alert"
    LEAVE = "leave"

    # An enumeration hashes in Python; moves are looked up often enough for that to show.
    __hash__ = str.__hash__

    @property
    def action(self) -> Action:
        """The action that this move carries out."""
        return ACTION_OF[self]


ACTION_OF = {
    Move.RETRAIN: Action.RETRAIN,
    Move.FINE_TUNE: Action.FINE_TUNE,
    Move.CACHE: Action.CACHE,
    Move.ROUTE_AWAY: Action.ROUTE,
    Move.ROUTE_BACK: Action.ROUTE,
    Move.SCALE_UP: Action.SCALE,
    Move.SCALE_DOWN: Action.SCALE,
    Move.ALERT: Action.ALERT,
    Move.LEAVE: Action.NO_ACTION,
}

MOVES = tuple(Move)
