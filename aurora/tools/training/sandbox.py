"""retrain and fine_tune in the pretend world."""

import uuid

from aurora.domain import Action
from aurora.errors import Invalid
from aurora.sandbox import World
from aurora.sandbox.adoption import next_version
from aurora.sandbox.effects import Change, Work
from aurora.sandbox.service import Service, Version
from aurora.tools.sandbox import SandboxChange
from aurora.tools.training import KIND, TrainArguments


class SandboxTrainer(SandboxChange[TrainArguments]):
    """Trains a real scikit-learn model in a process of its own, and lets it serve once it is finished.

    A retrain begins with an untrained model, a fine-tune with a copy of its base version. The version that it replaces
    is kept, so that it can be taken back; a training that still runs is cancelled by an undo. The new version of a live
    service takes a small share of the traffic first, and all of it once it has beaten the serving one there.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world, KIND, "Cancel the training, or let the version serve again that serves now.")

    def change(self, service: Service, action: Action, arguments: TrainArguments) -> Change:
        """Return the service as it is to be once the training is done."""
        base = arguments.base_version or service.version
        if base not in service.versions:
            raise Invalid(
                f"parameters.base_version: {service.name} has no version {base!r}.", field="parameters.base_version"
            )
        version, job = next_version(service, service.version), f"training-{uuid.uuid4().hex}"
        recipe = Version(
            origin="fine_tune" if action is Action.FINE_TUNE else "retrain",
            concept=len(service.drifts),
            rows=None if arguments.window == "newest" else arguments.window,
            base=base if action is Action.FINE_TUNE else None,
            slowness=service.versions[base].slowness,
            trained_at=service.live.now if service.live else 0,
            fails=service.live is not None and service.live.training_fails(),
        )
        after = service.with_version(version, recipe).evolve(version=version, previous_version=service.version)
        return Change(
            service=after,
            detail=f"{job} trains version {version} of {service.name}; {service.version} serves until it is done.",
            answer={
                "training_job_id": job,
                "state": "running",
                "version": version,
                "base_version": base,
                **_cost(service, action),
            },
            work=Work(kind="train", version=version, serving=service.version, recipe=recipe),
        )


def _cost(service: Service, action: Action) -> dict[str, int]:
    """Return what the training of a live service takes of a machine."""
    return {} if service.live is None else {"machine_minutes": service.live.takes(fine_tune=action is Action.FINE_TUNE)}
