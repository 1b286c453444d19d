"""What a call or message is about: what it owes, what it repeats, and what its agent is shown."""

from __future__ import annotations

from collections.abc import Iterator

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import Decision
from contracts.protocol import Protocol
from services.tickets import policy
from services.tickets.state import (
    Matter,
    World,
    id_of,
    matter_of,
    open_ticket,
    protocol_of,
    tickets_of,
    unseen,
)


def on_need(world: World, id: str, event: e.NeedEstablished) -> Decision:
    """The need is known, or known otherwise than before."""
    protocol, matter = world.under(event.protocol), matter_of(world, id)
    if policy.idle(protocol) or (policy.forgets(protocol) and event.customer is None):
        return []
    events: list[Data] = []
    noted = e.NeedNoted(
        category=event.category,
        customer=event.customer,
        product=event.product,
        tool=event.tool,
        language=event.language,
        agent=event.agent,
        protocol=event.protocol,
    )
    if policy.follows(protocol) and noted != matter.need:
        events.append(noted)
    if policy.owes_ticket(protocol, event.category) and not matter.owed and id not in world.index.calls:
        events.append(e.TicketOwed(category=event.category))
    events += _detail(
        world, protocol, id, matter, noted, owed=any(isinstance(it, e.TicketOwed) for it in events)
    )
    events += _screenshot(protocol, matter, noted)
    if event.customer:
        events += _repeat(world, id, matter, event.customer)
        if protocol.cases.profile_after_request and matter.profile != event.customer:
            events.append(_profile(world, id, event.customer))
    return [(id, each) for each in events]


def _detail(
    world: World, protocol: Protocol, id: str, matter: Matter, need: e.NeedNoted, *, owed: bool
) -> Iterator[Data]:
    """Without a tool the need is taken in detail, and all but a question has a ticket. R65."""
    key = "r65.details"
    if need.tool or key in matter.told:
        return
    prompts = list(policy.prompt(protocol, key, need.language))
    yield from prompts
    settled = owed or matter.owed or id in world.index.calls
    if prompts and need.category != "question" and not settled:
        yield e.TicketOwed(category=need.category, rule="R65", agent=need.agent)


def _screenshot(protocol: Protocol, matter: Matter, need: e.NeedNoted) -> Iterator[Data]:
    """An error is to be seen on a picture that the client sends. R73."""
    if need.category in protocol.cases.screenshot_for and matter.screenshot is None:
        yield e.AttachmentRequested(rule="R73")
        yield from policy.prompt(protocol, "r73.screenshot", need.language)


def _repeat(world: World, id: str, matter: Matter, customer: str) -> Iterator[Data]:
    """The customer calls while other requests of theirs are pending. R33."""
    earlier = _open_before(world, customer, id)
    if earlier and not matter.repeat:
        yield e.RepeatNoted(customer=customer, tickets=earlier)


def _profile(world: World, id: str, customer: str) -> e.ProfileShown:
    """Open cases and recent contacts, now that the request is stated. R27."""
    recent = tuple(call for _, call in world.index.contacts.get(customer, ()) if call != id)
    return e.ProfileShown(customer=customer, tickets=_open_before(world, customer, id), contacts=recent)


def _open_before(world: World, customer: str, call: str) -> tuple[int, ...]:
    numbers = sorted(world.index.open.get(customer, ()))
    tickets = (open_ticket(world, number) for number in numbers)
    return tuple(ticket.number for ticket in tickets if ticket and ticket.call != call)


def on_message(world: World, id: str, message: f.MessageReceived) -> Decision:
    """Somebody has written: their matter may owe a ticket too. R62."""
    id, protocol = f"message:{id.removeprefix('message:')}", world.protocol
    if policy.forgets(protocol) and message.customer is None:
        return []
    if not policy.owes_ticket(protocol, message.category) or matter_of(world, id).owed:
        return []
    return [(id, e.TicketOwed(category=message.category))]


def on_breached(world: World, id: str, event: e.DeadlineBreached) -> Decision:
    """The time in which even a simple question needs no ticket is over. R71."""
    id = id.removeprefix("matter:")
    matter = matter_of(world, id)
    if event.rule != "R71" or matter.late or id in world.index.calls or unseen(world, matter):
        return []
    category = matter.need.category if matter.need else "question"
    agent = matter.need.agent if matter.need else None
    return [(id, e.TicketOwed(category=category, rule="R71", agent=agent))]


def on_prioritised(world: World, id: str, event: e.RequestPrioritised) -> Decision:
    """The call's cases go first, also the one that is yet to be registered. R39."""
    matter, protocol = matter_of(world, id), world.under(event.protocol)
    if policy.idle(protocol) or unseen(world, matter):
        return []
    if tickets := tickets_of(world, id):
        raised = e.TicketPrioritised(rule=event.rule, priority=1)
        return [(id_of(ticket.number), raised) for ticket in tickets if ticket.priority > 1]
    if matter.first or id in world.index.calls:
        return []
    category = matter.need.category if matter.need else "complaint"
    return [(id, e.TicketOwed(category=category, rule=event.rule, agent=event.agent))]


def on_follow_up(world: World, id: str, event: e.FollowUpRequested) -> Decision:
    """The departments responsible work in the call's case; without a case one is owed. R41."""
    matter, protocol = matter_of(world, id), world.under(event.protocol)
    if policy.idle(protocol) or unseen(world, matter):
        return []
    if tickets := tickets_of(world, id):
        departments = protocol.cases.follow_up_departments
        return [
            (id_of(ticket.number), e.DepartmentInvolved(department=department, rule=event.rule))
            for ticket in tickets
            for department in departments.get(ticket.category, ())
            if department not in (ticket.desk, *ticket.departments)
        ]
    if matter.follow_up or id in world.index.calls:
        return []
    category = matter.need.category if matter.need else "complaint"
    return [(id, e.TicketOwed(category=category, rule=event.rule))]


def on_question(world: World, id: str, event: f.QuestionAnswered) -> Decision:
    """Nothing is resolved on a call before its ticket, but very simple questions with a known answer. R70.

    Nor these once the time for them is over. R71.
    """
    matter = matter_of(world, id)
    protocol, need = protocol_of(world, matter), matter.need
    if not protocol.cases.before_answer or id in world.index.calls or unseen(world, matter):
        return []
    exempt = event.known and event.simple and not (need and need.category == "error")
    if exempt and not matter.late:
        return []
    rule = "R71" if exempt else "R70"
    detail = (
        "the call took too long to go on without a ticket" if exempt else "answered before it has a ticket"
    )
    by = need.agent if need else None
    return [(id, e.RuleViolated(rule=rule, fact="question.answered", by=by, detail=detail))]


def on_released(world: World, id: str, event: e.CallReleased) -> Decision:
    """The centre has finished the call: its review goes by the rule. R50."""
    matter = matter_of(world, id)
    if not protocol_of(world, matter).scorecard or matter.released == event.rule or unseen(world, matter):
        return []
    return [(id, e.ReleaseNoted(rule=event.rule, by=event.by))]
