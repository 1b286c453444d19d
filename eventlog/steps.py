"""Steps of the loop: decide on what was gathered, with patience where that fails, commit as a prefix, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from eventlog import errors
from eventlog.codec import Malformed, Message
from eventlog.core import Core
from eventlog.decider import Arrival
from eventlog.faults import Broken, Fault, Patience
from eventlog.inputs import Asked, Input
from eventlog.memory import TERM
from eventlog.place import Place
from eventlog.stream import MAX_BATCH, Raw, Stream

W = TypeVar("W")
_ALL = 2**62


@dataclass(slots=True)
class _Out:
    """What was decided and is not stored yet, who waits for it, and the facts it was decided on by their position."""

    originals: dict[int, Raw]
    messages: list[Message] = field(default_factory=list)
    answers: list[tuple[Asked, Message | Exception]] = field(default_factory=list)


class Steps(Generic[W]):
    """What an active instance does with its inputs, under its term; `committed` is the position last stored.

    `patience` outlives it: it knows what was given up on, and what a memory was broken by.
    """

    def __init__(
        self,
        core: Core[W],
        log: Stream,
        inbox: Stream,
        place: Place,
        term: int,
        patience: Patience,
        report: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self.core, self.term, self.committed = core, term, core.own
        self._log, self._inbox, self._place = log, inbox, place
        self._patience, self._report = patience, report

    async def take(self, inputs: Sequence[Input], timers: Iterator[Arrival]) -> None:
        """Decide on everything gathered and on the timers due, commit, and answer."""
        facts = {raw.seq: raw for arrival, raw, _ in inputs if raw and arrival.kind == "fact"}
        out = _Out(facts)
        for arrival, raw, asked in inputs:
            if arrival.kind == "event" and not arrival.aggregate and raw:
                self.core.log = raw.seq
            elif asked is None:
                await self._decide(arrival, out)
            else:
                self._carry_out(asked, arrival, out)
        for timer in timers:
            await self._decide(timer, out)
        await self._store(out)

    def _carry_out(self, asked: Asked, command: Arrival, out: _Out) -> None:
        try:
            decided = self.core.handle(command)
        except Broken as broken:
            asked.answer.set_exception(broken)
            raise
        except Exception as refusal:  # noqa: BLE001  told to whoever asked
            out.answers.append((asked, refusal))
            return
        out.messages += decided
        known = self.core.commands.get(f"{command.message.source} {command.message.id}")
        nothing = errors.Conflict(f"{command.message.name}: nothing was left to do")
        out.answers.append((asked, decided[0] if decided else known or nothing))

    async def _decide(self, arrival: Arrival, out: _Out) -> None:
        """Decide; what cannot be handled is tried again for a while, when what came before is stored, and set aside."""
        fault = self._patience.condemned.pop(arrival.identity, None) if self._patience.condemned else None
        try:
            try:
                out.messages += self.core.handle(arrival, fault)
            except Fault as met:
                decided = await self._insist(arrival, met, out)  # in which `out` is stored and emptied
                out.messages += decided
        except Broken as broken:  # met again by the next session, it is set aside at once
            self._patience.condemned[arrival.identity] = Fault(broken.__cause__)
            raise

    async def _insist(self, arrival: Arrival, fault: Fault, out: _Out) -> list[Message]:
        attempts = fault.attempts
        unreadable = isinstance(fault.error, Malformed)  # and stays so
        for wait in () if unreadable else self._patience.waits(fault.reason):
            if wait:
                await self._store(out)
                await asyncio.sleep(wait)
            try:
                return self.core.handle(arrival)
            except Fault as again:
                fault, attempts = again, attempts + 1
        fault.attempts = attempts
        about = {"kind": arrival.kind, "about": arrival.aggregate, "position": arrival.message.seq}
        self._report("input.set_aside", {**about, "reason": fault.reason, "attempts": attempts})
        return self.core.handle(arrival, fault)

    async def _store(self, out: _Out) -> None:
        """Keep the originals of what was refused or set aside, commit, and answer."""
        core, kept_under = self.core, self._place.kept
        kept = (
            self._inbox.keep(f"{kept_under}.{refused.message.seq}", original)
            for refused, _ in core.refused  # what waited was kept when it came
            if refused.kind == "fact" and (original := out.originals.get(refused.message.seq))
            if core.secrecy.keeps_original(refused.aggregate)
        )
        await asyncio.gather(*kept)
        core.refused.clear()
        sequences = await self.commit(out.messages)
        for position in core.accepted:  # what was kept while it waited
            for part in ("", ".headers"):
                await self._inbox.purge(f"{kept_under}.{position}{part}", _ALL)
        core.accepted.clear()
        if not sequences and any(isinstance(outcome, Exception) for _, outcome in out.answers):
            await self._still_ours()  # what is stored proves it; of a refusal nothing is
        for asked, outcome in out.answers:
            if asked.answer.done():
                continue
            if isinstance(outcome, Exception):
                asked.answer.set_exception(outcome)
            else:
                asked.answer.set_result(outcome._replace(seq=outcome.seq or sequences[outcome.id]))
        out.messages, out.answers = [], []

    async def _still_ours(self) -> None:
        """errors.Conflict where another instance has taken the term: it may know what this one does not."""
        last = await self._log.last(self._place.subject(TERM))
        if last is None or last.seq != self.term:
            raise errors.Conflict(f"the term at {self.term} was followed by another")

    async def commit(self, messages: Sequence[Message]) -> dict[str, int]:
        """Store events under the term, and return their positions by their ids."""
        if not messages:
            return {}
        sequences: dict[str, int] = {}
        whole = self.core.secrecy.whole
        for part in decisions(messages) if whole else [messages]:
            seqs = await self._log.append(
                [(self._place.subject(m.aggregate), m) for m in part],
                fence=(self._place.subject(TERM), self.term),
                atomic=whole,
            )
            self.core.stored(part, seqs)
            self.committed = seqs[-1]
            sequences |= {message.id: seq for message, seq in zip(part, seqs, strict=True)}
        return sequences


def decisions(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Parts of what was decided that a batch holds, none of which ends within a decision."""
    start = 0
    while start < len(messages):
        end = min(start + MAX_BATCH, len(messages))
        while end < len(messages) and end > start + 1 and messages[end].place[0] > 1:
            end -= 1
        yield messages[start:end]
        start = end
