"""The deciding core: pure, deterministic, explainable. No framework, no input or output.

`propose` (engine) → `judge` (critic) → `rule` (guardrails) → `verify` (verification); `RetrainAdvisor` and
`ScaleAdvisor` stand by themselves.
"""

from aurora.policy.advisor import RetrainAdvice, RetrainAdvisor
from aurora.policy.priors import POLICY_VERSION, RetrainCase
from aurora.policy.scaling import ScaleAdvice, ScaleAdvisor

__all__ = ["POLICY_VERSION", "RetrainAdvice", "RetrainAdvisor", "RetrainCase", "ScaleAdvice", "ScaleAdvisor"]
