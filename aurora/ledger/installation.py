"""The mode of the whole installation, kept over restarts; `stopped` is the kill switch."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from aurora.domain import Mode
from aurora.ledger.audit import ADMINISTRATION
from aurora.ledger.part import Part
from aurora.ledger.records import ModeRecord, seen_as
from aurora.ledger.tables import InstallationRow

_MODE = select(InstallationRow.__table__.c.mode)
_LOCKED_MODE = _MODE.with_for_update()


class Installation(Part):
    """What holds for all models at once."""

    def mode(self) -> Mode:
        """Return the mode."""
        with self._store.read() as session:
            return mode_in(session)

    def mode_record(self) -> ModeRecord:
        """Return the mode, who set it, when and why."""
        with self._store.read() as session:
            return seen_as(ModeRecord, session.scalars(select(InstallationRow)).one())

    def set_mode(self, mode: Mode, reason: str, by: str) -> ModeRecord:
        """Set the mode. Whatever was not begun by then runs under it."""
        with self._store.write() as session:
            before = locked_mode(session)
            session.execute(
                update(InstallationRow).values(mode=mode.value, reason=reason, by=by, changed_at=self._now())
            )
            body = {"before": before.value, "after": mode.value, "reason": reason}
            self._audit.append(session, ADMINISTRATION, "installation.mode", by, body)
            return seen_as(ModeRecord, session.scalars(select(InstallationRow)).one())


def mode_in(session: Session) -> Mode:
    """Return the mode, in the transaction of whoever asks."""
    return Mode(session.execute(_MODE).scalar_one())


def locked_mode(session: Session) -> Mode:
    """Return the mode and hold it until the transaction ends, so that one effect at a time passes the gate."""
    return Mode(session.execute(_LOCKED_MODE).scalar_one())


def stricter(one: Mode, other: Mode) -> Mode:
    """Return the mode that allows less; `Mode` lists them from the widest to the strictest."""
    return max(one, other, key=list(Mode).index)
