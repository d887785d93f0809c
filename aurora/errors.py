"""What can go wrong, each error saying itself: the class docstring is the message.

`app/problems.py` maps every type here to one HTTP status; nothing else does.
"""

from typing import Any


class AuroraError(Exception):
    """AURORA could not do this."""

    def __init__(self, detail: str = "", **context: Any) -> None:
        self.detail = detail
        self.context = context
        super().__init__(str(self))

    def __str__(self) -> str:
        message = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{message} {self.detail}".strip()


class NotFound(AuroraError):
    """There is no such thing."""


class Invalid(AuroraError):
    """The request is not valid."""


class Conflict(AuroraError):
    """That is not possible as things stand."""


class IdempotencyMismatch(AuroraError):
    """This Idempotency-Key was used before with another request."""


class Unavailable(AuroraError):
    """A part that is needed for this is not available."""


class Misconfigured(AuroraError):
    """The configuration does not work."""


class HomeInUse(Misconfigured):
    """Another AURORA process uses this folder."""


class BackendFailed(AuroraError):
    """A service that AURORA acts on answered with a failure."""


class GateClosed(AuroraError):
    """The guardrails refused at the moment of execution."""
