"""Replays the ledger's decisions under another setting, engine or policy, and shows what would have been different.

Read only. What was seen and what memory recalled are taken from the record; plan, critique and ruling are made anew.
What followed is not: a decision that would have changed the world is followed by those that were made in the real one.
"""
