"""The scripts, copied for each test."""

from pathlib import Path

import pytest

from tests.scripts.copied import Copied


@pytest.fixture
def copied(tmp_path: Path) -> Copied:
    return Copied(tmp_path)
