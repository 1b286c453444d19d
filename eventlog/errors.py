"""What can go wrong between a service and the log; the server's codes are mapped here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.js.errors import APIError


class LogError(Exception):
    """The log did not take, or could not give, what was asked of it."""


class Conflict(LogError):
    """The expected sequence no longer holds: somebody else wrote first. Nothing of ours is in doubt."""


class Taken(Conflict):
    """A command comes under the id of another one, which was carried out."""


class Unavailable(LogError):
    """The server cannot be reached, did not answer in time, or has no room: whether it wrote is not known."""


class Moved(Unavailable):
    """The service has let go of its log, or stops: whoever is active next knows what was done, by its id."""


class Declined(Unavailable):
    """The server answered that it cannot store now (no room, no leader); what it declined was not written."""


class Full(Declined):
    """There is no room; nothing was written. `limit` says what is used up: of the stream, or the server's store."""

    def __init__(self, description: str, limit: Literal["messages", "bytes", "store"]) -> None:
        super().__init__(description)
        self.limit = limit


class Denied(LogError):
    """The server does not permit it; it was not written."""


class Crowded(LogError):
    """A service has as much in hand as it is allowed to have."""


class TooLarge(LogError):
    """A message is larger than the server or the stream takes; it was not written."""


class NoStream(LogError):
    """There is no such stream: the centre does not exist (yet, or any more)."""


class Corrupt(LogError):
    """The log contradicts itself: a gap in versions, a position that runs backwards, a broken decision."""


_CONFLICT = {10071, 10164}
_TOO_LARGE = {10054}
_NO_STREAM = {10059}
_STORE_FULL = {10023, 10028, 10047}
BUSY = {10210}  # too many batches open on the stream: the same batch may be tried again


def of_code(code: int, description: str) -> LogError:
    """The error for a JetStream API code."""
    if code in _CONFLICT:
        return Conflict(description)
    if code in _TOO_LARGE:
        return TooLarge(description)
    if code in _NO_STREAM:
        return NoStream(description)
    if code in _STORE_FULL:
        return Full(f"the server has no room left in its store: {description} (code {code})", "store")
    if description == "maximum messages exceeded":
        return Full(f"the stream is full: {description} (code {code})", "messages")
    if description == "maximum bytes exceeded":
        return Full(f"the stream is full: {description} (code {code})", "bytes")
    return Declined(f"{description} (code {code})")


def of_answer(answer: Mapping[str, Any]) -> LogError | None:
    """The error that the JetStream API has answered, None if it has done what was asked."""
    error = answer.get("error")
    return of_code(error.get("err_code", 0), error.get("description", "")) if error else None


def check(answer: Mapping[str, Any]) -> None:
    """Raise the error that the JetStream API has answered, if any."""
    if error := of_answer(answer):
        raise error


def of(error: Exception) -> LogError:
    """The error for anything that nats-py raises, time-outs and closed connections included."""
    if isinstance(error, LogError):
        return error
    if isinstance(error, APIError):
        return of_code(error.err_code or error.code or 0, error.description or str(error))
    if isinstance(error, NoRespondersError):
        return NoStream("nobody listens on that subject: no such stream, or JetStream is off")
    if isinstance(error, MaxPayloadError):
        return TooLarge("the message is larger than the server's max_payload")
    if isinstance(error, NatsError) and "permissions violation" in str(error).lower():
        return Denied(f"the server does not permit it: {error}")
    if isinstance(error, NatsError | TimeoutError | OSError):
        return Unavailable(f"{type(error).__name__}: {error}".rstrip(": "))
    raise error
