"""The pretend world: real scikit-learn models on real data. Nothing here is ever shown as real."""

from aurora.sandbox.world import World

__all__ = ["World"]
