"""Incidents and problems: several tickets may have one cause, and hear of it together."""

from __future__ import annotations

from contracts import commands as c
from contracts import events as e
from contracts.base import Data, Refused
from contracts.deciding import Decision
from services.tickets import policy
from services.tickets.state import Problem, World, open_ticket


def id_of(number: int) -> str:
    """The aggregate of the problem with this number."""
    return f"problem:{number}"


def open_problem(world: World, command: c.OpenProblem) -> Decision:
    """Take up the common cause of incidents under the next number. R76."""
    opened = e.ProblemOpened(number=world.index.next_problem, title=command.title, by=command.by)
    return [(id_of(opened.number), opened)]


def on_command(world: World, problem: Problem, command: Data) -> Data:
    """Work on a problem that is not resolved. R76."""
    if problem.resolved:
        raise Refused("problem-resolved", f"problem {problem.number} is resolved", field="problem")
    match command:
        case c.LinkIncident():
            return _link(world, problem, command)
        case c.PublishWorkaround():
            reached = _incidents(world, problem, resolved=True)
            return e.WorkaroundPublished(text=command.text, incidents=reached, by=command.by)
        case c.ResolveProblem():
            proposed = _incidents(world, problem, resolved=False)
            return e.ProblemResolved(resolution=command.resolution, incidents=proposed, by=command.by)
    raise TypeError(type(command).__name__)


def _link(world: World, problem: Problem, command: c.LinkIncident) -> Data:
    if command.ticket >= world.index.next:
        raise Refused("ticket-unknown", f"there is no ticket {command.ticket}", field="ticket")
    if (of := world.index.problems.get(command.ticket)) is not None:
        raise Refused("incident-linked", f"ticket {command.ticket} belongs to problem {of}", field="ticket")
    if open_ticket(world, command.ticket) is None:
        raise Refused(
            "ticket-over",
            f"ticket {command.ticket} is closed",
            field="ticket",
            expected="a ticket not closed",
        )
    return e.IncidentLinked(ticket=command.ticket, by=command.by)


def _incidents(world: World, problem: Problem, *, resolved: bool) -> tuple[int, ...]:
    """Those that are not closed; on demand also those that are resolved."""
    tickets = (open_ticket(world, number) for number in problem.incidents)
    return tuple(it.number for it in tickets if it and (resolved or not policy.is_over(it.state)))
