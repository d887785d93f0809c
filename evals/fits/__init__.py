"""What `evals/fit_priors.py` fits on published worlds, a module for each part of the engine."""
