"""The loop of a service in a centre: read from a position, decide purely, commit as a prefix, go on.

One task decides and commits. It writes under a term; whoever takes a newer one has replaced it, and nothing
of it can land any more. Whatever goes wrong, the session ends, and the next one recovers from the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import uuid4

from nats.errors import Error as NatsError

from eventlog import errors
from eventlog.beats import Heard
from eventlog.checkpoint import Checkpoint
from eventlog.client import Connection
from eventlog.clock import Clock
from eventlog.codec import Malformed, Message
from eventlog.core import Core
from eventlog.decider import Arrival, Decider
from eventlog.faults import Patience
from eventlog.feed import Feed
from eventlog.inputs import Asked, Inputs, Replaced, end
from eventlog.keeping import Keeping
from eventlog.place import Pace, Place
from eventlog.pulse import Pulse
from eventlog.recovery import Recovery
from eventlog.secrecy import OPEN, Secrecy
from eventlog.steps import Steps
from eventlog.stream import Settings, Stream
from eventlog.terms import Terms

W = TypeVar("W")
T = TypeVar("T")
_AT_ONCE = 0.25
"""Seconds after which the inbox of a discreet centre is trimmed."""
_FAREWELL = 2.0
"""Seconds that closing a connection may take."""


class Runner(Generic[W]):
    """One instance of a service in a centre, active or standing by."""

    def __init__(
        self,
        decider: Decider[W],
        place: Place,
        connect: Callable[[], Awaitable[Connection]],
        *,
        settings: Settings | None = None,
        pace: Pace | None = None,
        checkpoint: Checkpoint | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        report: Callable[[str, dict[str, Any]], None] = lambda event, about: None,
        secrecy: Secrecy = OPEN,
        most_open: int = 0,
        feed: Feed | None = None,
    ) -> None:
        self._feed = feed
        self.decider, self.place, self.secrecy = decider, place, secrecy
        self._most_open = most_open
        self.pace = pace or Pace()
        self.instance = uuid4().hex[:12]
        self.state = "starting"
        self.failure = ""
        self.core: Core[W] = Core(decider, place.source, secrecy=secrecy)
        self._pulse: Pulse[W] | None = None
        self.term = 0
        self._connect, self._settings, self._now, self._report = connect, settings, now, report
        self._checkpoint = checkpoint
        self._keeping = Keeping(checkpoint, self.pace.checkpoint, report)
        self._stopping = asyncio.Event()
        self.inputs = Inputs(decider, place, self.pace)
        self._trimmed = 0
        self._patience = Patience(self.pace.again, self.pace.hold_up)
        self._told: set[str] = set()

    # from outside

    @property
    def active(self) -> bool:
        """Whether this instance decides (and answers)."""
        return self.state == "active"

    def stop(self) -> None:
        """Finish the commit in hand, give the term back and end `run`."""
        self._stopping.set()
        self.inputs.wake.set()

    async def command(self, arrival: Arrival) -> Message:
        """Decide on a command and wait until its event is stored; raises the refusal."""
        return await self._ask(Asked(arrival, None, 0))  # type: ignore[no-any-return]

    async def query(self, answer: Callable[[W], T], position: int = 0) -> T:
        """Ask something of the world between two commits, once the log was read up to `position`."""
        return await self._ask(Asked(None, answer, position))  # type: ignore[no-any-return]

    async def _ask(self, asked: Asked) -> Any:
        if not self.active:
            raise errors.Moved(
                f"{self.place.service} of {self.place.centre} is not active here: {self.state}"
            )
        self.inputs.ask(asked)
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
                connection, place.beats, place.service, self.instance, upstream, self.inputs.wake.set
            )
            await self._while_open(connection, self._serve())
        finally:
            if self.active:
                self.state = "unavailable"
            if self._feed:
                self._feed.end()
            await self.inputs.end()
            lost = "the service has lost its log; nothing is known of this command"
            stops = "the service stops: ask again"
            self.inputs.give_up(errors.Moved(stops if self.state == "stopped" else lost))
            with suppress(TimeoutError):  # a server that is silent takes no farewell
                async with asyncio.timeout(_FAREWELL):
                    await connection.close()

    async def _while_open(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """Do this as long as the connection lasts; nobody waits for an answer that cannot come any more."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                if connection.is_closed:
                    raise errors.Unavailable("the connection to the server is lost")
                if self._stopping.is_set() and self.state not in ("active", "stopped"):
                    return  # nothing is in hand
                await asyncio.wait([task], timeout=0.1)
            task.result()
        finally:
            await end(task)

    async def _serve(self) -> None:
        await self.log.bind()
        if self.place.inbox:
            await self.inbox.bind()
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
        self.terms = Terms(self.log, self.place, self.instance, self._now)
        await self._stand_by()
        if self._stopping.is_set():
            return
        await self._recover()
        self.state, self.failure = "active", ""
        self._report("active", {"term": self.term, "position": self.core.own})
        self._told.clear()
        await self._work()

    # standing by, taking over, recovering

    async def _stand_by(self) -> None:
        """Fold along until the active instance is silent, then take the term; ends with `self.term` ours."""
        seen, changed = -1, False
        while not self._stopping.is_set():
            last = await self.terms.last()  # first: what is asked then tells whether it is of this log
            await self.recovery.catch_up(await self.log.last_sequence())
            if last and not self.terms.vacant(last):
                self.state = "standby"
                if last.seq != seen:  # whoever has just taken it lives, even if it was not heard yet
                    seen, changed = last.seq, seen >= 0
                    self.heard.own_lives()
                patient = changed or self.heard.own_heard
                patience = self.pace.silence if patient else self.pace.first_silence
                if self.heard.own_age() < patience:
                    await self.heard.own_silent(min(0.25, patience))
                    continue
            with suppress(errors.Conflict):
                self.term = await self.terms.take(self.core, last)
                return

    async def _recover(self) -> None:
        await self.recovery.catch_up(self.term)
        self.steps = Steps(
            self.core, self.log, self.inbox, self.place, self.term, self._patience, self._report
        )
        if missing := await self.recovery.complete():
            self._report("decision.completed", {"events": len(missing), "after": self.core.own})
            await self.steps.commit(missing)

    def _tell_stopped(self) -> None:
        """Report each aggregate that has stopped, once."""
        stopped = self.decider.stopped(self.core.world)
        for aggregate in stopped.keys() - self._told if stopped else ():
            self._told.add(aggregate)
            self._report("aggregate.stopped", {"about": aggregate, "reason": stopped[aggregate]})

    # the active loop

    async def _work(self) -> None:
        core, inputs = self.core, self.inputs
        last = await self.log.last(self.place.reference)
        reference = last.seq if last else 0
        clock = Clock(core, self.place, self.inbox, self.heard, reference, self._now)
        pulse = self._pulse = Pulse(core, self.steps, clock, self.heard, self.pace, self.instance, self.clock)
        if self._feed:
            self._feed.begin(core.log)
        inputs.pump(self.log.follow([self.place.log], core.log), inputs.log, self._feed)
        if self.place.inbox:
            inputs.pump(self.inbox.follow(self.place.inbox, core.inbox), inputs.inbox)
        loop = asyncio.get_running_loop()
        trimmed_at = loop.time()
        self._keeping.begin(core)
        while True:
            inputs.wake.clear()
            # facts wait until the centre's own messages are known: no decision is made without its protocol
            gathered = inputs.gather(core, self.term, ready=clock.known)
            gathered = await inputs.with_originals(gathered, self.recovery)
            await self.recovery.read_back(self.place.needed(it.arrival for it in gathered))
            self._tell_stopped()
            await self.steps.take(gathered, self._timers())
            inputs.in_hand.clear()
            inputs.answer_queries(core)
            await pulse.keep(inputs)
            if loop.time() >= trimmed_at + self._trim_every:
                await self._trim()
                trimmed_at = loop.time()
            self._keeping.look(core)
            if self._stopping.is_set():
                return await self._release(pulse)
            if inputs.failure:
                raise inputs.failure
            if inputs.log or inputs.inbox or inputs.asked or self.timer_due():
                await asyncio.sleep(0)
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pulse.left()):
                        await inputs.wake.wait()

    @property
    def clock(self) -> datetime | None:
        """The time that this instance has come to."""
        return self._pulse.time if self._pulse else None

    def timer_due(self) -> Arrival | None:
        """The earliest timer that the clock has reached."""
        return self._pulse.timer_due() if self._pulse else None

    def _timers(self) -> Iterator[Arrival]:
        """The timers due, each when the one before it was decided on, a quarter as many as of other inputs at most."""
        for _ in range(max(1, self.pace.inputs // 4)):
            if not (timer := self.timer_due()):
                return
            yield timer

    # trimming, the end

    @property
    def _trim_every(self) -> float:
        return min(self.pace.trim, _AT_ONCE) if self.secrecy.discreet else self.pace.trim

    async def _trim(self) -> None:
        recorded, _ = self.core.recorded
        if recorded > self._trimmed and not await self.inbox.held():
            for subject in self.place.inbox:
                await self.inbox.purge(subject, recorded + 1)
            self._trimmed = recorded

    async def _release(self, pulse: Pulse[W]) -> None:
        await self.terms.release(self.core, self.term)
        self.state = "stopped"
        await pulse.beat(self.inputs, "stopped")
        await self._keeping.end(self.core)
