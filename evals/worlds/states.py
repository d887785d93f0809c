"""What a retrain is worth in every state that a stream can come into: which model serves, and which step just ended.

Only for scoring, and for what is fitted on published streams.
"""

import numpy as np

from evals.worlds.rows import Matrix
from evals.worlds.streams import Stream


def costs_to_go(stream: Stream) -> Matrix:
    """Return the least that the steps from t on cost where model s serves step t, at [s, t]; not a number for t < s."""
    steps = stream.horizon
    least = np.full((steps, steps), np.nan)
    least[:, -1] = stream.errors[:, -1]
    for step in range(steps - 2, -1, -1):
        retrained = stream.cost + least[step + 1, step + 1]
        models = slice(0, step + 1)
        least[models, step] = stream.errors[models, step] + np.minimum(least[models, step + 1], retrained)
    return least


def savings(stream: Stream) -> Matrix:
    """Return what a retrain after step t saves where model s serves, at [s, t], with the cheapest schedule after it.

    It is weighed against one step more with s and the cheapest schedule from there; the last step has none.
    """
    least = costs_to_go(stream)
    return least[:, 1:] - stream.cost - least.diagonal()[1:]


def savings_to_the_end(stream: Stream) -> Matrix:
    """Return the same where neither the new model nor the old one is ever replaced again."""
    ahead = stream.errors[:, ::-1].cumsum(axis=1)[:, ::-1]
    saved: Matrix = ahead[:, 1:] - stream.cost - ahead.diagonal()[1:]
    return saved
