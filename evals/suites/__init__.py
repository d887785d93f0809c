"""The offline evals: one module for each suite, and what all of them say their findings with.

A suite is a function `run(options, tell) -> Result` in a module of its own. What every suite measures is a cost whose
truth is counterfactual: what would have happened under another policy is known, and no rule on telemetry is the judge.
"""

from pathlib import Path

NAMES = ("streams", "services", "scale", "loop", "memory")
"""The suites, in the order in which they run and are told; each is the module of that name here."""

LATEST = Path("evals", "latest.json")
"""The newest report, within AURORA_HOME."""
