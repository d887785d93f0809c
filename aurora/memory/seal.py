"""A seal over the graph files of an index: whether they are still what Chroma wrote.

Chroma writes its graphs in place and without checksums, and links that lead nowhere send it into endless loops. So each
time these files have changed their digests are noted beside them; files that do not match them were damaged, or half
written when the process died. The SQLite file is left out: it changes with every write and checks itself.
"""

import hashlib
import json
from pathlib import Path

DATABASE = "chroma.sqlite3"

Stamp = tuple[int, int]


class Seal:
    """The digests of the files in `folder`, kept in the file `note`."""

    def __init__(self, folder: Path, note: Path) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._note = note
        self._digests: dict[str, tuple[Stamp, str]] = {}
        self._noted: dict[str, str] | None = None

    def broken(self) -> str:
        """Say what does not match; nothing where all is as it was written."""
        try:
            noted = json.loads(self._note.read_text())
        except (OSError, ValueError):
            noted = {}
        found = self._look()
        changed = sorted(name for name in {*noted, *found} if noted.get(name) != found.get(name))
        return f"{', '.join(changed[:3])} changed since it was last written by AURORA" if changed else ""

    def renew(self) -> None:
        """Note the files as they are now, if they are not noted so yet. Nobody may be writing them."""
        found = self._look()
        if found == self._noted:
            return
        fresh = self._note.with_name(self._note.name + ".new")
        fresh.write_text(json.dumps(found))
        fresh.replace(self._note)
        self._noted = found

    def _look(self) -> dict[str, str]:
        """Return the digest of every file; those that look unchanged are not read again."""
        files = [path for path in self._folder.rglob("*") if path.is_file() and not path.name.startswith(DATABASE)]
        self._digests = {str(path.relative_to(self._folder)): self._digest(path) for path in files}
        return {name: digest for name, (_, digest) in self._digests.items()}

    def _digest(self, path: Path) -> tuple[Stamp, str]:
        about = path.stat()
        stamp = (about.st_size, about.st_mtime_ns)
        known = self._digests.get(str(path.relative_to(self._folder)))
        if known is not None and known[0] == stamp:
            return known
        with path.open("rb") as stream:
            return stamp, hashlib.file_digest(stream, "blake2b").hexdigest()
