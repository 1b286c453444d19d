"""A call centre of one test: what happens in it, what time it is there, and what must have come of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from centralita.client import Event, Fact, Recorded
from centralita.harness.door import Door
from centralita.harness.judging import Judged
from centralita.harness.subjects import Agent, Call, Customer, Letter
from centralita.short import START, duration

__all__ = ["CallCentre"]


class CallCentre(Judged):
    """An open centre on a virtual clock; everything that a test does in it is done when the method returns.

    What the door refuses raises Refusal, which names the field or the rule. Before anything is asked or judged, all
    that was published is decided on.
    """

    def __init__(
        self,
        door: Door,
        protocol: str | Mapping[str, Any] = "plain",
        *,
        start: str | datetime = START,
        name: str = "",
    ) -> None:
        self.centre, self.name = self, name or f"t{uuid4().hex[:12]}"
        self._door, self._numbers = door, count(1)
        self._log: list[Event] = []
        self._read, self._stale = 0, True
        door.open(self.name, protocol)
        try:
            (published,) = door.log(self.name, 1, 2)
            self.zone = ZoneInfo(published.data["protocol"]["timezone"])
            self.start = self.now = self.moment(start)
            self._set(self.start)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the centre with everything it recorded."""
        self._door.remove(self.name)

    def call(
        self, id: str = "", *, from_: str | None = "", at: str | datetime | None = None, **data: Any
    ) -> Call:
        """A call comes in, from a number that no other has unless one is given; None: it is withheld."""
        number = next(self._numbers)
        told = f"+34600555{100 + number}" if from_ == "" else from_
        call = Call(self, id or f"c{number}")
        return call.happened("call.offered", at=at, **({"from": told} if told else {}), **data)

    def agent(self, id: str = "ana", *, desks: tuple[str, ...] | list[str] = (), **data: Any) -> Agent:
        """An agent signs in, at these desks, and can be offered work."""
        agent = Agent(self, id)
        return agent.signed_in(desks=desks, **data).available()

    def customer(self, id: str = "", *, kind: str = "individual", **data: Any) -> Customer:
        """A customer comes into the directory."""
        return Customer(self, id or str(next(self._numbers))).registered(kind=kind, **data)

    def letter(
        self, id: str = "", *, channel: str = "email", category: str = "question", **data: Any
    ) -> Letter:
        """Somebody writes: by e-mail, post or on the web."""
        letter = Letter(self, id or f"m{next(self._numbers)}")
        return letter.happened("message.received", channel=channel, category=category, **data)

    def happened(
        self,
        type: str,
        about: str,
        data: Mapping[str, Any],
        *,
        at: str | datetime | None = None,
        id: str = "",
    ) -> None:
        """Publish any fact; it occurs now, or `at` another time. The same `id` twice is one fact."""
        told = {name.removesuffix("_"): value for name, value in data.items() if value is not None}
        time = self.moment(at) if at else self.now
        fact = Fact(type, about, told, time, id or uuid4().hex, source="/harness")
        self._stale = True
        self._door.publish(self.name, fact)

    def advance(self, by: str | float | timedelta) -> None:
        """Let so much time pass, as `11m`, `1h30m`, `7.999s` or seconds, with all that becomes due.

        A promise is broken once the clock is one second past its due time.
        """
        self._set(self.now + duration(by))

    def at(self, time: str | datetime) -> None:
        """Let time pass until then: `17:30` of the day that it is, or `2026-03-03 17:30`, local; or a datetime."""
        self._set(self.moment(time))

    def settle(self) -> int:
        """Wait until all is decided, nothing is due and everybody has read everything; the log's last position."""
        last = self._door.settled(self.name)
        if last > self._read:
            self._log += self._door.log(self.name, self._read, last)
            self._read = last
        self._stale = False
        return last

    def command(self, service: str, verb: str, /, *, actor: str = "", **data: Any) -> Recorded:
        """Ask a service to do something: what it recorded, with its `data` and `position`."""
        self.settle()
        self._stale = True
        return self._door.command(self.name, service, verb, data, actor)

    def query(self, service: str, name: str, /, **fields: Any) -> dict[str, Any]:
        """Ask a service something."""
        self.settle()
        return self._door.query(self.name, service, name, fields)

    def figures(self, queue: str = "all", *, day: str | None = None) -> dict[str, Any]:
        """The figures of a queue, or of the whole centre: calls offered and answered, AHT, ASA, service level."""
        answer = self.query("sla", "figures", **({"day": day} if day else {}))
        figures: dict[str, Any] = answer["queues"][queue]
        return figures

    def every(self, *, settled: bool = True) -> list[Event]:
        """Everything that was recorded, in order; unless `settled`, at least up to the test's last fact."""
        if settled or self._stale:
            self.settle()
        return [event for event in self._log if event.service != "centre" and event.about != "clock"]

    def __str__(self) -> str:
        return f"the centre {self.name}"

    def _mine(self, event: Event) -> bool:
        return True

    def _set(self, to: datetime) -> None:
        if to < self.now:
            raise ValueError(f"it is {self.time} already, and no clock runs back to {self._local(to)}")
        self.now = to
        self.happened("clock.advanced", "clock", {"to": to}, id=f"clock-{to.isoformat()}")
        self.settle()

    def moment(self, told: str | datetime) -> datetime:
        """A time as it is told, by the clock on the wall; ValueError where it is none."""
        if isinstance(told, str):
            of_today = f"{self.now.astimezone(self.zone):%Y-%m-%d} {told}" if "-" not in told else told
            told = datetime.fromisoformat(of_today)
        return (told if told.tzinfo else told.replace(tzinfo=self.zone)).astimezone(UTC)

    @property
    def time(self) -> str:
        """What the clock on the wall shows."""
        return self._local(self.now)

    def _local(self, time: datetime) -> str:
        return f"{time.astimezone(self.zone):%Y-%m-%d %H:%M:%S}"
