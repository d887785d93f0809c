"""The memory suite: whether recall finds the right cases, what memory is worth, and whether it can be poisoned.

Everything goes through the real memory, the embedder and embedded Chroma over a ledger on SQLite.

- **Recall**: among cases of hidden causes, the share of the five nearest whose cause is the same, by words, by numbers,
  by both, and as shipped. Held out are situations in which two things are wrong at once: the diagnosis that recall
  rests on is fitted on one at a time.
- **Uplift**: installations whose true chances differ from the priors, such as one where retraining never helps.
  Outcomes that code verified pile up from decision to decision; the regret with memory is held against that without.
- **Poison**: what a thousand entries and reports by people, contradictory and repeated ones, and years of stale cases
  do to decisions that were made before.
"""

from evals.suites.memory import found, poison, uplift
from evals.suites.result import Options, Result, Tell


def run(options: Options, tell: Tell) -> Result:
    """Run all three; `tell` is told of installations and questions done."""
    steps = [found.steps(options), uplift.steps(options)]
    done = 0

    def step(by: int) -> None:
        nonlocal done
        done += by
        tell(done, sum(steps))

    recalled = found.measured(options, step)
    lived = uplift.lived(options, step)
    return Result(
        suite="memory",
        tables=(found.table(recalled), uplift.table(lived), poison.table(lived)),
        targets=(*found.targets(recalled), *poison.targets(lived)),
        comparisons=uplift.comparisons(lived),
        plots=(found.plot(recalled), uplift.plot(lived)),
        notes=NOTES,
    )


NOTES = (
    "Cases and situations are simulated from this project's own idea of how causes show (evals/episodes.py).",
    "Two causes at once are held out of the fit of the diagnosis, which looks at one cause at a time.",
    "The true chances of the installations are made up to differ from the priors: the uplift says what memory is worth "
    "where they do, not how often they do. Where they do not, memory must do no harm: see the row 'as judged'.",
)
