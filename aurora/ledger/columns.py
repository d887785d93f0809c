"""Column types that behave alike on SQLite and PostgreSQL, and the text that both can store."""

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError
from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text, TypeDecorator

from aurora.errors import Invalid

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A growing row number; SQLite numbers rows by itself only where the type is INTEGER."""


class Utc(TypeDecorator[datetime]):
    """A time with its offset, given back in UTC also by SQLite, which keeps none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a time without an offset: nobody can say when that is."""
        if value is not None and value.tzinfo is None:
            raise TypeError("a time needs its offset")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the time back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Key(TypeDecorator[str]):
    """A name or an id: compared byte by byte, ordered alike on both databases, never altered."""

    impl = String().with_variant(String(collation="C"), "postgresql")
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Refuse what no database here can hold: altered, it would be another name."""
        if value is not None and value != storable(value):
            raise Invalid("A name or an id must not hold NUL or lone surrogates.")
        return value


class Prose(TypeDecorator[str]):
    """Words for people; what cannot be stored becomes the replacement character rather than an error."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Make the text storable."""
        return None if value is None else storable(value)


class AsJson(TypeDecorator[Any]):
    """A domain value, or plain lists and dicts of `kind`, kept as JSON text and validated when read.

    With `only_set` it keeps no default: what nobody set is whatever its default is on the day it is read.
    """

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any, *, only_set: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.only_set = only_set
        self._adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def process_bind_param(self, value: Any, _dialect: Dialect) -> str | None:
        """Write the JSON."""
        return None if value is None else to_json(value, self._adapter, only_set=self.only_set)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> Any:
        """Read the value back."""
        return None if value is None else self._adapter.validate_json(value)


ANYTHING: TypeAdapter[Any] = TypeAdapter(Any)


def to_json(value: Any, adapter: TypeAdapter[Any] = ANYTHING, *, only_set: bool = False) -> str:
    """Return `value` as JSON; lone surrogates, which no JSON reader accepts, become the replacement character."""
    try:
        return adapter.dump_json(value, exclude_unset=only_set).decode()
    except PydanticSerializationError:
        plain = adapter.dump_python(value, mode="json", exclude_unset=only_set)
        return storable(json.dumps(plain, ensure_ascii=False))


def storable(text: str) -> str:
    """Return `text` with NUL and lone surrogates replaced; anything else stays as it is."""
    if "\x00" in text:
        text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
