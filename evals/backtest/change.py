"""What is changed for a replay: settings of the models, the confidence band, the engine's numbers, or the planner."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from aurora.domain import Baseline, ModelSettings, Situation
from aurora.policy.guardrails import SURE
from aurora.policy.priors import Priors, read
from evals.suites.planners import NotAPlanner, Planner, load

BAND = "confidence_band"
"""The one name beside those of a model's settings: from which confidence on a change runs without asking."""


class NotAChange(Exception):
    """What cannot be changed; the message says why."""


@dataclass(frozen=True)
class Change:
    """What is different in the replay. With nothing in it, the present engine decides again."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Path in `ModelSettings` → value, laid over what each decision was made with."""
    band: float = SURE
    priors: Priors | None = None
    planner: Planner | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    """The change as it was asked for."""

    def situation(self, seen: Situation) -> Situation:
        """Return what was seen, held against the changed settings."""
        if not self.settings:
            return seen
        return seen.model_copy(update={"settings": self.laid_over(seen.settings), "baseline": self._baseline(seen)})

    def laid_over(self, settings: ModelSettings) -> ModelSettings:
        """Return `settings` with the changed ones. Raises `NotAChange` where they do not fit together."""
        for path, value in self.settings.items():
            settings = _with(settings, path, value)
        return settings

    def _baseline(self, seen: Situation) -> Baseline:
        """Return the healthy level: one that the request told of comes before that of the settings."""
        told = {name for name, source in seen.baseline_sources.items() if source == "telemetry"}
        paths = {path.partition(".")[2]: value for path, value in self.settings.items() if path.startswith("baseline.")}
        return seen.baseline.evolve(**{name: value for name, value in paths.items() if name not in told})


def change(settings: Sequence[str], priors: Path | None = None, planner: str | None = None) -> Change:
    """Read the options of the command. Raises `NotAChange`."""
    values = dict(map(_read, settings))
    band = _band(values.pop(BAND, SURE))
    words = {path: _told(value) for path, value in values.items()}
    words |= {BAND: _told(band)} if band != SURE else {}
    numbers, named = _priors(priors) if priors else (None, {})
    made = Change(values, band, numbers, _planner(planner), words | named | ({"planner": planner} if planner else {}))
    made.laid_over(ModelSettings())
    return made


def names() -> list[str]:
    """Return every name that a setting may have."""
    return sorted([BAND, *_paths(ModelSettings)])


def _paths(kind: type[BaseModel], before: str = "") -> Iterator[str]:
    for name, info in kind.model_fields.items():
        block = _block(info.annotation)
        if block is None:
            yield before + name
        else:
            yield from _paths(block, f"{before}{name}.")


def _block(annotation: Any) -> type[BaseModel] | None:
    """Return what holds settings of its own; lists are set as a whole."""
    kinds = [annotation, *(get_args(annotation) if type(None) in get_args(annotation) else ())]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _read(word: str) -> tuple[str, Any]:
    path, equals, text = word.partition("=")
    if not (path and equals and text):
        raise NotAChange(f"--setting takes KEY=VALUE, not {word!r}.")
    if path not in names():
        raise NotAChange(_unknown(path))
    try:
        return path, json.loads(text)
    except ValueError:
        return path, text


def _unknown(path: str) -> str:
    known = names()
    ends = [name for name in known if name.rpartition(".")[2] == path.rpartition(".")[2]]
    within = [name for name in known if name.startswith(f"{path}.")]
    near = list(dict.fromkeys([*within, *ends, *get_close_matches(path, known, n=3, cutoff=0.6)]))
    return f"There is no setting {path!r}. " + (
        f"Near it: {', '.join(near)}." if near else f"There are: {', '.join(known)}."
    )


def _with(settings: ModelSettings, path: str, value: Any) -> ModelSettings:
    block, _, name = path.rpartition(".")
    try:
        if not block:
            return settings.evolve(**{name: value})
        inner = getattr(settings, block) or Baseline()
        return settings.evolve(**{block: inner.evolve(**{name: value})})
    except ValidationError as error:
        raise NotAChange(f"{path}={_told(value)}: {error.errors()[0]['msg']}.") from None


def _band(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise NotAChange(f"{BAND}={_told(value)}: it is a confidence from 0 to 1.")
    return float(value)


def _priors(file: Path) -> tuple[Priors, dict[str, str]]:
    try:
        raw = file.read_bytes()
        numbers = read(json.loads(raw))
    except OSError as error:
        raise NotAChange(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotAChange(f"{file} does not hold the numbers of an engine: {type(error).__name__}: {error}.") from None
    return numbers, {"priors": f"{file.name} ({hashlib.sha256(raw).hexdigest()[:12]})"}


def _planner(source: str | None) -> Planner | None:
    if source is None:
        return None
    try:
        planner = load(source)
    except NotAPlanner as error:
        raise NotAChange(str(error)) from None
    if not hasattr(planner, "decide"):
        raise NotAChange(f"{source} has no decide(situation): it cannot be asked about a decision.")
    return planner


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
