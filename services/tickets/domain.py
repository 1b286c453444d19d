"""Tickets: who decides on what; state and index are in `state`, the decisions in a file for each verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from services.tickets import matters, problems, registering, requests, reviews, verbs
from services.tickets.state import (
    Aggregate,
    Index,
    Matter,
    Problem,
    Ticket,
    World,
    closed,
    evolve,
    id_of,
    matter_of,
)

__all__ = [
    "HEEDS",
    "Aggregate",
    "Index",
    "Matter",
    "Problem",
    "Ticket",
    "World",
    "closed",
    "decide",
    "evolve",
]

ON: dict[type[Data], Callable[[World, str, Any], Decision]] = {
    e.NeedEstablished: matters.on_need,
    e.RequestPrioritised: matters.on_prioritised,
    e.FollowUpRequested: matters.on_follow_up,
    e.CallReleased: matters.on_released,
    e.DeadlineBreached: matters.on_breached,
    f.QuestionAnswered: matters.on_question,
    f.MessageReceived: matters.on_message,
    f.RequestUnclear: requests.on_unclear,
    f.RemoteSessionStarted: requests.on_session_started,
    f.RemoteSessionEnded: requests.on_session_ended,
    f.ScreenshotTaken: requests.on_screenshot,
    f.ScreenshotDeclined: requests.on_screenshot_declined,
    f.TicketAskedAbout: requests.on_asked_about,
    f.AccessMissing: requests.on_access_missing,
    f.ContactMade: requests.on_contact,
}
HEEDS: tuple[type[Data], ...] = tuple(ON)
"""The other services' events that are decided on."""


def subject_of(command: Data) -> str:
    """The aggregate that a command is about, or that must be known for it; "" for one that begins something."""
    match command:
        case c.RegisterTicket():
            return command.call or (registering.about_message(command.message) if command.message else "")
        case c.ReviewCall() | c.SendAccess():
            return command.call
        case c.LinkIncident() | c.PublishWorkaround() | c.ResolveProblem():
            return problems.id_of(command.problem)
    number = getattr(command, "ticket", None)
    return "" if number is None else id_of(number)


def decide(world: World, input: Input) -> Decision:
    """What a call's event leads to, and the one event of a command."""
    body, id = input.body, input.id
    if (on := ON.get(type(body))) is not None:
        return on(world, id, body)
    match body:
        case c.RegisterTicket():
            return registering.register(world, body)
        case c.OpenProblem():
            return problems.open_problem(world, body)
        case c.LinkIncident() | c.PublishWorkaround() | c.ResolveProblem():
            problem = world.aggregates.get(id)
            if not isinstance(problem, Problem):
                raise Refused("problem-unknown", f"there is no {id}", field="problem")
            return [(id, problems.on_command(world, problem, body))]
        case c.ReviewCall():
            return [(id, reviews.review(world, id, body))]
        case c.SendAccess():
            return [(id, send_access(matter_of(world, id), body))]
        case c.SplitTicket():
            ticket = _ticket(world, id)
            verbs.still_open(ticket)
            return registering.split(world, ticket, body)
    verb = verbs.VERBS.get(type(body))
    return [(id, verb(world, _ticket(world, id), body))] if verb else []


def send_access(matter: Matter, command: c.SendAccess) -> e.AccessSent:
    """Reception has sent the portal access that the call asked for. R75."""
    if matter.access != "requested":
        raise Refused(
            "access-not-requested", f"no access is to be sent for the call {command.call}", field="call"
        )
    return e.AccessSent(by=command.by)


def _ticket(world: World, id: str) -> Ticket:
    ticket = world.aggregates.get(id)
    if not isinstance(ticket, Ticket):
        raise Refused("ticket-unknown", f"there is no {id}", field="ticket")
    return ticket
