"""How one does without a rule: by which one of its scenarios must fail, so that it is known to show something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from centralita.shapes import merged
from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import Decision

Protocol = Mapping[str, Any]


@dataclass(frozen=True)
class Without:
    """Changes to the protocol, merged in depth or made by a function, and functions of the services to be others.

    `functions` gives for "package.module.name" what is made of the one that is there; for a table of
    functions likewise.
    """

    protocol: Protocol | Callable[[Protocol], Protocol] = field(default_factory=dict)
    functions: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def changed(self, protocol: Protocol) -> Protocol:
        """The protocol without the rule."""
        if callable(self.protocol):
            return self.protocol(protocol)
        changed: Protocol = merged(protocol, self.protocol)
        return changed

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """The services of this process do without the rule meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            for name, made_of in self.functions.items():
                module, _, attribute = name.rpartition(".")
                there = getattr(__import__(module, fromlist=[attribute]), attribute)
                patch.setattr(name, made_of(there))
            yield


def without(rule: str) -> Without:
    """How to do without a rule; unless said below, its scripts are left out."""
    return WITHOUT.get(rule) or Without(lambda protocol: silent(protocol, rule))


def silent(protocol: Protocol, *rules: str) -> Protocol:
    """The protocol without the scripts of these rules."""
    prefixes = tuple(f"{rule.lower()}." for rule in rules)
    scripts = protocol.get("scripts", {})
    kept = {key: wording for key, wording in scripts.items() if not key.startswith(prefixes)}
    return {**protocol, "scripts": kept}


def unsaid(service: str, rule: str, *kinds: type[Data]) -> Mapping[str, Callable[[Any], Any]]:
    """The service records neither a violation of this rule nor any event of these kinds."""

    def made_of(decide: Callable[[Any, Any], Decision]) -> Callable[[Any, Any], Decision]:
        def decided(world: Any, input: Any) -> Decision:
            return [
                (id, event)
                for id, event in decide(world, input)
                if not isinstance(event, kinds)
                and not (isinstance(event, e.RuleViolated) and event.rule == rule)
            ]

        return decided

    return {f"services.{service}.domain.decide": made_of}


def otherwise(
    table: str, kind: type[Data], function: Callable[..., Any]
) -> Mapping[str, Callable[[Any], Any]]:
    """In this table of a service another function is called for a kind of fact, event or command."""
    return {table: lambda there: {**there, kind: function}}


def kinds_with(protocol: Protocol, **changes: Any) -> Protocol:
    """The protocol with the same changes to every kind of caller."""
    kinds = {name: {**kind, **changes} for name, kind in protocol.get("kinds", {}).items()}
    return {**protocol, "kinds": kinds}


def deskless(protocol: Protocol, desk: str) -> Protocol:
    """The protocol without the rows that lead to a desk."""
    return {**protocol, "routing": [row for row in protocol.get("routing", []) if row["desk"] != desk]}


def untiered(protocol: Protocol) -> Protocol:
    """The protocol with rows that ask for no tier or skill."""
    rows = [
        {key: it for key, it in row.items() if key not in ("tier", "skill")}
        for row in protocol.get("routing", [])
    ]
    return {**protocol, "routing": rows}


def close_at_will(draft: Any, id: str, command: c.CloseCall) -> None:
    """Close an assignment though nobody was reached."""
    draft.add(id, e.CallClosed(by=command.by))


def one_department(world: Any, ticket: Any, command: c.InvolveDepartment) -> Data:
    """Let nobody join in a case."""
    raise Refused("one-department", "the case is its desk's alone")


def nobody_told(world: Any, problem: Any, *, resolved: bool) -> tuple[int, ...]:
    """The incidents that hear of their problem: none."""
    return ()


def unscored(protocol: Protocol, rule: str) -> Protocol:
    """The protocol without what a review asks about this rule."""
    items = protocol.get("scorecard", {})
    return {**protocol, "scorecard": {name: item for name, item in items.items() if item["rule"] != rule}}


WITHOUT: Mapping[str, Without] = {
    "R04": Without(lambda protocol: kinds_with(protocol, group="callers")),
    "R05": Without(lambda protocol: kinds_with(protocol, signals={})),
    "R07": Without({"special_priority": 9}),
    "R09": Without(functions=unsaid("routing", "R09", e.TransferScreened)),
    "R10": Without({"routing": []}),
    "R11": Without({"limits": {"retry_s": None}}),
    "R12": Without(functions=unsaid("routing", "R12", e.CallAssigned)),
    "R13": Without(functions=otherwise("services.routing.domain.COMMANDS", c.CloseCall, close_at_will)),
    "R14": Without({"queue_alert": None}),
    "R16": Without(functions=unsaid("routing", "R16", e.AgentEngaged, e.ConsultDeferred)),
    "R18": Without(functions=unsaid("intake", "R18")),
    "R22": Without({"limits": {"handling_s": None, "handling_warning_s": None}}),
    "R24": Without({"limits": {"wrap_up_s": None}}),
    "R25": Without({"limits": {"answer_s": None}}),
    "R23": Without(lambda protocol: unscored(protocol, "R23")),
    "R27": Without({"cases": {"profile_after_request": None}}),
    "R29": Without({"privacy": None}),
    "R30": Without(lambda protocol: unscored(protocol, "R30")),
    "R31": Without({"asks_for": None}),
    "R33": Without(functions=unsaid("tickets", "R33", e.RepeatNoted)),
    "R34": Without({"conduct": {"phrases": None}}),
    "R38": Without(functions=unsaid("intake", "R38")),
    "R42": Without(functions=unsaid("intake", "R42")),
    "R46": Without(functions=unsaid("routing", "R46", e.SupervisorCalled)),
    "R48": Without(functions=unsaid("intake", "R48", e.BlockRequested)),
    "R51": Without(lambda protocol: deskless(protocol, "front-office")),
    "R52": Without(lambda protocol: deskless(protocol, "back-office")),
    "R53": Without(untiered),
    "R54": Without({"shares": None}),
    "R56": Without({"targets": []}),
    "R59": Without({"limits": {"premium_handling_s": None}, "watched": []}),
    "R60": Without({"watched": []}),
    "R61": Without({"promises": []}),
    "R62": Without({"cases": {"formal_reply_for": None, "required": None}}),
    "R63": Without(functions=otherwise("services.tickets.verbs.VERBS", c.InvolveDepartment, one_department)),
    "R64": Without({"cases": {"need_first": None}}),
    "R67": Without({"cases": {"required_with_tool": None}}),
    "R70": Without({"cases": {"before_answer": None}}),
    "R71": Without({"limits": {"simple_question_s": None}}),
    "R73": Without({"cases": {"screenshot_for": None}}),
    "R76": Without(functions={"services.tickets.problems._incidents": lambda there: nobody_told}),
}
