"""The offline evals: one module for each suite, and what all of them say their findings with.

A suite is a function `run(options, tell) -> Result` in a module of its own. What every suite measures is a cost whose
truth is counterfactual: what would have happened under another policy is known, and no rule on telemetry is the judge.
"""
