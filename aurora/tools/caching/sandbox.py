"""cache in the pretend world."""

from aurora.domain import Action
from aurora.errors import Invalid
from aurora.sandbox import World, queueing
from aurora.sandbox.effects import Change, foreseen
from aurora.sandbox.service import Service
from aurora.tools.caching import KIND, CacheArguments
from aurora.tools.sandbox import SandboxChange


class SandboxCache(SandboxChange[CacheArguments]):
    """Turns the response cache of a sandbox service on or off, or changes how long it remembers."""

    def __init__(self, world: World) -> None:
        super().__init__(world, KIND, "Set the cache as it is now.")

    def change(self, service: Service, action: Action, arguments: CacheArguments) -> Change:  # noqa: ARG002
        """Return the service with its cache set."""
        after = service.evolve(
            cache_enabled=arguments.enabled, cache_ttl_seconds=arguments.ttl_seconds if arguments.enabled else None
        )
        if after == service:
            raise Invalid("parameters: the cache is set like this already.", field="parameters")
        state = f"on for {arguments.ttl_seconds:g} seconds" if arguments.enabled else "off"
        hits = "" if service.live else f" and answers {queueing.hit_share(after):.0%} of requests"
        return Change(
            service=after,
            detail=f"The cache of {service.name} is {state}{hits}.",
            answer={
                "state": "done",
                "enabled": after.cache_enabled,
                "ttl_seconds": after.cache_ttl_seconds,
                **({} if service.live else {"hit_share": round(queueing.hit_share(after), 4)}),
                **foreseen(service, after),
            },
        )
