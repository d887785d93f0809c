"""What the training process does: trains versions, compares them on the newest labels, and lets a new one serve.

A retrain of a live service is only trained here; the fleet gives it its first traffic and compares it there.

Runs under the folder's training lock, so nobody else trains for an effect or tidies up meanwhile.
"""

import logging
import os
import time

from aurora.errors import Unavailable
from aurora.sandbox.effects import Effect, State, Work, difference
from aurora.sandbox.models import Cancelled
from aurora.sandbox.service import Service, Version
from aurora.sandbox.store import Books, Store
from aurora.sandbox.workbench import Comparison, Workbench

log = logging.getLogger(__name__)


def finish_everything(store: Store) -> None:
    """Work until nothing is running in the books."""
    while (effect := _next(store)) is not None:
        try:
            _finish(store, effect)
        except Cancelled:
            continue
        except Unavailable:
            raise
        except Exception as error:
            # Whatever goes wrong in a training is that training's end, not the end of all that wait behind it.
            log.exception("%s failed", effect.key)
            _failed(store, effect.key, f"{type(error).__name__}: {error}")


def _next(store: Store) -> Effect | None:
    with store.write() as books:
        waiting = books.running()
        if not waiting:
            return None
        effect = waiting[0].evolve(worker=os.getpid())
        books.put_effect(effect)
        return effect


def _finish(store: Store, effect: Effect) -> None:
    started, work = time.perf_counter(), effect.work
    if work is None:
        raise LookupError("it was left running without any work to do")
    bench = Workbench(store, effect.target, lambda: _is_wanted(store, effect.key))
    if bench.service.live is not None:
        _hand_over(store, effect, work, bench)
        return
    serving = bench.model(work.serving)
    recipe = work.recipe.evolve(concept=bench.concept) if work.recipe else None
    model = bench.made(recipe) if recipe else bench.model(work.version)
    seen = bench.compared(serving, model)
    done = effect.evolve(
        state="done",
        worker=None,
        result={"metrics": {"accuracy": seen._asdict()}, "seconds": round(time.perf_counter() - started, 3)},
        ending=(
            f"Version {work.version} of {effect.target} answers {seen.after:.1%} of the {seen.samples} newest rows"
            f" rightly, version {work.serving} {seen.before:.1%}."
        ),
    )
    made = recipe.evolve(artefact=bench.kept(model)) if recipe else None
    with store.write() as books:
        _settle(books, done, work, made, (seen, bench.concept))
    bench.tidy()


def _is_wanted(store: Store, key: str) -> bool:
    with store.read() as books:
        effect = books.effect(key)
    return effect is not None and effect.state == "running"


def _hand_over(store: Store, effect: Effect, work: Work, bench: Workbench) -> None:
    """Train a version of a live service and leave it to the fleet. Raises `Cancelled`."""
    if work.recipe is None:
        raise LookupError("a version of a live service is trained by a recipe")
    started = time.perf_counter()
    recipe = work.recipe
    if not recipe.fails:
        recipe = recipe.evolve(artefact=bench.kept(bench.made(recipe)))
    with store.write() as books:
        present = books.effect(effect.key)
        if present is None or present.state != "running":
            raise Cancelled
        seconds = {"compute_seconds": round(time.perf_counter() - started, 3)}
        made = work.evolve(recipe=recipe)
        books.put_effect(present.evolve(state="rollout", worker=None, work=made, result=seconds))


def _settle(books: Books, done: Effect, work: Work, made: Version | None, seen: tuple[Comparison, int]) -> None:
    """Record that it is done and, after a training, let the new version serve. Raises `Cancelled`."""
    effect, service = books.effect(done.key), books.service(done.target)
    if effect is None or service is None or effect.state != "running":
        raise Cancelled
    if made is None:
        books.put_effect(done)
    elif service.version != work.serving:
        why = f"Version {service.version} was deployed while it trained: {work.version} does not replace it."
        books.put_effect(done.evolve(state="failed", ending=why))
        return
    else:
        promoted = service.with_version(work.version, made)
        promoted = promoted.evolve(version=work.version, previous_version=service.version)
        before, after = difference(service, promoted)
        service = promoted
        books.put_effect(done.evolve(before=before, after=after))
    books.put_service(_measured(service, work, *seen))


def _measured(service: Service, work: Work, seen: Comparison, concept: int) -> Service:
    for name, accuracy in ((work.serving, seen.before), (work.version, seen.after)):
        service = service.with_version(name, service.versions[name].evolve(accuracy=accuracy, measured_at=concept))
    return service


def _failed(store: Store, key: str, why: str) -> None:
    with store.write() as books:
        effect = books.effect(key)
        if effect is not None and effect.state == "running":
            # A change that is in force and only could not be measured has not failed.
            state: State = "done" if effect.after else "failed"
            books.put_effect(effect.evolve(state=state, worker=None, ending=why))
