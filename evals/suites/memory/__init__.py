"""The memory suite: whether recall finds the right cases, what memory is worth, and whether it can be poisoned.

Everything goes through the real memory, the embedder and embedded Chroma over a ledger on SQLite.

- **Recall**: among cases of hidden causes, the share of the five nearest whose cause is the same, by words, by numbers,
  by both, and as shipped; in the published service worlds and in those held out from every fit.
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
    "Recall is measured on the service worlds; a case counts as found only if all of its causes are the same.",
    "The true chances of the installations are made up to differ from the priors: the uplift says what memory is worth "
    "where they do, not how often they do. Where they do not, memory must do no harm: see the row 'as judged'.",
)
