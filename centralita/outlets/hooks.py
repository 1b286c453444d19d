"""Subscriptions of a centre: where chosen events are sent, and what of them was set aside."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from os import urandom
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from nats.js.errors import KeyNotFoundError
from pydantic import BaseModel, ConfigDict

from centralita.outlets.place import Bucket, Lost, Slot
from contracts import registry
from contracts.events import KeyKept
from eventlog.codec import Message, timestamp

__all__ = ["MOST", "Hook", "Hooks", "Letter", "hook_of"]

KEY = registry.name_of_type(KeyKept)
MOST = 50
"""How many subscriptions a centre may have."""
LETTERS = 10_000
"""How many events of one subscription may be set aside: then it is disabled, and nothing more is read for it."""


class Hook(BaseModel):
    """A subscription; `after` is the position of the log behind which it begins, `disabled` why nothing is sent."""

    model_config = ConfigDict(frozen=True)

    id: str
    url: str
    types: tuple[str, ...]
    secret: str
    after: int
    disabled: str = ""

    def wants(self, name: str) -> bool:
        """Whether events of this type are sent; keys of what is sealed never are."""
        return name != KEY and any(fnmatchcase(name, pattern) for pattern in self.types)


class Letter(BaseModel):
    """An event that could not be delivered: where it stands in the log, and what the last attempt came to."""

    position: int
    event: str
    type: str
    about: str
    attempts: int
    reason: str
    at: str


def hook_of(url: str, types: Iterable[str], after: int, secret: str = "") -> Hook:
    """A new subscription, with a secret of its own unless one is given; ValueError says what is wrong."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is what judges it
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    if not url.isprintable():
        raise ValueError(f"url: expected no control characters, found {url!r}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url: expected http:// or https:// and a host, found {url!r}")
    if parts.username or parts.password:
        raise ValueError("url: expected no user and password; the signature says who sends")
    chosen = tuple(dict.fromkeys(types))
    known = registry.recorded_types()
    for pattern in chosen:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ValueError(f"type: no event is called {pattern!r}; the contract lists them")
    if not chosen:
        raise ValueError("type: expected at least one, such as deadline.breached or 'ticket.*'")
    secret = secret or "whsec_" + b64encode(urandom(32)).decode()
    if not _good(secret):
        raise ValueError("secret: expected whsec_ and 24 to 64 bytes in base64")
    return Hook(id=f"wh-{uuid4().hex[:8]}", url=url, types=chosen, secret=secret, after=after)


def _good(secret: str) -> bool:
    try:
        return (
            re.match("whsec_", secret) is not None and 24 <= len(b64decode(secret[6:], validate=True)) <= 64
        )
    except ValueError:
        return False


class Hooks:
    """The subscriptions in a centre's bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    async def all(self) -> dict[str, Hook]:
        """All of them, by id."""
        return _read(await Slot(self.bucket, "hooks").read())

    async def change(self, how: Callable[[dict[str, Hook]], None]) -> None:
        """Change them, again where somebody else did meanwhile."""
        while True:
            slot = Slot(self.bucket, "hooks")
            found = _read(await slot.read())
            how(found)
            try:
                return await slot.write({"hooks": [hook.model_dump() for hook in found.values()]})
            except Lost:
                continue

    async def disable(self, id: str, reason: str) -> None:
        """Send nothing more there; without a reason: again, from where it was."""

        def how(found: dict[str, Hook]) -> None:
            if id in found:
                found[id] = found[id].model_copy(update={"disabled": reason})

        await self.change(how)

    async def remove(self, id: str) -> None:
        """Remove one, with all that was set aside of it."""

        def how(found: dict[str, Hook]) -> None:
            found.pop(id, None)

        await self.change(how)
        await self.bucket.forget(f"letter.{id}.>")
        await self.bucket.forget(f"at.{id}")

    def slot(self, hook: Hook) -> Slot:
        """Where is kept how far one is."""
        return Slot(self.bucket, f"at.{hook.id}")

    async def set_aside(self, hook: Hook, message: Message, attempts: int, reason: str) -> None:
        """Keep that an event was given up; the event itself stays in the log. Too many disable the subscription."""
        now = timestamp(datetime.now(UTC))
        letter = Letter(
            position=message.seq, event=message.id, type=message.name, about=message.aggregate,
            attempts=attempts, reason=reason, at=now,
        )  # fmt: skip
        await self.bucket.kv.put(f"letter.{hook.id}.{message.seq}", letter.model_dump_json().encode())
        if len(await self.positions(hook.id)) >= LETTERS:
            await self.disable(hook.id, f"{LETTERS} events are set aside")

    async def positions(self, id: str) -> list[int]:
        """Where in the log stands what was set aside of one."""
        return sorted(map(int, await self.bucket.keys(f"letter.{id}.")))

    async def letter(self, id: str, position: int) -> Letter | None:
        """What was set aside of one at a position."""
        try:
            entry = await self.bucket.kv.get(f"letter.{id}.{position}")
        except KeyNotFoundError:
            return None
        return Letter.model_validate_json(entry.value or b"")

    async def delivered(self, id: str, position: int) -> None:
        """What was set aside has reached its endpoint after all."""
        await self.bucket.forget(f"letter.{id}.{position}")


def _read(stored: Mapping[str, Any] | None) -> dict[str, Hook]:
    found = (Hook.model_validate(hook) for hook in (stored or {}).get("hooks", []))
    return {hook.id: hook for hook in found}
