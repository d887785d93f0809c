"""Reading a value from outside: what is wrong with it is said by the path of each field."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aurora.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], value: Any, at: str = "") -> Model:
    """Return `value` as a `model`; raise `Invalid` whose context `errors` names each field, under the path `at`."""
    if isinstance(value, model):
        return value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [
            {"field": _path(at, one["loc"]), "message": one["msg"]}
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise Invalid("; ".join(f"{one['field']}: {one['message']}" for one in errors), errors=errors) from error


def _path(at: str, loc: tuple[int | str, ...]) -> str:
    return ".".join([*([at] if at else []), *map(str, loc)]) or "body"
