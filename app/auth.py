"""Who is asking, and what they may ask for.

With no keys configured AURORA is open to whoever reaches its port, and everybody is `local`, unauthenticated. A browser
reaches the port on behalf of every page that it shows, so changes asked for by a foreign page are refused in any case.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from urllib.parse import urlsplit

from pydantic import SecretStr, TypeAdapter, ValidationError
from starlette.datastructures import Headers

from app.problems import Forbidden, Unauthenticated
from aurora.domain import Name
from aurora.errors import Misconfigured


class Role(IntEnum):
    """What a key may do; each role may do all that the ones before it may."""

    VIEWER = 1
    """Read."""
    OPERATOR = 2
    """Send telemetry, metrics, outcomes and memory; ask for analyses, undoing and chat."""
    APPROVER = 3
    """Settle approvals."""
    ADMIN = 4
    """Change settings and modes."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request."""

    owner: str
    role: Role
    authenticated: bool


LOCAL = Caller("local", Role.ADMIN, authenticated=False)
"""Everybody, while no keys are configured."""


class Keyring:
    """The configured keys. Entries read `owner:role:key`. Raises `Misconfigured` for an entry that does not."""

    def __init__(self, entries: Iterable[SecretStr]) -> None:
        self._callers: dict[bytes, Caller] = {}
        for number, entry in enumerate(entries, start=1):
            digest, caller = _entry(entry.get_secret_value(), number)
            if digest in self._callers:
                raise Misconfigured(f"AURORA_API_KEYS: entry {number} repeats the key of an earlier one.")
            self._callers[digest] = caller

    @property
    def open(self) -> bool:
        """Whether no keys are configured."""
        return not self._callers

    def admit(self, headers: Headers, role: Role) -> Caller:
        """Return who is asking. Raises `Unauthenticated` without a valid key, `Forbidden` with too low a role."""
        caller = LOCAL if self.open else self._caller(_key(headers))
        if caller.role < role:
            raise Forbidden(f"The role {caller.role.name.lower()} may not do this; {role.name.lower()} may.")
        return caller

    def _caller(self, key: str) -> Caller:
        digest = sha256(key.encode("utf-8", "surrogateescape")).digest()
        # Every entry is compared, in constant time, whichever matches.
        matching = [caller for known, caller in self._callers.items() if hmac.compare_digest(known, digest)]
        if not matching:
            raise Unauthenticated("The key is not known.")
        return matching[0]


def _entry(text: str, number: int) -> tuple[bytes, Caller]:
    words = ", ".join(role.name.lower() for role in Role)
    wrong = Misconfigured(f"AURORA_API_KEYS: entry {number} must read owner:role:key with a role of {words}.")
    parts = re.fullmatch(r"([^:]+):([a-z]+):([!-~]+)", text.strip())
    if parts is None or parts[2].upper() not in Role.__members__:
        raise wrong
    try:
        owner = TypeAdapter(Name).validate_python(parts[1])
    except ValidationError:
        raise wrong from None
    return sha256(parts[3].encode()).digest(), Caller(owner, Role[parts[2].upper()], authenticated=True)


def _key(headers: Headers) -> str:
    given = headers.getlist("x-api-key")
    for value in headers.getlist("authorization"):
        scheme, _, token = value.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("Authorization must be Bearer.")
        given.append(token.strip())
    if not given:
        raise Unauthenticated("Send it as Authorization: Bearer … or X-API-Key: ….")
    if len(given) > 1:
        raise Unauthenticated("Send one key only.")
    return given[0]


def refuse_foreign_page(headers: Headers, *, keys_required: bool) -> None:
    """Raise `Forbidden` where a browser sends the request for a page that is not served from here.

    Where no keys are required, a page under the host's own name is foreign too, unless that name is an address: a name
    can be made to point here by whoever owns it.
    """
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return
    page, host = _hostname(origin or ""), _hostname(f"//{headers.get('host', '')}")
    address = _address(page)
    if page == "localhost" or (address is not None and address.is_loopback):
        return
    if page and page == host and (keys_required or address is not None):
        return
    raise Forbidden("Pages of other sites may not send this.")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None
