"""The loop of a service in a centre: read from a position, decide purely, commit as a prefix, go on.

One task decides and commits. It writes under a term; whoever takes a newer one has replaced it, and nothing
of it can land any more. Whatever goes wrong, the session ends, and the next one recovers from the log.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import uuid4

from nats.aio.client import Client
from nats.errors import Error as NatsError

from eventlog import errors
from eventlog.beats import Beat, Heard
from eventlog.chain import linked
from eventlog.checkpoint import Checkpoint
from eventlog.codec import Malformed, Message, timestamp
from eventlog.core import TERM, Arrival, Core, Decider
from eventlog.faults import Broken, Fault, Patience
from eventlog.place import Pace, Place, event, read
from eventlog.recovery import Recovery
from eventlog.secrecy import OPEN, Secrecy
from eventlog.stream import MAX_BATCH, Raw, Settings, Stream

W = TypeVar("W")
T = TypeVar("T")


@dataclass(slots=True)
class _Asked:
    """A command or query that waits for the loop."""

    arrival: Arrival | None
    query: Callable[[Any], Any] | None
    position: int
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


_Input = tuple[Arrival, Raw | None, _Asked | None]


@dataclass(slots=True)
class _Out:
    """What was decided and is not stored yet, who waits for it, and the facts it was decided on by their position."""

    originals: dict[int, Raw]
    messages: list[Message] = field(default_factory=list)
    answers: list[tuple[_Asked, Message | Exception]] = field(default_factory=list)


_PASSED = Arrival("event", "", Message("", "", b"", "", ""))
"""A message of the log that says nothing to this service; only its position counts."""


_ALL = 2**62
_AT_ONCE = 0.25
"""Seconds after which the inbox of a discreet centre is trimmed."""
_MOST = 64 << 20
"""Bytes of messages that are read ahead of the decisions on them."""
_FAREWELL = 2.0
"""Seconds that closing a connection may take."""
_AHEAD = timedelta(minutes=1)
"""How far the clock of another host may be ahead; what claims more is not believed."""


class Replaced(Exception):
    """Another instance has taken the term."""


class Runner(Generic[W]):
    """One instance of a service in a centre, active or standing by."""

    def __init__(
        self,
        decider: Decider[W],
        place: Place,
        connect: Callable[[], Awaitable[Client]],
        *,
        settings: Settings | None = None,
        pace: Pace | None = None,
        checkpoint: Checkpoint | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        report: Callable[[str, dict[str, Any]], None] = lambda event, about: None,
        secrecy: Secrecy = OPEN,
        most_open: int = 0,
    ) -> None:
        self.decider, self.place, self.secrecy = decider, place, secrecy
        self._most_open = most_open
        self.pace = pace or Pace()
        self.instance = uuid4().hex[:12]
        self.state = "starting"
        self.failure = ""
        self.core: Core[W] = Core(decider, place.source, secrecy=secrecy)
        self.clock: datetime | None = None
        self.term = 0
        self.committed = 0
        self._connect, self._settings, self._now, self._report = connect, settings, now, report
        self._checkpoint = checkpoint
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._asked: deque[_Asked] = deque()
        self._in_hand: list[_Asked] = []
        self._waiting: list[_Asked] = []
        self._inbox: deque[Raw] = deque()
        self._log: deque[Raw] = deque()
        self._pumps: list[asyncio.Task[None]] = []
        self._pump_failure: BaseException | None = None
        self._last_stored: datetime | None = None
        self._inbox_checked = -1
        self._trimmed = 0
        self._reference = 0
        self._said: Beat | None = None
        self._patience = Patience(self.pace.again, self.pace.hold_up)
        self._condemned: dict[tuple[str, str, str, int], Fault] = {}
        self._told: set[str] = set()

    # from outside

    @property
    def active(self) -> bool:
        """Whether this instance decides (and answers)."""
        return self.state == "active"

    def stop(self) -> None:
        """Finish the commit in hand, give the term back and end `run`."""
        self._stopping.set()
        self._wake.set()

    async def command(self, arrival: Arrival) -> Message:
        """Decide on a command and wait until its event is stored; raises the refusal."""
        return await self._ask(_Asked(arrival, None, 0))  # type: ignore[no-any-return]

    async def query(self, answer: Callable[[W], T], position: int = 0) -> T:
        """Ask something of the world between two commits, once the log was read up to `position`."""
        return await self._ask(_Asked(None, answer, position))  # type: ignore[no-any-return]

    async def _ask(self, asked: _Asked) -> Any:
        if not self.active:
            raise errors.Moved(
                f"{self.place.service} of {self.place.centre} is not active here: {self.state}"
            )
        self._asked.append(asked)
        self._wake.set()
        return await asked.answer

    async def run(self) -> None:
        """Work until `stop`; a session that ends in trouble is followed by another, but on a corrupt log."""
        while not self._stopping.is_set():
            try:
                await self._session()
                continue
            except (Replaced, errors.Conflict) as reason:
                self._trouble("standby", reason)
            except errors.NoStream as reason:
                self._trouble("gone", reason)
            except (errors.Corrupt, Malformed) as reason:
                self._trouble("corrupt", reason)
                return
            except (errors.LogError, OSError, NatsError) as reason:
                self._trouble("unavailable", reason)
            except Exception as reason:  # noqa: BLE001  a fault of ours: shown, and tried again
                self._trouble("failed", reason)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self.pace.retry)
        self.state = "stopped"

    def _trouble(self, state: str, reason: Exception) -> None:
        self.state, self.failure = state, str(reason)
        why = f"{type(reason).__name__}: {reason}"
        if state == "failed" and self.secrecy.discreet:  # a fault may quote what it stumbled over
            why = self.failure = type(reason).__name__
        self._report("session.ended", {"state": state, "reason": why})

    async def _session(self) -> None:
        connection = await self._connect()
        try:
            self.log = Stream(connection, self.place.log_stream, self._settings)
            self.inbox = Stream(connection, self.place.inbox_stream, self._settings)
            place, upstream = self.place, self.decider.upstream
            self.heard = Heard(
                connection, place.beats, place.service, self.instance, upstream, self._time_passed
            )
            self._said = None
            self._inbox_checked, self._last_stored = -1, None
            await self._while_open(connection, self._serve())
        finally:
            if self.active:
                self.state = "unavailable"
            await end(*self._pumps)
            self._pumps, self._pump_failure = [], None
            self._inbox.clear()
            self._log.clear()
            self._give_up(
                errors.Moved(
                    "the service stops: ask again"
                    if self.state == "stopped"
                    else "the service has lost its log; nothing is known of this command"
                )
            )
            with suppress(TimeoutError):  # a server that is silent takes no farewell
                async with asyncio.timeout(_FAREWELL):
                    await connection.close()

    async def _while_open(self, connection: Client, work: Coroutine[Any, Any, None]) -> None:
        """Do this as long as the connection lasts; nobody waits for an answer that cannot come any more."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                if connection.is_closed:
                    raise errors.Unavailable("the connection to the server is lost")
                if self._stopping.is_set() and self.state not in ("active", "stopped"):
                    return  # nothing is in hand
                await asyncio.wait([task], timeout=0.05)
            task.result()
        finally:
            await end(task)

    async def _serve(self) -> None:
        if await self.log.closed():
            raise errors.NoStream(f"{self.place.log_stream} is being restored")
        await self.heard.start()
        self.core = Core(
            self.decider,
            self.place.source,
            self.pace.closed_kept,
            secrecy=self.secrecy,
            most_open=self._most_open,
        )
        if self._checkpoint:
            await self._checkpoint.load(self.core, self.log)
        self.recovery = Recovery(self.core, self.log, self.inbox, self.place)
        await self._stand_by()
        if self._stopping.is_set():
            return
        await self._recover()
        self.state, self.failure = "active", ""
        self._report("active", {"term": self.term, "position": self.core.own})
        self._told.clear()
        await self._work()

    def _give_up(self, reason: Exception) -> None:
        for asked in [*self._asked, *self._in_hand, *self._waiting]:
            if not asked.answer.done():
                asked.answer.set_exception(reason)
        self._asked.clear()
        self._in_hand.clear()
        self._waiting.clear()

    # standing by, taking over, recovering

    async def _stand_by(self) -> None:
        """Fold along until the active instance is silent, then take the term; ends with `self.term` ours."""
        seen, changed = -1, False
        while not self._stopping.is_set():
            await self.recovery.catch_up(await self.log.last_sequence())
            last = await self.log.last(self.place.subject(TERM))
            if last and not self._vacant(last):
                self.state = "standby"
                if last.seq != seen:  # whoever has just taken it lives, even if it was not heard yet
                    seen, changed = last.seq, seen >= 0
                    self.heard.own_lives()
                patient = changed or self.heard.own_heard
                patience = self.pace.silence if patient else self.pace.first_silence
                if self.heard.own_age() < patience:
                    await self.heard.own_silent(min(0.25, patience))
                    continue
            # whoever is being replaced may still write behind the anchor, until the term is taken
            anchor = {"instance": self.instance, "position": self.core.own, "chain": self.core.chain}
            term = Message(
                aggregate=TERM,
                name="term.taken",
                data=json.dumps(anchor).encode(),
                id=uuid4().hex,
                source=self.place.source,
                time=self._now(),
            )
            with suppress(errors.Conflict):
                expected = {self.place.subject(TERM): last.seq if last else 0}
                taken = linked(self.core.chain, term)
                (self.term,) = await self.log.append([(self.place.subject(TERM), taken)], expected=expected)
                return

    def _vacant(self, last: Raw) -> bool:
        """Whether nobody else holds the term: it was given back, or is that of a session of ours."""
        term = last.message()
        return term.name == "term.released" or json.loads(term.data).get("instance") == self.instance

    async def _recover(self) -> None:
        await self.recovery.catch_up(self.term)
        if missing := await self.recovery.complete():
            self._report("decision.completed", {"events": len(missing), "after": self.core.own})
            await self._commit(missing)
        self.committed = self.core.own

    def _tell_stopped(self) -> None:
        """Report each aggregate that has stopped, once."""
        stopped = self.decider.stopped(self.core.world)
        for aggregate in stopped.keys() - self._told if stopped else ():
            self._told.add(aggregate)
            self._report("aggregate.stopped", {"about": aggregate, "reason": stopped[aggregate]})

    # the active loop

    async def _work(self) -> None:
        last = await self.log.last(self.place.reference)
        self._reference = last.seq if last else 0
        self._pump(self.log.follow([self.place.log], self.core.log), self._log)
        if self.place.inbox:
            self._pump(self.inbox.follow(self.place.inbox, self.core.inbox), self._inbox)
        loop = asyncio.get_running_loop()
        beat_at, trimmed_at, checkpointed = 0.0, loop.time(), self.core.own
        while True:
            self._wake.clear()
            # facts wait until the centre's own messages are known: no decision is made without its protocol
            gathered = self._gather(ready=self.core.log >= self._reference)
            arrivals = await self._with_originals(gathered)
            await self.recovery.read_back(self.place.needed(arrival for arrival, _, _ in arrivals))
            self._tell_stopped()
            await self._step(arrivals)
            idle, due = not self._log and not self._inbox, loop.time() >= beat_at
            if due or (idle and (not arrivals or self._virtual)):
                await self._beat(again=due)
                beat_at = loop.time() + self.pace.beat if due else beat_at
            if loop.time() >= trimmed_at + self._trim_every:
                await self._trim()
                trimmed_at = loop.time()
            if self._checkpoint and self.core.own - checkpointed >= self.pace.checkpoint:
                checkpointed = self.core.own
                await self._save()
            if self._stopping.is_set():
                return await self._release()
            if self._pump_failure:
                raise self._pump_failure
            if self._log or self._inbox or self._asked or self._timer_due():
                await asyncio.sleep(0)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.pace.beat)

    def _pump(self, parts: AsyncIterator[list[Raw]], into: deque[Raw]) -> None:
        async def pump() -> None:
            try:
                async for part in parts:
                    into.extend(part)
                    self._wake.set()
                    while len(into) > self.pace.backlog or _bytes(into) > _MOST:  # noqa: ASYNC110  the loop is busy
                        await asyncio.sleep(0.005)
            except Exception as failure:  # noqa: BLE001  raised by the loop
                self._pump_failure = failure
                self._wake.set()

        self._pumps.append(asyncio.create_task(pump()))

    def _gather(self, ready: bool) -> list[_Input]:
        """What there is to decide on: events of the others, then (when `ready`) facts, then commands.

        At most `inputs` of the log and inbox in all; where both have so many, half from each.
        """
        gathered: list[_Input] = []
        heeds, own = self.decider.heeds, f"{self.place.own}."
        reference = self.place.reference.rstrip(">")
        facts = min(len(self._inbox), self.pace.inputs // 2) if ready else 0
        while self._log and len(gathered) < self.pace.inputs - facts:
            raw = self._log[0]
            name = raw.headers.get("ce-type", "")
            mine = raw.subject.startswith(own)
            if mine and raw.seq > self.term and raw.subject.endswith(f".{TERM}"):
                raise Replaced(f"the term at {self.term} was followed by one at {raw.seq}")
            if raw.subject.startswith(reference):
                if gathered:
                    return gathered  # what was decided before it is committed first
                self.core.refer(read(raw))
            elif name == self.decider.asks_again if mine else name in heeds:
                gathered.append((event(raw), raw, None))
                self._log.popleft()
                continue
            if not gathered:
                self.core.log = raw.seq
            elif gathered[-1][0].aggregate == "" and gathered[-1][1]:
                gathered[-1] = (_PASSED, raw, None)
            else:
                gathered.append((_PASSED, raw, None))
            self._log.popleft()
        while ready and self._inbox and len(gathered) < self.pace.inputs:
            raw = self._inbox.popleft()
            self._last_stored = raw.stored
            gathered.append((self.place.fact(raw), raw, None))
        while ready and self._asked:
            asked = self._asked.popleft()
            if asked.arrival:
                self._in_hand.append(asked)
                gathered.append((asked.arrival, None, asked))
            else:
                self._waiting.append(asked)
        return gathered

    async def _with_originals(self, arrivals: list[_Input]) -> list[_Input]:
        """The inputs, with the event in question where one of our own asks for it to be decided on again."""
        asking = {self.decider.asks_again}
        if not any(arrival.message.name in asking for arrival, _, _ in arrivals):
            return arrivals
        loaded = list[_Input]()
        for arrival, raw, asked in arrivals:
            again = await self.recovery.again(raw) if raw and arrival.message.name in asking else None
            loaded.append((again or arrival, raw, asked))
        return loaded

    async def _step(self, arrivals: Sequence[_Input]) -> None:
        """Decide on everything gathered and on the timers due, commit, and answer."""
        core = self.core
        out = _Out({raw.seq: raw for arrival, raw, _ in arrivals if raw and arrival.kind == "fact"})
        for arrival, raw, asked in arrivals:
            if arrival.kind == "event" and not arrival.aggregate and raw:
                core.log = raw.seq
            elif asked is None:
                await self._decide(arrival, out)
            else:
                self._carry_out(asked, arrival, out)
        for _ in range(self.pace.inputs):
            if not (timer := self._timer_due()):
                break
            await self._decide(timer, out)
        await self._store(out)
        self._in_hand.clear()
        self._answer_queries()

    def _carry_out(self, asked: _Asked, command: Arrival, out: _Out) -> None:
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
        out.answers.append((asked, decided[0] if decided else known or _nothing(command)))

    async def _decide(self, arrival: Arrival, out: _Out) -> None:
        """Decide; what cannot be handled is tried again for a while, when what came before is stored, and set aside."""
        fault = self._condemned.pop(arrival.identity, None) if self._condemned else None
        try:
            try:
                out.messages += self.core.handle(arrival, fault)
            except Fault as met:
                decided = await self._insist(arrival, met, out)  # in which `out` is stored and emptied
                out.messages += decided
        except Broken as broken:  # met again by the next session, it is set aside at once
            self._condemned[arrival.identity] = Fault(broken.__cause__)
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
        kept = (
            self.inbox.keep(f"{self.place.kept}.{refused.message.seq}", original)
            for refused, _ in self.core.refused  # what waited was kept when it came
            if refused.kind == "fact" and (original := out.originals.get(refused.message.seq))
            if self.secrecy.keeps_original(refused.aggregate)
        )
        await asyncio.gather(*kept)
        self.core.refused.clear()
        sequences = await self._commit(out.messages)
        for position in self.core.accepted:  # what was kept while it waited
            for part in ("", ".headers"):
                await self.inbox.purge(f"{self.place.kept}.{position}{part}", _ALL)
        self.core.accepted.clear()
        for asked, outcome in out.answers:
            if asked.answer.done():
                continue
            if isinstance(outcome, Exception):
                asked.answer.set_exception(outcome)
            else:
                asked.answer.set_result(outcome._replace(seq=outcome.seq or sequences[outcome.id]))
        out.messages, out.answers = [], []

    def _answer_queries(self) -> None:
        still: list[_Asked] = []
        for asked in self._waiting:
            if asked.answer.done():
                continue
            if asked.position > max(self.core.log, self.core.own):
                still.append(asked)
            elif asked.query:
                try:
                    asked.answer.set_result(asked.query(self.core.world))
                except Exception as failure:  # noqa: BLE001  told to whoever asked
                    asked.answer.set_exception(failure)
        self._waiting = still

    async def _commit(self, messages: Sequence[Message]) -> dict[str, int]:
        if not messages:
            return {}
        sequences: dict[str, int] = {}
        for part in decisions(messages) if self.secrecy.whole else [messages]:
            seqs = await self.log.append(
                [(self.place.subject(m.aggregate), m) for m in part],
                fence=(self.place.subject(TERM), self.term),
                atomic=self.secrecy.whole,
            )
            self.core.stored(part, seqs)
            self.committed = seqs[-1]
            sequences |= {message.id: seq for message, seq in zip(part, seqs, strict=True)}
        return sequences

    def _timer_due(self) -> Arrival | None:
        timer = self.core.due()
        return timer[1] if timer and self.clock and timer[0] <= self.clock else None

    # time, trimming, the end

    def _time_passed(self) -> None:
        """Pass a virtual time on at once, as nothing else may come; a real one goes on with the next beat."""
        if self._virtual:
            self._wake.set()

    @property
    def _virtual(self) -> bool:
        return self.decider.clock(self.core.world) is not None

    async def _beat(self, state: str = "active", *, again: bool = True) -> None:
        """Say how far this instance has come, and what time it is; what was said already only if `again`."""
        time = await self._time()
        if time and (self.clock is None or time > self.clock):
            self.clock = time
        clock = timestamp(self.clock) if self.clock else ""
        beat = Beat(self.instance, state, self.term, self.core.inbox, self.core.log, self.committed, clock)
        if again or beat != self._said:
            self._said = beat
            await self.heard.say(beat)

    async def _time(self) -> datetime | None:
        """The time up to which all that this instance could have heard of is recorded."""
        if self.core.log < self._reference:
            return None  # which clock the centre goes by is not known yet
        if self.decider.upstream:
            passed = self.heard.passed(self.core.log)
            if passed is None or (self.clock and passed.time <= self.clock):
                return None
            if self.decider.clock(self.core.world) is None and passed.time > self._now() + _AHEAD:
                return None
            read = self.core.inbox >= passed.inbox or await self._inbox_read()
            return passed.time if read else None
        virtual = self.decider.clock(self.core.world)
        if virtual is not None:
            return virtual
        now = self._now()
        return now if await self._inbox_read() else self._last_stored

    async def _inbox_read(self) -> bool:
        """Whether everything that the server holds for this service has been decided on."""
        if not self.place.inbox:
            return True
        last = await self.inbox.last_sequence()
        if last == self._inbox_checked:
            return True
        for subject in self.place.inbox:
            raw = await self.inbox.last(subject)
            if raw is not None and raw.seq > self.core.inbox:
                return False
        self._inbox_checked = last
        return True

    @property
    def _trim_every(self) -> float:
        return min(self.pace.trim, _AT_ONCE) if self.secrecy.discreet else self.pace.trim

    async def _trim(self) -> None:
        recorded, _ = self.core.recorded
        if recorded > self._trimmed and not await self.inbox.held():
            for subject in self.place.inbox:
                await self.inbox.purge(subject, recorded + 1)
            self._trimmed = recorded

    async def _save(self) -> None:
        if self.secrecy.discreet:
            return
        try:
            assert self._checkpoint
            await self._checkpoint.save(self.core)
        except OSError as reason:
            self._report("checkpoint.failed", {"reason": f"{type(reason).__name__}: {reason}"})

    async def _release(self) -> None:
        """Give the term back: whoever stands by need not wait for silence."""
        term = Message(TERM, "term.released", b"{}", uuid4().hex, self.place.source, time=self._now())
        subject = self.place.subject(TERM)
        (seq,) = await self.log.append([(subject, linked(self.core.chain, term))], fence=(subject, self.term))
        self.core.fold(term._replace(seq=seq))  # the checkpoint knows of it too
        self.state = "stopped"
        await self._beat("stopped")
        if self._checkpoint:
            await self._save()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended: `wait_for`, which nats-py uses, may swallow a cancellation."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.2)
    await asyncio.gather(*tasks, return_exceptions=True)


def decisions(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Parts of what was decided that a batch holds, none of which ends within a decision."""
    start = 0
    while start < len(messages):
        end = min(start + MAX_BATCH, len(messages))
        while end < len(messages) and end > start + 1 and messages[end].place[0] > 1:
            end -= 1
        yield messages[start:end]
        start = end


def _bytes(raws: Iterable[Raw]) -> int:
    return sum(len(raw.data) for raw in raws)


def _nothing(arrival: Arrival) -> Exception:
    return errors.Conflict(f"{arrival.message.name}: nothing was left to do")
