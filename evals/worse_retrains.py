"""A retrain that makes things worse: is it undone every time, and does the service end no worse for it?

    python -m evals.worse_retrains                50 seeds and 10 more, the table
    python -m evals.worse_retrains --seeds 4      another size
    python -m evals.worse_retrains --write        put the table into docs/INCIDENTS.md too

Half of the lives have corrupt labels to train on and a service that promotes whatever was trained, so that a bad
version serves. In the other half the new version is good when it is promoted, and then the old concept comes back: what
was right is wrong. In both only the world after the change can tell, and AURORA has to take it back.
In a fifth as many lives more the labels are corrupt and the service compares its canaries, as it usually does: there no
bad version comes to serve, and AURORA has to see that what it ordered came to nothing.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, get_args

from rich.console import Console
from rich.progress import Progress

from aurora.bootstrap import Tools
from aurora.domain import TRAINING
from aurora.sandbox.fleet.catalogue import CATALOGUE, made
from aurora.sandbox.service import Incident, Service
from evals.document import put
from evals.living import Living, Seen, alone

SEEDS = 50
GATED_SHARE = 5
"""There is one life with a gate for so many without one."""
BEGINS, TICKS = 10, 75
HOSTS = ("fraud-scorer", "parcel-sorter")
PURE_ROWS = 480
"""Rows to train on; by the time a drift is acted on, more of the new concept are labelled."""
WINDOW = 8
"""Ticks that an accuracy is taken over."""
NOISE = 0.05
"""How much lower than it might have been is still chance: about 1,000 labels stand behind either."""

Trap = Literal["returning_concept", "corrupt_labels", "corrupt_labels_with_gate"]


@dataclass(frozen=True)
class Life:
    """What came of one seed."""

    seed: int
    trap: Trap
    retrains: int
    undone: int
    """How many of the retrains that made things worse were undone, and the service was seen to be as before."""
    worse: int
    """How many made things worse, or would have: all with corrupt labels, else that before the concept came back."""
    served: int
    """For how many ticks a retrained version served."""
    began: float
    """Accuracy when the first retrain was ordered."""
    without: float
    """The least that it may end with: what the same life, on the same rows and labels, ends with without AURORA.

    Where the concept comes back that depends on when AURORA acts, and the beginning stands for it.
    """
    ended: float
    version: str

    @property
    def held(self) -> bool:
        """Whether a bad version came to serve (or the gate kept it out), each was undone, and it ends no worse."""
        sprung = self.worse > 0 and (self.served == 0) is (self.trap == "corrupt_labels_with_gate")
        return sprung and self.undone == self.worse and self.ended >= self.without - NOISE


def lives(seeds: int) -> list[tuple[int, Trap]]:
    """Return the seed and the trap of each life."""
    halves: list[tuple[int, Trap]] = [
        (seed, "returning_concept" if seed % 2 else "corrupt_labels") for seed in range(1, seeds + 1)
    ]
    return halves + [(seed, "corrupt_labels_with_gate") for seed in range(1, seeds // GATED_SHARE + 1)]


def live(seed: int, trap: Trap, refit: Callable[[Tools], Tools] = lambda tools: tools) -> Life:
    """Let one life happen; `refit` may exchange AURORA's tools."""
    host = HOSTS[seed // 2 % len(HOSTS)]
    service = _service(seed, host, trap)
    with tempfile.TemporaryDirectory() as folder:
        twin = alone(Path(folder) / "twin", [service], TICKS)[service.name] if trap != "returning_concept" else None
        with Living(Path(folder) / "home", [service], refit) as living:
            for _ in range(TICKS):
                living.tick()
                if trap == "returning_concept":
                    _turn_back(living, service.name)
            return _told(seed, trap, living, twin)


def _service(seed: int, host: str, trap: Trap) -> Service:
    entry = next(entry for entry in CATALOGUE if entry.name == host)
    incidents = [Incident(kind="abrupt_drift", begins=BEGINS, lasts=TICKS)]
    if trap != "returning_concept":
        # Of all incidents that begin at one tick only one does something once; this one does nothing at once.
        incidents.append(Incident(kind="corrupt_labels", begins=BEGINS - 8, lasts=TICKS + 8))
    service = made(entry, 1000 + seed, tuple(sorted(incidents, key=lambda one: one.begins)))
    assert service.live is not None
    # A window without rows of the old concept: what is learnt from it is worthless once that comes back.
    gated = trap != "corrupt_labels"
    return service.evolve(live=service.live.evolve(failures=0.0, newest=PURE_ROWS, gated=gated))


def _turn_back(living: Living, name: str) -> None:
    """Let the old concept come back as soon as a version serves that was trained on the new one."""
    service = living.service(name)
    if _is_retrained(service) and service.drifts[-1].ends is None:
        living.change(name, _ended)


def _is_retrained(service: Service) -> bool:
    return service.versions[service.version].origin in ("retrain", "fine_tune")


def _ended(service: Service) -> Service:
    assert service.live is not None
    last = service.drifts[-1].evolve(ends=service.live.now + 1)
    return service.evolve(drifts=(*service.drifts[:-1], last))


def _told(seed: int, trap: Trap, living: Living, twin: Seen | None) -> Life:
    ((name, seen),) = living.seen.items()
    retrains = [
        record
        for record in living.decisions(name)
        if record["execution_result"] and record["execution_result"]["decision_type"] in TRAINING
    ]
    first = _tick_of(retrains[0], living) if retrains else TICKS
    began, last = _accuracy(seen, range(first, first + WINDOW)), range(TICKS - WINDOW, TICKS)
    worse = retrains[:1] if trap == "returning_concept" else retrains
    return Life(
        seed=seed,
        trap=trap,
        retrains=len(retrains),
        worse=len(worse),
        undone=sum(is_undone(record) for record in worse),
        served=sum(_is_retrained(service) for service in seen.services),
        # While the retrain is under way all labels tell of the new concept, and the former version serves nearly all.
        began=began,
        without=began if twin is None else _accuracy(twin, last),
        ended=_accuracy(seen, last),
        version=living.service(name).version,
    )


def is_undone(record: dict[str, Any]) -> bool:
    """Whether what a decision did was taken back and the world was seen to be as before; that nobody can tell is no."""
    undos = record["steps"].get("undo", ())
    return bool(record["outcome"] == "undone" and undos and undos[-1]["restored"] is True)


def _tick_of(record: dict[str, Any], living: Living) -> int:
    at = living.aurora.ledger.decisions.get(record["decision_id"]).created_at
    return TICKS - round((living.clock.now - at).total_seconds())


def _accuracy(seen: Seen, ticks: range) -> float:
    known = [point["accuracy"] for point in seen.points[ticks.start : ticks.stop] if "accuracy" in point]
    return round(fmean(known), 4) if known else 0.0


def main() -> None:
    """Print the table; end non-zero where a bad retrain was not undone."""
    options = _options()
    found: list[Life] = []
    with Progress(console=Console(stderr=True)) as progress, ProcessPoolExecutor(options.processes) as pool:
        planned = lives(options.seeds)
        task = progress.add_task("Lives", total=len(planned))
        for future in as_completed([pool.submit(live, seed, trap) for seed, trap in planned]):
            found.append(future.result())
            progress.advance(task)
    found.sort(key=lambda one: (get_args(Trap).index(one.trap), one.seed))
    if options.write:
        put("INCIDENTS.md", "worse_retrains", table(found))
    if options.json:
        print(json.dumps([{**asdict(one), "held": one.held} for one in found], indent=1))
    else:
        print(table(found))
    sys.exit(0 if all(one.held for one in found) else 1)


def table(found: list[Life]) -> str:
    """Return the table in Markdown."""
    lines = [
        "| trap | lives | held | bad retrains | undone | ticks served | accuracy then | without AURORA | at the end |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for trap in dict.fromkeys(one.trap for one in found):
        mine = [one for one in found if one.trap == trap]
        counts = (
            len(mine),
            sum(one.held for one in mine),
            sum(one.worse for one in mine),
            sum(one.undone for one in mine),
            f"{fmean(one.served for one in mine):.1f}",
        )
        without = "–" if trap == "returning_concept" else f"{fmean(one.without for one in mine):.3f}"
        levels = (f"{fmean(one.began for one in mine):.3f}", without, f"{fmean(one.ended for one in mine):.3f}")
        lines.append(f"| {' | '.join(map(str, (trap.replace('_', ' '), *counts, *levels)))} |")
    missed = [f"- seed {one.seed} ({one.trap}): {one}" for one in found if not one.held]
    return "\n".join([*lines, "", "Misses:", "", *(missed or ["- none"])])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evals.worse_retrains", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", action="store_true", help="every life, as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    return parser.parse_args()


if __name__ == "__main__":
    main()
