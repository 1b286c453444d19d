"""Intake: who is calling, and how the call goes: which decision belongs to which input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from contracts.registry import FACTS as PUBLISHED
from contracts.registry import valid_id
from services.intake import blocks, conduct, course, customers, dossiers, holds, late, others, release, speech
from services.intake.asked import beside, only_asked
from services.intake.calls import Call
from services.intake.customers import Customer
from services.intake.state import Agent, Aggregate, Block, Clock, Index, Intake, Letter, Row, closed, evolve

__all__ = [
    "HEEDS",
    "Agent",
    "Aggregate",
    "Block",
    "Call",
    "Clock",
    "Customer",
    "Index",
    "Letter",
    "Row",
    "closed",
    "decide",
    "directory",
    "dossier",
    "evolve",
    "listed_blocks",
    "subject_of",
]

On: TypeAlias = Callable[[Intake, Input], Decision]


def decide(world: Intake, input: Input) -> Decision:
    """What a fact leads to: the fact itself and its consequences; what an event of others or a command does.

    Refused where a fact contradicts what is recorded, or a command a rule.
    """
    table = FACTS if input.kind == "fact" else EVENTS if input.kind == "event" else COMMANDS
    if type(input.body) not in table:
        return []
    if input.kind == "fact" and input.origin == "call" and (later := world.later(input.id, input.at)):
        return late.decided(world, input, later, _now, CALL_FACTS)
    return _now(world, input)


def _now(world: Intake, input: Input) -> Decision:
    """What an input leads to as things stand."""
    table = FACTS if input.kind == "fact" else EVENTS if input.kind == "event" else COMMANDS
    on = table[type(input.body)]
    if input.kind != "fact" or input.origin not in ("call", "message"):
        return on(world, input)
    protocol = world.under(getattr(world.aggregates.get(input.id), "protocol", None))
    body, violations = only_asked(protocol, input.body)
    return beside(input.id, on(world, input._replace(body=body)), violations)


def subject_of(command: Data) -> str:
    """The call or the block that a command is about; Refused where that can be none."""
    if isinstance(command, c.ReleaseCall | c.RequestBlock):
        if not valid_id(command.call):
            raise Refused("call-unknown", "that can be no call's id", field="call")
        return command.call
    assert isinstance(command, c.ApproveBlock | c.RefuseBlock | c.LiftBlock)
    return blocks.id_of(command.block)


def directory(world: Intake, query: c.DirectoryQuery) -> dict[str, Any]:
    """{"customers": [...]} by name: customer, name, kind, special_treatment, phones, emails of each. R07."""
    return {"customers": customers.found(world.index.customers, query)}


def dossier(world: Intake, query: c.DossierQuery) -> dict[str, Any]:
    """{"dossiers": [...]}: product, summary and facts of each, in one language. R55."""
    return {"dossiers": dossiers.listed(world.protocol, query)}


def listed_blocks(world: Intake, query: c.BlocksQuery) -> dict[str, Any]:
    """{"blocks": [...]}: block, call, number, state, by, since, until, and the refused_calls of each. R48."""
    return {"blocks": blocks.listed(world.index, query)}


def on_marked(world: Intake, input: Input) -> Decision:
    """A time set by sla has passed: of a hold, or of a block."""
    assert isinstance(input.body, e.DeadlineWarned)
    return blocks.on_over(world, input) if input.body.rule == "R48" else holds.on_mark(world, input)


FACTS: Mapping[type[Data], On] = {
    f.CallOffered: course.on_offered,
    f.CallQueued: course.on_queued,
    f.CallDequeued: course.on_dequeued,
    f.CallAnswered: course.on_answered,
    f.CallAbandoned: course.on_abandoned,
    f.CallTransferred: course.on_during,
    f.CallEnded: course.on_ended,
    f.CallerIdentified: course.on_learnt,
    f.CallerLookedUp: course.on_learnt,
    f.CallerAskedFor: course.on_learnt,
    f.KindConfirmed: course.on_learnt,
    f.ContactGiven: course.on_learnt,
    f.RequestStated: course.on_stated,
    f.CallGreeted: course.on_greeted,
    f.CallerResponded: course.on_during,
    f.CallHeld: holds.on_held,
    f.HoldRefreshed: holds.on_refreshed,
    f.CallResumed: holds.on_resumed,
    f.NoteTaken: speech.on_note,
    f.RecapConfirmed: speech.on_recap,
    f.UtteranceTranscribed: speech.on_utterance,
    f.ConductReported: conduct.on_reported,
    f.ContainmentExhausted: conduct.on_contained,
    f.CallerInsisted: conduct.on_insisted,
    f.SupervisorJoined: conduct.on_joined,
    f.ScriptDelivered: conduct.on_delivered,
    f.RequestUnclear: course.on_during,
    f.QuestionAnswered: course.on_during,
    f.TicketAskedAbout: course.on_during,
    f.AccessMissing: course.on_during,
    f.ScreenshotDeclined: course.on_during,
    f.RemoteSessionStarted: course.on_noted,
    f.RemoteSessionEnded: course.on_noted,
    f.ScreenshotTaken: course.on_noted,
    f.ComplexityAssessed: course.on_noted,
    f.AssignmentAttempted: course.on_noted,
    f.ContactMade: course.on_noted,
    f.RecordRefused: others.on_row,
    f.RecordIgnored: others.on_row,
    f.CustomerRegistered: others.on_registered,
    f.CustomerAccessChanged: others.on_changed,
    f.CustomerRemoved: others.on_changed,
    f.MessageReceived: others.on_received,
    f.MessageAnswered: others.on_replied,
    f.ClockAdvanced: others.on_advanced,
}
EVENTS: Mapping[type[Data], On] = {
    f.AgentSignedIn: others.on_signed_in,
    e.DeadlineWarned: on_marked,
    e.TicketOwed: course.on_owed,
}
COMMANDS: Mapping[type[Data], On] = {
    c.ReleaseCall: release.on_release,
    c.RequestBlock: blocks.on_request,
    c.ApproveBlock: blocks.on_approve,
    c.RefuseBlock: blocks.on_refuse,
    c.LiftBlock: blocks.on_lift,
}
CALL_FACTS = frozenset(FACTS) & frozenset(PUBLISHED["call"].values())
HEEDS = tuple(EVENTS)
"""The events of other services that something follows from here."""
