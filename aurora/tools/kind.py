"""What all backends of one kind of tool have in common: actions, parameters, and what they do to the world."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from aurora.domain import Action, Step
from aurora.errors import Invalid
from aurora.ports import Effect


class Arguments(BaseModel):
    """The parameters of an action. Strict: nothing is converted, nothing unknown is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


A_co = TypeVar("A_co", bound=Arguments, covariant=True)


@dataclass(frozen=True)
class Kind(Generic[A_co]):
    """One kind of tool."""

    name: str
    actions: frozenset[Action]
    arguments: type[A_co]
    effect: Effect

    def schemas(self) -> dict[Action, type[BaseModel]]:
        """Return the schema of each action's parameters."""
        return dict.fromkeys(self.actions, self.arguments)

    def parsed(self, step: Step) -> A_co:
        """Return the parameters of `step`. Raises `Invalid` naming the field that is wrong."""
        if step.action not in self.actions:
            raise Invalid(f"action: {step.action} is not something that {self.name} does.", field="action")
        try:
            return self.arguments.model_validate(step.parameters)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            field = _path(step.parameters, first["loc"])
            raise Invalid(f"{field}: {first['msg']}.", field=field) from error


def _path(parameters: dict[str, Any], where: tuple[int | str, ...]) -> str:
    """Return the path of what is wrong, as far as it leads through what was given; pydantic's goes on into types."""
    path, value = ["parameters"], parameters
    for part in map(str, where):
        path.append(part)
        inner = value.get(part)
        if not isinstance(inner, dict):
            break
        value = inner
    return ".".join(path)
