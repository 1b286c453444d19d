"""What the HTTP door takes and gives beside facts, events, commands and queries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from contracts.base import Data, Id, Name


class Centres(Data):
    """The centres that are open, by name."""

    centres: tuple[str, ...]


class Opening(Data):
    """How a centre is opened: by the name of a protocol that ships, or by a whole one."""

    protocol: Name | dict[str, Any] = "plain"
    clock: Literal["real", "virtual"] = "real"
    replicas: int = Field(default=1, ge=1, le=5)
    max_waiting: int | None = Field(default=None, ge=1)
    max_bytes: int | None = Field(default=None, ge=1_000_000)


class InForce(Data):
    """The protocol by which a centre works."""

    name: Name
    version: int = Field(ge=1)


class Published(Data):
    """The protocol that a centre works by from this position of its log on."""

    name: Name
    version: int = Field(ge=1)
    position: int = Field(ge=1)


class Centre(Data):
    """How a centre stands: `position` is the log's last, `facts` are in its inbox, of at most `max_waiting`."""

    centre: Name
    clock: Literal["real", "virtual"]
    protocol: InForce
    position: int = Field(ge=0)
    facts: int = Field(ge=0)
    max_waiting: int


class AcceptedFact(Data):
    """A fact that is on disk, at this position of the inbox."""

    id: str
    source: str
    position: int = Field(ge=1)


class Accepted(Data):
    """The facts of a request, in its order: all are on disk and will be decided on."""

    accepted: tuple[AcceptedFact, ...]


class LogQuery(Data):
    """What of a log is read: after a position, up to one, of some services, about one call or other thing."""

    after: int = Field(default=0, ge=0, le=2**63 - 1)
    until: int | None = Field(default=None, ge=0, le=2**63 - 1)
    service: tuple[Literal["intake", "routing", "tickets", "sla", "centre"], ...] = ()
    about: Id | None = None


class SettledQuery(Data):
    """How many seconds to wait until all is settled."""

    timeout: float = Field(default=5.0, ge=0, le=60, allow_inf_nan=False)


class Settled(Data):
    """The log's last position, with nothing left to decide, due or unread."""

    position: int = Field(ge=0)
