"""Makes `aurora/policy/priors.json`: every number of the engine, fitted on published worlds or judged with a reason.

    python evals/fit_priors.py                    write the file: a quarter of an hour
    python evals/fit_priors.py --check            make it anew and compare
    python evals/fit_priors.py diagnosis --check  only this part: a minute

Its parts are `diagnosis`, from the episodes of `episodes.py`, and `advisor` and `scaling`, from the published retrain
streams and load traces of `worlds`; the judged numbers are in `judged.py`. Everything is drawn with a fixed seed, so
that the same file comes out each time. No part ever reads a world that is held out.
"""

import argparse
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

from aurora.domain import Cause
from aurora.policy.diagnosis import known_degrees, posterior
from aurora.policy.moves import Side
from aurora.policy.priors import READ_AS, Face, Priors, read
from aurora.policy.signs import freshness
from aurora.policy.view import View, view
from evals import service_fit
from evals.episodes import HURT, Episode, drawn, drop, healthy_accuracy, mixed
from evals.fits import advisor, scaling
from evals.judged import BASE_RATES, JUDGEMENT
from evals.worlds.catalogue import published
from evals.worlds.store import load_all

SEED = 20261122
PER_CAUSE = 150
"""Episodes drawn for each face of each cause, with every field present."""
SIGHTED = 3.0
"""What all that is sighted of a face in service worlds counts, as a multiple of what is drawn."""
READ_AGAIN = 2
"""How often chances are read anew: what they are read as changes a few choices, and these what they mean."""
MIXED = 1500
"""Episodes drawn by the base rates, with fields left out, for the sharpness."""
FILE = Path(__file__).resolve().parent.parent / "aurora" / "policy" / "priors.json"

SIGNS_OF = {
    Side.QUALITY: (
        "accuracy_low",
        "drift",
        "inputs_bad",
        "recent_deploy",
        "labels_few",
        "persistent",
    ),
    Side.SERVICE: (
        "latency_high",
        "latency_risen",
        "errors_high",
        "usage_high",
        "memory_high",
        "memory_climbs",
        "idle",
        "repeats",
        "hot_replica",
        "recent_deploy",
        "traffic_high",
        "traffic_low",
        "traffic_gone",
        "inputs_bad",
        "persistent",
    ),
}

POOLED = {
    # How low accuracy is tells that something hurts it, not what: else a worse accuracy could speak against a drift.
    "accuracy_low": (*HURT, Cause.DATA_BUG),
    # How long it lasts tells a blip from everything else, and nothing more: any trouble counts, whichever side's it is.
    "persistent": tuple(cause for cause in Cause if cause is not Cause.BLIP),
    # A new version tells of what comes with one. What else happens does so by chance in its first hours.
    "recent_deploy": tuple(cause for cause in Cause if cause not in (Cause.BAD_DEPLOYMENT, Cause.SLOW_VERSION)),
}

Degrees = list[dict[str, float]]


def made(parts: Collection[str] = (), folder: Path | None = None) -> dict[str, Any]:
    """Return the whole document; what is not among `parts` is kept as the file has it, without any all is made anew.

    Built worlds are kept in `folder`, by default in the home of AURORA.
    """
    document: dict[str, Any] = {"fitted": _unfitted() | _kept(), "judgement": JUDGEMENT}
    for name, fit in PARTS.items():
        if not parts or name in parts:
            document["fitted"] |= fit(document, folder or Path.home() / ".aurora" / "worlds")
    about = "Made by evals/fit_priors.py; do not edit. Costs in hours of wrong answers, times in hours."
    return {"about": about, "seed": SEED, "sha256": digest(document), **document}


def _kept() -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["fitted"] if FILE.exists() else {}
    return kept


def _diagnosis(document: Mapping[str, Any], _folder: Path) -> dict[str, Any]:
    """Return how often causes are met, which signs they show, what they cost, and how stated chances are to be read."""
    random, found = Random(SEED), {**document["fitted"], **_undiagnosed()}
    episodes = service_fit.learnt_from(os.cpu_count() or 1)
    found["numbers"] = healthy_level(random)
    found["base_rates"] = service_fit.base_rates(episodes)
    found["looms"] = service_fit.looms(episodes)
    known = {**document, "fitted": found}
    sighted = service_fit.sightings(episodes, read(known))
    found["signs"] = {side: sign_chances(side, read(known), random, sighted[side]) for side in Side}
    numbers = read(known)
    trials = [(view(episode.situation, numbers), episode) for episode in mixed(random, MIXED)]
    found["sharpness"] = {side: sharpness(side, trials, known) for side in Side}
    for _ in range(READ_AGAIN):
        found["readings"] = service_fit.readings(episodes, read(known))
    return {name: found[name] for name in _undiagnosed()}


def _advisor(_document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the numbers of `RetrainAdvisor`."""
    wanted = list(published())
    built = dict(load_all(folder, wanted, os.cpu_count() or 1))
    return {"advisor": advisor.fitted([built[entry] for entry in wanted])}


def _scaling(document: Mapping[str, Any], _folder: Path) -> dict[str, Any]:
    """Return the numbers of `ScaleAdvisor`."""
    return {"scaling": scaling.fitted(document)}


PARTS: Mapping[str, Callable[[Mapping[str, Any], Path], dict[str, Any]]] = {
    "diagnosis": _diagnosis,
    "advisor": _advisor,
    "scaling": _scaling,
}


def digest(document: Mapping[str, Any]) -> str:
    """Return the hash of what the file says."""
    content = {name: document[name] for name in ("fitted", "judgement")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def text(document: Mapping[str, Any]) -> str:
    """Return the file's content."""
    return json.dumps(document, indent=1) + "\n"


def _unfitted() -> dict[str, Any]:
    """Return what stands in for fitted numbers until they are there."""
    return {**_undiagnosed(), "advisor": advisor.UNFITTED, "scaling": scaling.UNFITTED}


def _undiagnosed() -> dict[str, Any]:
    return {
        "numbers": {},
        "base_rates": BASE_RATES,
        "looms": {side: {} for side in Side},
        "signs": {side: {} for side in Side},
        "sharpness": dict.fromkeys(Side, 1.0),
        "readings": {name: {} for name in (*READ_AS.values(), "change")},
    }


def healthy_level(random: Random) -> dict[str, float]:
    """Return mean and spread of healthy accuracy over services, and what a drift costs on average."""
    healthy = [healthy_accuracy(random) for _ in range(4000)]
    drops = [drop(random, Cause.CONCEPT_DRIFT) for _ in range(4000)]
    return {
        "healthy_accuracy": round(fmean(healthy), 4),
        "healthy_accuracy_spread": round(stdev(healthy), 4),
        "usual_drop": round(fmean(drops), 4),
    }


# --- signs -----------------------------------------------------------------------------------------------------------


Weighed = list[tuple[float, Mapping[str, float]]]
"""Degrees of signs, and how much they count."""


def sign_chances(
    side: Side, numbers: Priors, random: Random, sighted: Mapping[Face, Sequence[Mapping[str, float]]]
) -> dict[str, dict[str, float]]:
    """Return how likely each sign shows under each face of one side.

    What was sighted in service worlds counts most. The drawn episodes, in which the other side is healthy, stand for
    what never happened there: each face of theirs weighs a part of what is sighted.
    """
    seen = {face: _weighed(_degrees(side, face, numbers, random), sighted[face]) for face in numbers.faces[side]}
    table: dict[str, dict[str, float]] = {}
    for name in SIGNS_OF[side]:
        pool = [face for face in seen if face.cause in POOLED.get(name, ())]
        pooled = _chance([(weight, row[name]) for face in pool for weight, row in seen[face] if name in row])
        table[name] = {
            str(face): pooled if face in pool else _chance([(weight, row[name]) for weight, row in rows if name in row])
            for face, rows in seen.items()
        }
    return table


def _weighed(drawn_degrees: Degrees, sighted: Sequence[Mapping[str, float]]) -> Weighed:
    if not drawn_degrees:
        return [(1.0, row) for row in sighted]
    weight = SIGHTED * len(drawn_degrees) / max(len(sighted), 1)
    return [*((1.0, row) for row in drawn_degrees), *((weight, row) for row in sighted)]


def _degrees(side: Side, face: Face, numbers: Priors, random: Random) -> Degrees:
    if face.name == service_fit.EARLY:
        # Nobody has thought up how trouble shows before it shows.
        return []
    usual = Face(Cause.HEALTHY)
    pair = (face, usual) if side is Side.QUALITY else (usual, face)
    return [known_degrees(view(episode.situation, numbers)) for episode in drawn(random, *pair, PER_CAUSE)]


def _chance(degrees: Sequence[tuple[float, float]]) -> float:
    """Return the chance p under which signs are likeliest, given as weight and degree, each d·p + (1-d)·(1-p) likely.

    A small part of a case each way keeps it off 0 and 1. The likelihood is concave: its slope is followed to 0 by
    bisection.
    """

    def slope(p: float) -> float:
        least = 0.15 / p - 0.15 / (1 - p)
        return least + sum(weight * (2 * d - 1) / (d * p + (1 - d) * (1 - p)) for weight, d in degrees)

    return round(_zero(slope, 1e-6, 1 - 1e-6), 5)


def _zero(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses 0."""
    for _ in range(30):
        middle = (low + high) / 2
        if falling(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def sharpness(side: Side, trials: Sequence[tuple[View, Episode]], document: Mapping[str, Any]) -> float:
    """Return the factor on the evidence under which the true causes are likeliest; at most 1, for signs overlap."""
    told = [(known_degrees(seen), freshness(seen), _place(side, seen, episode)) for seen, episode in trials]

    def surprise(factor: float) -> float:
        numbers = read({**document, "fitted": {**document["fitted"], "sharpness": dict.fromkeys(Side, factor)}})
        chances = (posterior(side, degrees, fresh, numbers)[place] for degrees, fresh, place in told)
        return -sum(math.log(max(chance, 1e-9)) for chance in chances)

    return min((round(0.7 + 0.05 * step, 2) for step in range(7)), key=surprise)


def _place(side: Side, seen: View, episode: Episode) -> int:
    return seen.priors.states[side].index(episode.quality if side is Side.QUALITY else episode.service)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or with --check compare it; return the exit code."""
    parser = argparse.ArgumentParser(description="Make aurora/policy/priors.json.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all of them")
    parser.add_argument("--check", action="store_true", help="compare with the file, write nothing")
    parser.add_argument("--folder", type=Path, help="where built worlds are kept (default: ~/.aurora/worlds)")
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    content = text(made(options.parts, options.folder))
    if options.check:
        same = FILE.read_text(encoding="utf-8") == content
        print("priors.json is as this script makes it" if same else "priors.json differs from what this script makes")
        return 0 if same else 1
    FILE.write_text(content, encoding="utf-8")
    print(f"wrote {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
