"""Proofs that repeat something many times come in two sizes: what CI has time for, and `--full-size`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--full-size`."""
    parser.addoption("--full-size", action="store_true", help="repeat what is slow as often as its proof says")


@pytest.fixture(scope="session")
def full_size(request: pytest.FixtureRequest) -> bool:
    """Whether this run has the time for everything."""
    return bool(request.config.getoption("full_size"))
