"""What comes up on a call beside its matter: unclear needs, cases asked about, screenshots, access, callbacks."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.deciding import Decision
from services.tickets import policy
from services.tickets.state import Matter, Ticket, World, id_of, matter_of, open_ticket, protocol_of, unseen


def on_unclear(world: World, id: str, event: f.RequestUnclear) -> Decision:
    """A remote session must show what is needed. R66."""
    matter = matter_of(world, id)
    prompts = list(_prompt(world, matter, "r66.session"))
    if matter.unclear or not prompts:
        return []
    return [(id, e.NeedUnclear()), *((id, each) for each in prompts)]


def on_session_started(world: World, id: str, event: f.RemoteSessionStarted) -> Decision:
    """The agent looks at the screen; without consent that counts for nothing, and is a violation. R66."""
    matter = matter_of(world, id)
    if not matter.unclear:
        return []
    if not event.consent:
        by = matter.need.agent if matter.need else None
        detail = "the remote session began without the client's consent"
        return [(id, e.RuleViolated(rule="R66", fact="remote_session.started", by=by, detail=detail))]
    if matter.session == "running":
        return []
    running = e.NeedExamined(session="running", screens=matter.screens, pictures=matter.pictures)
    return [(id, running)]


def on_session_ended(world: World, id: str, event: f.RemoteSessionEnded) -> Decision:
    """It is known now which screens the request is about. R66."""
    matter = matter_of(world, id)
    if not matter.unclear or matter.session != "running":
        return []
    screens = tuple(dict.fromkeys((*matter.screens, *event.screens)))
    return [(id, _examined("over", screens, matter.pictures))]


def on_screenshot(world: World, id: str, event: f.ScreenshotTaken) -> Decision:
    """One screen concerned is on a picture; with the last of them the need is clear. R66."""
    matter = matter_of(world, id)
    if not matter.unclear or matter.session is None or event.screen in matter.pictures:
        return []
    return [(id, _examined(matter.session, matter.screens, (*matter.pictures, event.screen)))]


def _examined(session: str, screens: tuple[str, ...], pictures: tuple[str, ...]) -> Data:
    if session == "over" and pictures and set(screens) <= set(pictures):
        return e.NeedCleared(screens=screens or pictures)
    return e.NeedExamined(
        session="over" if session == "over" else "running", screens=screens, pictures=pictures
    )


def on_asked_about(world: World, id: str, event: f.TicketAskedAbout) -> Decision:
    """The caller asks how a case stands. Without a number they are asked for it. R68.

    One that another department works on has that department's name told, and notes each such contact. R69. Whose
    owner is on the call is with no other.
    """
    matter = matter_of(world, id)
    if event.ticket is None or not 1 <= event.ticket < world.index.next:
        return [(id, each) for each in _prompt(world, matter, "r68.number")]
    ticket = open_ticket(world, event.ticket)
    if ticket is None or policy.is_over(ticket.state) or not (department := _department(ticket)):
        return []
    agent = matter.need.agent if matter.need else None
    if agent and agent == ticket.owner:
        return []
    names = protocol_of(world, matter).departments
    values = {"ticket": str(ticket.number), "department": names.get(department, department)}
    prompts = list(_prompt(world, matter, "r69.working", values))
    if not prompts:
        return []
    by = agent or "tickets"
    text = policy.ASKED[protocol_of(world, matter).language]
    comment = e.TicketCommented(text=text, by=by, call=id)
    return [*((id, each) for each in prompts), (id_of(ticket.number), comment)]


def _department(ticket: Ticket) -> str | None:
    """Who works on it: whoever joined last, else the desk."""
    return ticket.departments[-1] if ticket.departments else ticket.desk


def on_screenshot_declined(world: World, id: str, event: f.ScreenshotDeclined) -> Decision:
    """Who minds being asked for a picture is promised a call back instead. R74."""
    matter = matter_of(world, id)
    protocol = protocol_of(world, matter)
    if not protocol.cases.screenshot_for or matter.callback or unseen(world, matter):
        return []
    tickets = world.index.calls.get(id, ())
    promised = e.CallbackPromised(
        rule="R74",
        agent=matter.need.agent if matter.need else None,
        ticket=tickets[-1] if tickets else None,
        protocol=protocol.version,
    )
    return [(id, promised), *((id, each) for each in _prompt(world, matter, "r74.promise"))]


def on_contact(world: World, id: str, event: f.ContactMade) -> Decision:
    """The client was reached: a promised callback is made. R74."""
    if matter_of(world, id).callback != "promised" or event.outcome != "reached":
        return []
    return [(id, e.CallbackMade(by=event.owner))]


def on_access_missing(world: World, id: str, event: f.AccessMissing) -> Decision:
    """Reception is asked to send the access; without an e-mail address the client is asked for it first. R75."""
    matter = matter_of(world, id)
    desk = protocol_of(world, matter).cases.reception_desk
    if desk is None or matter.access == "requested" or unseen(world, matter):
        return []
    if event.email is None:
        return [(id, each) for each in _prompt(world, matter, "r75.email")]
    customer = matter.need.customer if matter.need else None
    return [(id, e.AccessRequested(email=event.email, customer=customer, desk=desk))]


def _prompt(
    world: World, matter: Matter, key: str, values: policy.Values | None = None
) -> list[e.PromptIssued]:
    """What is to be said, if the protocol has it and something of the caller may remain."""
    if unseen(world, matter):
        return []
    language = matter.need.language if matter.need else None
    return policy.prompt(protocol_of(world, matter), key, language, values)
