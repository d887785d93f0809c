"""Worlds whose truth is what each choice would have cost, never a rule on telemetry.

Retrain streams: a model is trained at every step and scored on every later one, so that each counterfactual is a
look-up. Hidden rows price what happened, visible rows are all that a policy is shown. `catalogue` is the frozen list of
them, `rows` says where rows come from, `streams` builds one, `store` keeps what was built, `schedules` prices schedules
of retrains, and `python -m evals.worlds` builds all and says what they are like.
"""
