"""`python -m aurora.ledger.check [URL] [--write MESSAGE]`: do the migrations still build what `tables.py` says?

Migrates an empty database (a temporary SQLite file without a URL), runs `alembic check` on it and ends with 1 where
they disagree. With `--write` it writes the missing migration instead.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from aurora.ledger.schema import differences, write_revision
from aurora.ledger.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m aurora.ledger.check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", nargs="?", help="an empty database; default: a temporary SQLite file")
    parser.add_argument("--write", metavar="MESSAGE", help="write the missing migration")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        return check(options.url or f"sqlite:///{Path(folder) / 'ledger.db'}", options.write)


def check(url: str, message: str | None = None) -> int:
    """Migrate `url`, then compare it with the tables, or write the migration that is missing."""
    store = Store(url)
    store.migrate()
    with store.bare() as connection:
        if message:
            write_revision(connection, message)
            return 0
        found = differences(connection)
    store.close()
    for difference in found:
        sys.stderr.write(f"missing in the migrations: {difference}\n")
    sys.stdout.write(f"{len(found)} differences between migrations and tables\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
