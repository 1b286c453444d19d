"""The look-up of callers: who an unknown caller is, asked of a CRM, and published as facts into the inbox."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import Counter

from centralita.outlets.lookup import Crm, Failed, Found, Settings
from centralita.outlets.place import Bucket, Slot
from centralita.outlets.worker import Outlet, Reading, end, together, until_done
from contracts import registry
from contracts.base import Data
from contracts.events import CallerClassified, CallRefused, CallReleased, CentreOpened, ProtocolPublished
from contracts.facts import CallAbandoned, CallEnded, CallerLookedUp, CallOffered, CustomerRegistered
from eventlog.codec import Message
from eventlog.stream import Raw, Stream
from services.intake.numbers import e164

__all__ = ["SOURCE", "Looking", "crm"]

log = structlog.get_logger()
SOURCE = "/centralita/crm"
ANSWERS = Counter("centralita_crm_answers", "Look-ups in the CRM, by what came of them", ["outcome"])
MOST = 10_000
"""How many calls wait for an answer; of more the oldest are given up."""
_LONGEST = 60.0
_OVER = {
    registry.name_of_type(kind)
    for kind in (CallAbandoned, CallEnded, CallRefused, CallReleased, CallerLookedUp)
}
_OFFERED, _CLASSIFIED = registry.name_of_type(CallOffered), registry.name_of_type(CallerClassified)
_OPENED = registry.name_of_type(CentreOpened)
_PUBLISHED = registry.name_of_type(ProtocolPublished)


@dataclass(slots=True)
class _Caller:
    """Somebody on the line: the event that told of the call, the number, and who asks for them."""

    offered: Message
    phone: str
    complete: bool = False
    asking: asyncio.Task[None] | None = None


class Looking:
    """The look-up of the callers of one centre, from where it stood."""

    def __init__(self, bucket: Bucket, crm: Crm) -> None:
        self.centre, self.crm = bucket.centre, crm
        self._bucket, self._callers = bucket, dict[str, _Caller]()
        self._ready = list[_Caller]()
        self._region, self._silent = "", False

    async def run(self) -> None:
        """Look up whoever calls, for ever; Lost when another does so now."""
        self._inbox = Stream(self._bucket.connection, registry.inbox_stream(self.centre))
        log = Stream(self._bucket.connection, registry.log_stream(self.centre))
        self._reading = Reading(self._bucket, Slot(self._bucket, "at.crm"), await log.last_sequence())
        try:
            before = await self._reading.resume()
            await together(self._read(before), self._reading.save())
        finally:
            await end(*(caller.asking for caller in self._callers.values() if caller.asking))
            self._callers.clear()
            await self._reading.leave()

    async def _read(self, before: list[tuple[Raw, int]]) -> None:
        source = self._reading.log
        for raw in await source.read_subject(registry.log_subject(self.centre, registry.CENTRE, self.centre)):
            self._see(raw)
        for raw, _ in before:
            for each in await source.read_subject(raw.subject, raw.seq - 1):
                self._see(each)
            if raw.subject.rpartition(".")[2] not in self._callers:
                self._reading.done(raw.seq)
        self._begin()
        async for part in self._reading.parts():
            for raw in part:
                self._see(raw)
                self._reading.read(raw.seq)
            self._begin()  # whose call is over in the same part is not asked for

    def _see(self, raw: Raw) -> None:
        """Take up what an event says; whoever is still unknown when a decision is complete is asked for."""
        name = raw.name
        if name == _PUBLISHED:
            message = raw.message()
            published = registry.decode(message.name, message.version, message.data)
            assert isinstance(published, ProtocolPublished)
            self._region = published.protocol.region
            self._silent |= published.protocol.discreet
            for call in [*self._callers] if self._silent else ():
                self._drop(call)
            return
        if name == _OPENED:
            self._silent |= json.loads(raw.data)["clock"] == "virtual" and not self.crm.settings.names(
                self.centre
            )
        call = raw.subject.rpartition(".")[2]
        if raw.subject != registry.log_subject(self.centre, "intake", call):
            return
        if name == _OFFERED:
            self._offered(raw.message())
        elif caller := self._callers.get(call):
            known = name == _CLASSIFIED and json.loads(raw.data).get("standing") != "unknown"
            if known or name in _OVER:
                self._drop(call)
            else:
                self._look_at(caller, raw.message())

    def _offered(self, message: Message) -> None:
        call = message.aggregate
        if call in self._callers or self._silent:
            return
        phone = str(json.loads(message.data).get("from", ""))
        if not phone.startswith("+"):
            return  # withheld, or a short code
        if len(self._callers) >= MOST:
            self._tell("crm.given_up", f"{MOST} others wait", "given up")
            self._drop(next(iter(self._callers)))
        caller = self._callers[call] = _Caller(message, phone)
        self._reading.opened(message.seq)
        self._look_at(caller, message)

    def _look_at(self, caller: _Caller, last: Message) -> None:
        if not caller.complete and last.place[0] == last.place[1]:
            caller.complete = True
            self._ready.append(caller)

    def _begin(self) -> None:
        for caller in self._ready:
            call = caller.offered.aggregate
            if self._callers.get(call) is caller:
                caller.asking = asyncio.create_task(self._ask(call, caller))
        self._ready.clear()

    def _drop(self, call: str) -> None:
        caller = self._callers.pop(call)
        self._reading.done(caller.offered.seq)
        if caller.asking:
            caller.asking.cancel()

    async def _ask(self, call: str, caller: _Caller) -> None:
        pause = self.crm.settings.again
        while self._callers.get(call) is caller:
            try:
                found = await self.crm.ask(self.centre, caller.phone)
                await until_done(partial(self._publish, call, caller, found))
            except Exception as error:  # noqa: BLE001  whatever it is, the call goes on and is asked for again
                reason = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
                self._tell("crm.failed", reason, "failed")
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST)
            else:
                ANSWERS.labels("found" if found else "not found").inc()
                caller.asking = None  # not to be cancelled any more
                if self._callers.get(call) is caller:
                    self._drop(call)

    async def _publish(self, call: str, caller: _Caller, found: Found | None) -> None:
        facts: list[tuple[str, Data]] = [(call, CallerLookedUp(customer=found.customer if found else None))]
        if found:
            facts.insert(0, (found.customer, self._registered(found.entry, caller.phone)))
        messages = []
        for id, fact in facts:
            name, version, data = registry.encode(fact)
            topic = registry.topic_of(name)
            assert topic
            message = Message(
                id, name, data, f"{caller.offered.id}-{topic}", SOURCE, version, trace=caller.offered.trace
            )
            messages.append((registry.inbox_subject(self.centre, topic, id), message))
        await self._inbox.append(messages)

    def _registered(self, entry: CustomerRegistered, phone: str) -> CustomerRegistered:
        """The entry with the number that was asked for: the CRM may write it otherwise."""
        if phone in {e164(number, self._region) for number in entry.phones}:
            return entry
        return entry.model_copy(update={"phones": (*entry.phones, phone)})

    def _tell(self, event: str, reason: str, outcome: str) -> None:
        ANSWERS.labels(outcome).inc()
        with suppress(OSError, ValueError):
            log.warning(event, centre=self.centre, reason=reason)


def crm(settings: Settings | None = None) -> Outlet:
    """The worker that looks callers up, in the centres for which that is configured."""
    chosen = settings or Settings()

    def wanted(streams: set[str]) -> set[str]:
        return {centre for centre in registry.centres(streams) if chosen.asks_for(centre)}

    async def work(bucket: Bucket) -> None:
        async with Crm(chosen) as asked:
            await Looking(bucket, asked).run()

    return Outlet("crm", wanted, work)
