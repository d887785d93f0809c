"""scale in the pretend world."""

from itertools import count, islice
from statistics import median

from aurora.domain import Action
from aurora.errors import Invalid
from aurora.sandbox import World
from aurora.sandbox.effects import Change, foreseen
from aurora.sandbox.service import Replica, Service, shared
from aurora.tools.sandbox import SandboxChange
from aurora.tools.scaling import KIND, ScaleArguments


class SandboxScaler(SandboxChange[ScaleArguments]):
    """Adds replicas to a sandbox service, or gives them back, newest first. A live one's boot before they serve."""

    def __init__(self, world: World) -> None:
        super().__init__(world, KIND, "Scale back to the replicas and shares of traffic that there are now.")

    def change(self, service: Service, action: Action, arguments: ScaleArguments) -> Change:  # noqa: ARG002
        """Return the service with that many replicas. One that was taken out of traffic stays out."""
        present, wanted = len(service.replicas), arguments.replicas
        if arguments.present not in (None, present):
            raise Invalid(
                f"parameters.from: {service.name} has {present} replicas now, not {arguments.present}.",
                field="parameters.from",
            )
        if wanted == present:
            raise Invalid(
                f"parameters.replicas: {service.name} has {present} replicas already.", field="parameters.replicas"
            )
        after = service.evolve(replicas=_grown(service, wanted) if wanted > present else _shrunk(service, wanted))
        serves = len(after.ready()) == wanted
        return Change(
            service=after,
            detail=f"{service.name} goes from {present} to {wanted} replicas.",
            answer={
                "state": "done" if serves else "running",
                "replicas": wanted,
                "from": present,
                **foreseen(service, after),
            },
            in_force=serves,
        )


def _grown(service: Service, wanted: int) -> tuple[Replica, ...]:
    names = {replica.name for replica in service.replicas}
    free = (f"r{number}" for number in count(1) if f"r{number}" not in names)
    serving = [replica for replica in service.replicas if replica.weight > 0] or list(service.replicas)
    share = sum(replica.weight for replica in serving) / len(serving)
    added = tuple(
        Replica(
            name=name,
            weight=share,
            capacity_rps=median(replica.capacity_rps for replica in serving),
            idle_ms=median(replica.idle_ms for replica in serving),
            ready_at=service.live.now + service.live.boot if service.live else 0,
        )
        for name in islice(free, wanted - len(service.replicas))
    )
    replicas = (*service.replicas, *added)
    return shared(replicas, {replica.name: replica.weight for replica in replicas})


def _shrunk(service: Service, wanted: int) -> tuple[Replica, ...]:
    replicas = service.replicas[:wanted]
    return shared(replicas, {replica.name: replica.weight for replica in replicas})
