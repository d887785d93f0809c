"""How a change of a live service takes hold: replicas boot, a new version shows itself on a small share of the traffic.

A new version gets the whole traffic only if it beats the serving one on the newest labelled rows, all of which came in
while it was a canary; a tie is no win. What loses is withdrawn at once. For a while after it has won, the version that
it replaced still answers in its shadow, as the control that says what would have been.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aurora.sandbox.effects import Effect, difference
from aurora.sandbox.fleet.runtime import LABELLED, Models
from aurora.sandbox.service import Canary, Service
from aurora.sandbox.streams import Rows
from aurora.sandbox.traffic import drawn, lived

SURE = 1.0
"""By how many standard deviations of chance the new version must have won."""
WINDOW = 8
"""Ticks of labels that a promoted version and the one in its shadow are compared on."""
Moved = tuple[Service, Effect]


def moved(service: Service, effect: Effect, models: Models, clock: Callable[[], datetime]) -> Moved:
    """Return service and effect as the present tick leaves them."""
    if effect.phase == "booting":
        return _booted(service, effect, clock)
    if effect.phase == "training":
        return _trained(service, effect)
    return _compared(service, effect, models, clock)


def _booted(service: Service, effect: Effect, clock: Callable[[], datetime]) -> Moved:
    if len(service.ready()) < len(service.replicas):
        return service, effect
    return service, effect.evolve(state="done", phase="", effective_at=clock().isoformat())


def _trained(service: Service, effect: Effect) -> Moved:
    """Let a training take its time; then the new version becomes the canary."""
    live, work = lived(service), effect.work
    recipe = work.recipe if work else None
    if work is None or recipe is None:
        return service, _failed(effect, "It was left without anything to train.")
    lasted, whole = live.now - effect.tick, live.takes(fine_tune=recipe.base is not None)
    if recipe.fails and lasted >= (whole + 1) // 2:
        return service, _failed(effect, f"The training broke off after {lasted} of {whole} minutes: out of memory.")
    if lasted < whole:
        return service, effect
    if service.version != work.serving or service.canary is not None:
        return service, _failed(effect, f"{service.name} was changed while {work.version} trained: it is not used.")
    canary = Canary(version=work.version, share=live.canary_share, since=live.now, key=effect.key)
    return service.with_version(work.version, recipe).evolve(canary=canary), effect.evolve(phase="canary")


def _compared(service: Service, effect: Effect, models: Models, clock: Callable[[], datetime]) -> Moved:
    """Compare the canary with the serving version once enough labels are in, and promote or withdraw it."""
    live, canary = lived(service), service.canary
    if canary is None or canary.key != effect.key:
        return service, _failed(effect, "The canary was taken away by another change.")
    if live.now - canary.since < live.canary + live.label_delay:
        return service, effect
    rows = range(canary.since, live.now - live.label_delay + 1)
    match = matched(service, (canary.version, service.version), rows, models)
    told = effect.evolve(result={**effect.result, "metrics": {"accuracy": match.metrics()}})
    said = (
        f"{canary.version} answers {match.share(match.candidate):.1%} of the {match.rows} newest labelled rows rightly,"
        f" {service.version} {match.share(match.serving):.1%}"
    )
    withdrawn = service.evolve(canary=None)
    if live.gated and not match.won():
        ending = f"{said}: it does not beat it and takes no traffic."
        return withdrawn, _failed(told, ending).evolve(phase="withdrawn")
    promoted = withdrawn.evolve(version=canary.version, previous_version=service.version)
    before, after = difference(service, promoted)
    done = told.evolve(state="done", phase="promoted", before=before, after=after, ending=f"{said}: it serves now.")
    return promoted, done.evolve(promoted_at=live.now, effective_at=clock().isoformat())


@dataclass
class Match:
    """How many of the same rows two versions answered rightly."""

    rows: int = 0
    candidate: int = 0
    serving: int = 0
    only_candidate: int = 0
    only_serving: int = 0

    def share(self, right: int) -> float:
        """Return `right` as a share of all rows."""
        return round(right / self.rows, 4)

    def metrics(self) -> dict[str, float]:
        """Return it as a tool reports a metric; before and control are what the serving version made of the rows."""
        serving = self.share(self.serving)
        return {"before": serving, "after": self.share(self.candidate), "control": serving, "samples": self.rows}

    def won(self) -> bool:
        """Whether the rows that the two disagree about speak for the candidate by more than chance (McNemar's test)."""
        disagreed = self.only_candidate + self.only_serving
        return self.only_candidate - self.only_serving > SURE * math.sqrt(disagreed)


def matched(service: Service, versions: tuple[str, str], ticks: range, models: Models) -> Match:
    """Let a candidate and the version beside it answer every labelled row of the `ticks`."""
    live, match, (candidate, serving) = lived(service), Match(), versions
    labels = int(LABELLED * live.rows)
    for tick in ticks:
        seen = drawn(service, tick, "unseen", live.rows).rows
        rows = Rows(seen.x[:labels], seen.y[:labels])
        mine, theirs = models(candidate).right(rows), models(serving).right(rows)
        match.rows += labels
        match.candidate += int(mine.sum())
        match.serving += int(theirs.sum())
        match.only_candidate += int((mine & ~theirs).sum())
        match.only_serving += int((theirs & ~mine).sum())
    return match


def shadowed(service: Service, effect: Effect, models: Models) -> Effect:
    """Return a promotion with both versions compared on the newest labels that came in since."""
    live, work = lived(service), effect.work
    ticks = range(max(effect.promoted_at, live.now - live.label_delay - WINDOW + 1), live.now - live.label_delay + 1)
    if work is None or not ticks or {work.version, work.serving} - service.versions.keys():
        return effect
    seen = matched(service, (work.version, work.serving), ticks, models).metrics()
    before = effect.result.get("metrics", {}).get("accuracy", {}).get("before", seen["before"])
    return effect.evolve(result={**effect.result, "metrics": {"accuracy": {**seen, "before": before}}})


def _failed(effect: Effect, why: str) -> Effect:
    return effect.evolve(state="failed", ending=why)
