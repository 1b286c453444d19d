"""Playing a scenario: its steps are told to running services, and its expectations judged by the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from centralita import centres
from centralita.client import Fact, Problem, Refusal
from centralita.judging import Event, exactly, fits, holds, story
from centralita.operating import Operator
from centralita.scenarios import Scenario, protocol_of
from centralita.shapes import merged
from centralita.short import elapsed
from centralita.steps import Step
from contracts import registry

__all__ = ["Changed", "Failed", "Playing", "Protocol", "play"]

Protocol = Mapping[str, Any]
Changed = Callable[[Protocol], Protocol]
"""Makes another protocol of one, both as data."""


class Failed(AssertionError):
    """A scenario that did not go as it says: the step, what was expected there, and the story as it went."""


async def play(client: Operator, scenario: Scenario, *, changed: Changed | None = None) -> list[Event]:
    """Play it in a centre of its own, which is removed again; everything recorded, in order.

    `changed` alters each protocol before it is published. Raises Failed, ScenarioError where a protocol in it
    cannot be, eventlog.errors.LogError from the server.
    """
    name = f"s{uuid4().hex[:12]}"
    playing = Playing(client, scenario, name, changed or (lambda data: data))
    published = protocol_of(playing.changed(scenario.protocol))
    try:
        await centres.add(client.connection, name, published, clock="virtual")
        await playing.begin()
        for step in scenario.steps:
            await playing.advance(step.at)
            await playing.do(step)
        return [event for event in playing.log if event.aggregate != registry.TERM]
    finally:
        await centres.remove(client.connection, name)


@dataclass(slots=True)
class Playing:
    """A scenario under way: what was kept under names, and the log as far as it was read."""

    client: Operator
    scenario: Scenario
    centre: str
    changed: Changed
    kept: dict[str, Any] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    now: datetime | None = None
    position: int = 0
    protocol: Protocol = field(default_factory=dict)
    problem: Problem | None = None

    async def begin(self) -> None:
        """Set the clock, and wait until every service has taken its seat and goes by it."""
        await self.advance(self.scenario.start.astimezone(UTC))

    async def advance(self, to: datetime) -> None:
        """Let time pass, with all that becomes due."""
        if to == self.now:
            return
        self.now = to
        clock = Fact("clock.advanced", registry.CLOCK, {"to": to}, to, id=f"clock-{to.isoformat()}")
        await self.client.publish(self.centre, [clock])
        await self.settle()

    async def settle(self) -> None:
        """Wait until all is decided, and read what was recorded."""
        last = await self.client.settle(self.centre, timeout=20)
        if last > self.position:
            new = await self.client.log(self.centre).read_subject(f"log.{self.centre}.>", self.position)
            self.log += [Event.of(raw.message()) for raw in new if raw.seq <= last]
            self.position = last

    async def do(self, step: Step) -> None:
        """Do one step, or judge it."""
        match step.verb:
            case "fact":
                await self._fact(step)
            case "command" | "query":
                await self._ask(step)
            case "expect" | "never":
                self._judge(step)
            case "order":
                self._judge_order(step)
            case "protocol":
                await self._publish(step)

    async def _fact(self, step: Step) -> None:
        before, facts = len(self.log), list[Fact]()
        for n in range(1, step.words.get("times", 1) + 1):
            (about,) = self._filled(step, step.about, n).values()
            data = self._filled(step, step.data, n)
            id = self._filled(step, step.words.get("id", f"step-{step.number}-{n}"), n)
            time = step.words.get("occurred", step.at)
            facts.append(Fact(step.what, about, data, time, id, source="/scenario"))
        await self.client.publish(self.centre, facts)
        await self.settle()
        rejected = [
            e.data for e in self.log[before:] if e.name == "fact.rejected" and e.data.get("type") == step.what
        ]
        expected = step.words.get("rejected")
        if expected is None and rejected:
            raise self._failed(step, f"the fact was rejected: {rejected[0]['rule']}: {rejected[0]['reason']}")
        if expected is not None and not any(expected in (True, each["rule"]) for each in rejected):
            raise self._failed(step, f"expected the fact to be rejected: {expected}", rejected)

    async def _ask(self, step: Step) -> None:
        service, verb = step.what.split()
        data, words = self._filled(step, step.data), step.words
        try:
            if step.verb == "command":
                id = f"step-{step.number}"
                answer = await self.client.command(self.centre, service, verb, data, id=id)
                await self.settle()
            else:
                answer = await self.client.query(
                    self.centre, service, verb, data | {"position": self.position}
                )
        except Refusal as refusal:
            await self.settle()
            problem = self.problem = refusal.problem
            rule = problem.rule or ("internal-error" if problem.status == 500 else problem.title)
            if words.get("refused") not in (True, problem.rule):
                expected = f"expected refused: {words['refused']}; " if "refused" in words else ""
                raise self._failed(step, f"{expected}refused [{rule}]: {problem.detail}") from None
            return
        if "refused" in words:
            raise self._failed(step, f"expected refused: {words['refused']}; it was done", [answer])
        if not self._fits(step, words.get("answer", {}), answer):
            raise self._failed(step, "the answer is another", [answer])
        if "as" in words:
            self.kept[words["as"]] = answer | answer["data"] if step.verb == "command" else answer

    async def _publish(self, step: Step) -> None:
        before = self.protocol or self.scenario.protocol
        data = merged(before, step.what) | {"version": before.get("version", 1) + 1}
        try:
            published = protocol_of(self.changed(data))
            await centres.publish(self.client.connection, self.centre, published)
        except (ValueError, Refusal) as reason:
            if "refused" not in step.words:
                raise self._failed(step, str(reason)) from None
            return
        if "refused" in step.words:
            raise self._failed(step, "expected the protocol to be refused; it was published")
        self.protocol = data
        await self.settle()

    def _judge(self, step: Step) -> None:
        words, about = step.words, self._filled(step, step.about)
        same = [e for e in self.log if e.name == step.what and e.is_about(about)]
        found = [e for e in same if self._matches(step, e)]
        if step.verb == "never":
            if found:
                raise self._failed(step, f"there is such an event ({len(found)})", found)
            return
        count = words.get("count", [1, len(self.log)])
        least, most = count if isinstance(count, list) else (count, count)
        if not least <= len(found) <= most:
            many = "none" if not found else len(found)
            raise self._failed(step, f"expected such an event, found {many}; of this type there are", same)
        if found and "as" in words:
            bare = {"about": found[-1].aggregate.rpartition(":")[2]}
            self.kept[words["as"]] = bare | found[-1].data

    def _matches(self, step: Step, event: Event) -> bool:
        words = step.words
        if words.get("service", event.service) != event.service:
            return False
        if words.get("at_time", event.time) != event.time:
            return False
        if not self._fits(step, step.data, event.data):
            return False
        parts = self._filled(step, words.get("contains", {}))
        return all(holds(part, event.data.get(key), self.scenario.start) for key, part in parts.items())

    def _judge_order(self, step: Step) -> None:
        about, left = self._filled(step, step.about), list(step.what)
        for event in self.log:
            name, data = (left[0], {}) if isinstance(left[0], str) else next(iter(left[0].items()))
            there = event.service == step.words.get("service", event.service) and event.is_about(about)
            if there and event.name == name and self._fits(step, data, event.data):
                left.pop(0)
            if not left:
                return
        raise self._failed(step, f"expected {left[0]} to follow")

    def _fits(self, step: Step, expected: Any, found: Any) -> bool:
        return fits(self._filled(step, expected), found, self.scenario.start)

    def _filled(self, step: Step, told: Any, n: int = 0) -> Any:
        """The same with ${names} and {n} filled in; a text that is one name alone becomes its value."""
        if isinstance(told, Mapping):
            return {key: self._filled(step, value, n) for key, value in told.items()}
        if isinstance(told, list | tuple):
            return [self._filled(step, value, n) for value in told]
        if not isinstance(told, str):
            return told
        told = told.replace("{n}", str(n)) if n else told
        if whole := _NAME.fullmatch(told):
            return self._kept(step, whole[1])
        return _NAME.sub(lambda name: str(self._kept(step, name[1])), told)

    def _kept(self, step: Step, path: str) -> Any:
        value: Any = self.kept
        for part in path.split("."):
            try:
                value = value[int(part)] if isinstance(value, list) else value[part]
            except (LookupError, TypeError, ValueError):
                raise self._failed(step, f"${{{path}}} is not known: {sorted(self.kept)} are kept") from None
        return value

    def _failed(self, step: Step, why: str, found: Sequence[Any] = ()) -> Failed:
        scenario = self.scenario
        about = {key: value for key, value in step.about.items() if "${" not in value and "{n}" not in value}
        of_it = [event for event in self.log if event.is_about(about)] if about else self.log
        told = [event for event in of_it if event.aggregate not in (registry.TERM, registry.CLOCK)]
        told = [event for event in told if event.service != registry.CENTRE]
        at = elapsed(step.at, scenario.start)
        parts = [
            f"{scenario.file}: {scenario.name}: step {step.number}, at {at}",
            f"  {step.text}",
            f"  {why}",
        ]
        parts += [exactly(found)] if found else []
        parts += [f"  the story of {', '.join(about.values()) or 'the centre'} so far:"]
        return Failed("\n".join([*parts, story(told, scenario.start)]))


_NAME = re.compile(r"\$\{([^}]+)\}")
