"""The deciding core: pure, deterministic, explainable. No framework, no input or output.

`propose` (engine) → `judge` (critic) → `rule` (guardrails) → `verify` (verification); `RetrainAdvisor` stands by
itself.
"""

from aurora.policy.advisor import RetrainAdvice, RetrainAdvisor
from aurora.policy.priors import POLICY_VERSION, RetrainCase

__all__ = ["POLICY_VERSION", "RetrainAdvice", "RetrainAdvisor", "RetrainCase"]
