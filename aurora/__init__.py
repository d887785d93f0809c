"""AURORA: an on-call ML engineer for deployed models.

`Aurora` is the whole service inside a Python program; `RetrainAdvisor` is the question "is a retrain worth it now?"
alone. Both are imported when they are first asked for, so that `import aurora` costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aurora.face import Aurora
    from aurora.policy import RetrainAdvisor

__all__ = ["Aurora", "RetrainAdvisor"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Aurora":
        from aurora.face import Aurora

        return Aurora
    if name == "RetrainAdvisor":
        from aurora.policy import RetrainAdvisor

        return RetrainAdvisor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
