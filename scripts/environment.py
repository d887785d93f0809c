"""What the scripts need to know of AURORA's settings before AURORA is installed: a small reading of `.env`."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def setting(name: str, default: str) -> str:
    """Return `name` from the environment, else from `.env`, else `default`; empty is the same as absent."""
    return os.environ.get(name) or _dotenv(ROOT / ".env").get(name) or default


def home() -> Path:
    """Return the folder of all local state."""
    return Path(setting("AURORA_HOME", "~/.aurora")).expanduser()


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = (line.strip().removeprefix("export ") for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
