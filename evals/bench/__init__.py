"""How fast AURORA is, as ratios: each thing is measured beside its own floor, turn by turn, in one run.

A floor is the least that any program would have to do for the same end with the same libraries. Both sides take turns,
so that whatever else the machine does hits both. Times are reported; only ratios have targets.
"""
