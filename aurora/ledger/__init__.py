"""The truth, in SQL: models and points, decisions with all that led to them, intents, approvals, memory, audit."""

from aurora.ledger.audit import ADMINISTRATION, chain_of
from aurora.ledger.ledger import Ledger
from aurora.ledger.store import Store

__all__ = ["ADMINISTRATION", "Ledger", "Store", "chain_of"]
