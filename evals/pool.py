"""Processes for measuring side by side."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def pool_of(processes: int) -> ProcessPoolExecutor:
    """Return so many processes. They begin afresh: one forked beside threads may stand still for ever."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
