"""Keeps what a provider logs of its own work out of an eval's output, and only for as long as that runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(level: int, *names: str) -> Iterator[None]:
    """Let the loggers called `names` say nothing under `level`; afterwards they are as they were."""
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, was in zip(loggers, before, strict=True):
            logger.setLevel(was)
