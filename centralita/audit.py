"""The audit of a log: one pass over every message, in order, that looks for what was changed, removed or moved."""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from centralita.lines import deadline_of
from contracts import registry
from eventlog.chain import link
from eventlog.codec import CHAIN, Malformed, Message
from eventlog.memory import TERM
from eventlog.stream import Raw

WRITERS = (*registry.SERVICES, registry.CENTRE)


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who knows what stood at a position: a link of this writer, or the id of the message."""

    who: str
    position: int
    writer: str = ""
    chain: str = ""
    id: str = ""


@dataclass(slots=True)
class _Writer:
    """Where a writer stands: its links by now (two behind a break, as either may be the one that was changed)."""

    position: int = 0
    heads: tuple[str, ...] = ("",)
    inbox: int = 0
    log: int = 0
    events: int = 0
    unlinked: list[int] = field(default_factory=list)


class Audit:
    """What is wrong with the log of a centre, in words, as far as the log and `witnesses` show it.

    Holds 8 bytes for each message, and some 100 for each aggregate and deadline.
    """

    def __init__(self, centre: str, witnesses: Iterable[Witness] = ()) -> None:
        self.centre = centre
        self.wrong: list[str] = []
        self.position = 0
        self.writers = {name: _Writer() for name in WRITERS}
        self._witnesses: defaultdict[int, list[Witness]] = defaultdict(list)
        for witness in witnesses:
            self._witnesses[witness.position].append(witness)
        self._prefix = registry.log_subject(centre, "", "")[:-1]
        self._ids = array("q")
        self._versions: dict[int, int] = {}
        self._deadlines: set[int] = set()
        self._centre: tuple[list[int], list[tuple[str, ...]]] = [], []

    def take(self, part: Sequence[Raw]) -> None:
        """Look at the next messages."""
        for raw in part:
            self._missing(raw.seq - 1)
            self.position = raw.seq
            self._look(raw)

    def end(self, last: int) -> None:
        """The log's last sequence is this one, and nothing more can be read."""
        self._missing(last)
        for position in sorted(self._witnesses):
            for witness in self._witnesses[position] if position else ():
                what = f"which is missing: the log ends at {last}" if position > last else "which is missing"
                self.wrong.append(f"{witness.who} knows a message at {position}, {what}")
        for name, writer in self.writers.items():
            self._unlinked(name, writer)

    @property
    def heads(self) -> dict[str, dict[str, Any]]:
        """The last position and link of each writer."""
        return {
            name: {"position": writer.position, "chain": writer.heads[0]}
            for name, writer in self.writers.items()
            if writer.position
        }

    def _missing(self, until: int) -> None:
        first = self.position + 1
        if until >= first:
            which = f"message {first} is" if until == first else f"messages {first} to {until} are"
            self.wrong.append(f"{which} missing or cannot be read from the server's store")
            self._ids.extend([0] * (until - first + 1))
            self.position = until

    def _look(self, raw: Raw) -> None:
        service, _, aggregate = raw.subject.removeprefix(self._prefix).partition(".")
        writer = self.writers.get(service)
        try:
            message = raw.message()
        except Malformed as malformed:
            message = Message(aggregate, "message", raw.data, "", "", seq=raw.seq)
            self._say(raw.seq, "message", f"cannot be read: {malformed}")
        self._ids.append(hash(message.id))
        if writer:
            writer.position = raw.seq
            if aggregate == TERM:
                self._term(service, writer, raw)
            else:
                self._event(service, writer, raw, message)
            if message.source:
                self._named(service, aggregate, raw, message)
        self._ask(service, writer, raw, message)

    def _say(self, seq: int, name: str, what: str) -> None:
        self.wrong.append(f"{name} at {seq}: {what}")

    def _named(self, service: str, aggregate: str, raw: Raw, message: Message) -> None:
        expected = {"ce-source": registry.source(self.centre, service), "ce-subject": aggregate}
        for header, value in expected.items():
            found = message.source if header == "ce-source" else raw.headers.get(header, "")
            if found != value:
                self._say(
                    raw.seq, message.name, f"{header}: expected {value} as in its subject, found {found}"
                )

    # the chain

    def _term(self, service: str, writer: _Writer, raw: Raw) -> None:
        """A term stands in the chain, but is linked to what whoever took it had read by then."""
        anchor = anchor_of(raw)
        before = (anchor["chain"],) if anchor else writer.heads
        self._linked(service, writer, raw, [link(head, raw.headers, raw.data) for head in before])
        writer.heads = tuple(link(head, raw.headers, raw.data) for head in writer.heads)

    def _event(self, service: str, writer: _Writer, raw: Raw, message: Message) -> None:
        writer.events += 1
        if message.id:
            self._placed(service, writer, message)
        positions, links = self._centre
        read = bisect_right(positions, message.log)
        beside = links[read - 1] if read and service != registry.CENTRE else ("",)
        expected = [link(head, raw.headers, raw.data, other) for head in writer.heads for other in beside]
        found = raw.headers.get(CHAIN, "")
        self._linked(service, writer, raw, expected)
        writer.heads = (found,) if not found or found in expected else (found, expected[0])
        if service == registry.CENTRE:
            positions.append(raw.seq)
            links.append(writer.heads)

    def _linked(self, service: str, writer: _Writer, raw: Raw, expected: Sequence[str]) -> None:
        found = raw.headers.get(CHAIN, "")
        if not found:
            writer.unlinked.append(raw.seq)
            return
        self._unlinked(service, writer)
        if found not in expected:
            why = f"breaks the chain of {service}: it, or what {service} recorded before, is not as it was written"
            self._say(raw.seq, raw.name or "message", why)

    def _unlinked(self, service: str, writer: _Writer) -> None:
        if found := writer.unlinked:
            which = f"at {found[0]}" if len(found) == 1 else f"from {found[0]} to {found[-1]} ({len(found)})"
            self.wrong.append(f"{service}: messages without {CHAIN} {which}")
            writer.unlinked = []

    # what an event says of itself

    def _placed(self, service: str, writer: _Writer, message: Message) -> None:
        key = hash((service, message.aggregate))
        expected = self._versions.get(key, 0) + 1
        if message.sequence != expected:
            found = f"is version {message.sequence} of {message.aggregate}, expected {expected}"
            self._say(message.seq, message.name, found)
        self._versions[key] = message.sequence
        if message.log >= message.seq:
            self._say(message.seq, message.name, f"says that its writer had read up to {message.log}")
        if message.inbox < writer.inbox or message.log < writer.log:
            self._say(
                message.seq, message.name, "was written from an earlier position than the one before it"
            )
        writer.inbox, writer.log = max(writer.inbox, message.inbox), max(writer.log, message.log)
        if message.name == "deadline.set":
            try:
                self._deadlines.add(hash(f"{message.aggregate}.{json.loads(message.data)['deadline']}"))
            except (ValueError, KeyError, TypeError):
                self._say(message.seq, message.name, "its data names no deadline")
        elif message.cause and not message.cause_source and not _of_fact(message):
            self._caused(message)

    def _caused(self, message: Message) -> None:
        """The cause is the event that its writer had just read, or a timer of a deadline."""
        read = message.log
        if 0 < read < message.seq and self._ids[read - 1] == hash(message.cause):
            return
        if hash(deadline_of(message.cause)) not in self._deadlines:
            self._say(message.seq, message.name, f"its cause {message.cause} is not in the log before it")

    # what others know

    def _ask(self, service: str, writer: _Writer | None, raw: Raw, message: Message) -> None:
        for witness in self._witnesses.pop(message.seq, ()):
            # of a term either may have been noted: the link it carries, or that of its place in the chain
            heads = (writer.heads[0], raw.headers.get(CHAIN)) if writer and service == witness.writer else ()
            agrees = witness.id == message.id if witness.id else witness.chain in heads
            if not agrees:
                self._say(message.seq, message.name or "message", f"is not what {witness.who} knows there")


def anchor_of(raw: Raw) -> dict[str, Any] | None:
    """What a term says of the chain behind which it was taken; None if it says nothing."""
    try:
        found = json.loads(raw.data)
        return {"position": int(found["position"]), "chain": str(found["chain"])}
    except (ValueError, KeyError, TypeError):
        return None


def _of_fact(message: Message) -> bool:
    """Whether an event says what became of a fact that led to nothing: its cause lay in the inbox."""
    if not message.name.startswith("deadletter."):
        return message.name == "fact.rejected"
    try:
        return bool(json.loads(message.data)["kind"] == "fact")
    except (ValueError, KeyError, TypeError):
        return False
