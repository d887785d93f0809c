"""route in the pretend world."""

from aurora.domain import Action
from aurora.errors import Invalid
from aurora.sandbox import World
from aurora.sandbox.effects import Change, Work, foreseen
from aurora.sandbox.service import Service, shared
from aurora.tools.routing import KIND, RouteArguments
from aurora.tools.sandbox import SandboxChange


class SandboxRouter(SandboxChange[RouteArguments]):
    """Moves the traffic of a sandbox service between its replicas, or to another of its versions.

    Both take hold at once. After a change of an adopted service's version the result stays `running` until the training
    process has compared both versions on the newest labelled rows; what a live service answers shows by itself.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world, KIND, "Send the traffic where it goes now.")

    def change(self, service: Service, action: Action, arguments: RouteArguments) -> Change:  # noqa: ARG002
        """Return the service with its traffic moved."""
        if arguments.to_version is not None:
            return _to_version(service, arguments.to_version)
        return _by_weights(service, arguments.weights or {})


def _by_weights(service: Service, weights: dict[str, float]) -> Change:
    names = {replica.name for replica in service.replicas}
    for name in weights:
        if name not in names:
            raise Invalid(
                f"parameters.weights.{name}: {service.name} has no such replica.", field=f"parameters.weights.{name}"
            )
    after = service.evolve(replicas=shared(service.replicas, weights))
    shares = after.serving().weights or {}
    if after == service:
        raise Invalid("parameters.weights: the traffic is spread like this already.", field="parameters.weights")
    return Change(
        service=after,
        detail=f"{service.name} spreads its traffic anew over {len(names)} replicas.",
        answer={"state": "done", "weights": shares, **foreseen(service, after)},
    )


def _to_version(service: Service, version: str) -> Change:
    if version not in service.versions:
        raise Invalid(
            f"parameters.to_version: {service.name} has no version {version!r}.", field="parameters.to_version"
        )
    if version == service.version:
        raise Invalid(f"parameters.to_version: version {version!r} serves already.", field="parameters.to_version")
    after = service.evolve(version=version, previous_version=service.version, canary=None)
    return Change(
        service=after,
        detail=f"All traffic of {service.name} goes to version {version} instead of {service.version}.",
        answer={
            "state": "done" if service.live else "running",
            "version": version,
            "from": service.version,
            **foreseen(service, after),
        },
        work=None if service.live else Work(kind="measure", version=version, serving=service.version),
    )
