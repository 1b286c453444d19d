"""Facts that come before what they follow: they wait, and are decided on or rejected."""

from __future__ import annotations

import json
from datetime import timedelta

from contracts import registry
from contracts.protocol import Privacy, Protocol
from eventlog.codec import Message
from eventlog.core import Core
from eventlog.decider import Arrival
from services.decider import Decider
from services.intake.app import SERVICE
from tests.unit.given import at

CENTRE = "acme"


def core() -> Core:  # type: ignore[type-arg]
    """Intake with an empty memory, in a centre that goes by the real clock."""
    return Core(Decider(SERVICE, CENTRE), registry.source(CENTRE, "intake"))


def fact(seq: int, name: str, seconds: float, **data: object) -> Arrival:
    """A fact about the call c1, stored half a second after it occurred."""
    time = at(seconds)
    return Arrival("fact", "c1", Message(
        "c1", name, json.dumps(data).encode(), f"f{seq}", "/test", time=time, seq=seq,
        stored=time + timedelta(seconds=0.5), subject=registry.inbox_subject(CENTRE, "call", "c1"),
    ))  # fmt: skip


def names(messages: list[Message]) -> list[str]:
    """What was recorded."""
    return [message.name for message in messages]


def test_what_waits_is_decided_on_when_it_fits() -> None:
    """Each decision is one of its own, with the cause and the id that it would have had in order."""
    service, straight = core(), core()
    assert names(service.handle(fact(1, "call.held", 3, reason="x"))) == ["fact.deferred"]
    assert names(service.handle(fact(2, "call.answered", 2, agent="ana"))) == ["fact.deferred"]
    whole = service.handle(fact(3, "call.offered", 1))
    assert names(whole) == ["call.offered", "call.answered", "call.held"]
    assert [(it.cause, it.place) for it in whole] == [("f3", (1, 1)), ("f2", (1, 1)), ("f1", (1, 1))]
    in_order = [it for n, name, s in ((3, "call.offered", 1), (2, "call.answered", 2), (1, "call.held", 3))
                for it in straight.handle(fact(n, name, s))]  # fmt: skip
    assert {it.id for it in whole} == {it.id for it in in_order}
    assert service.due() is None


def test_what_waits_in_vain_is_rejected() -> None:
    """Five seconds after it came a fact is rejected for its first reason; then it may be sent again."""
    service = core()
    service.handle(fact(1, "call.answered", 2, agent="ana"))
    assert service.handle(fact(2, "call.answered", 2, agent="ana")._replace(
        message=fact(1, "call.answered", 2, agent="ana").message._replace(seq=2))) == []  # fmt: skip
    due = service.due()
    assert due
    assert due[0] == at(7.5)
    (rejected,) = service.handle(due[1])
    assert (rejected.name, json.loads(rejected.data)["rule"]) == ("fact.rejected", "call-unknown")
    assert json.loads(rejected.data)["kept"] == "inbox.acme.rejected.1"
    assert service.due() is None
    again = fact(1, "call.answered", 2, agent="ana").message._replace(seq=9)
    assert names(service.handle(Arrival("fact", "c1", again))) == ["fact.deferred"]


def test_what_cannot_be_read_any_more_may_be_sent_again() -> None:
    """Where the key is gone with the process, what waited is rejected in its time, and counts when it comes again."""
    deciders = [Decider(SERVICE, CENTRE) for _ in range(2)]
    before, after = [Core(it, registry.source(CENTRE, "intake"), secrecy=it.sealing) for it in deciders]
    for decider in deciders:
        decider.sealing.refer(Protocol(name="p", privacy=Privacy(non_customers="forgotten")))
    said = fact(1, "contact.given", 2, email="a@b.example")
    for seq, message in enumerate(before.handle(said), start=1):
        after.fold(message._replace(seq=seq))
    due = after.due()
    assert due
    assert names(after.handle(due[1])) == ["fact.rejected"]
    assert names(after.handle(fact(2, "call.offered", 1))) == ["call.offered"]
    assert "contact.given" in names(after.handle(said._replace(message=said.message._replace(seq=3))))


def test_a_hold_told_twice_does_not_hold_again() -> None:
    """What would have been refused in its time is refused, even if it would fit by now."""
    service = core()
    for seq, name, seconds in ((1, "call.offered", 0), (2, "call.answered", 1), (3, "call.held", 2)):
        service.handle(fact(seq, name, seconds))
    assert names(service.handle(fact(4, "call.held", 2.1))) == ["fact.deferred"]
    assert names(service.handle(fact(5, "call.resumed", 4))) == ["call.resumed"]
    due = service.due()
    assert due
    assert json.loads(service.handle(due[1])[0].data)["rule"] == "call-held"


def test_what_waited_and_is_refused_then_is_let_go() -> None:
    """It is rejected once, for the reason that it meets then, and may be sent again; others that waited go on."""
    service = core()
    for seq, name, seconds in ((1, "call.answered", 3), (2, "call.answered", 2), (3, "call.held", 4)):
        assert names(
            service.handle(fact(seq, name, seconds, **({"agent": f"a{seq}"} if seq < 3 else {})))
        ) == ["fact.deferred"]
    whole = service.handle(fact(4, "call.offered", 1))
    assert names(whole) == ["call.offered", "call.answered", "fact.rejected", "call.held"]
    assert json.loads(whole[2].data)["rule"] == "call-answered"
    assert service.due() is None
    again = fact(1, "call.answered", 3, agent="a1").message._replace(seq=9)
    assert names(service.handle(Arrival("fact", "c1", again))) == ["fact.rejected"]


def test_an_answer_behind_the_end() -> None:
    """The call was answered and is over; the others are told when."""
    service = core()
    service.handle(fact(1, "call.offered", 0))
    service.handle(fact(2, "call.ended", 4, by="caller"))
    *_, corrected = late = service.handle(fact(3, "call.answered", 2, agent="ana"))
    assert names(late)[0] == "call.answered"
    said = json.loads(corrected.data)
    assert (said["state"], said["agent"]) == ("ended", "ana")
    call = service.world.aggregates["c1"]
    assert (call.state, call.agent) == ("ended", "ana")


def test_an_end_by_a_clock_that_is_slow() -> None:
    """An end that says it was before the answer is the end all the same: the call does not go on, nor end again."""
    service = core()
    service.handle(fact(1, "call.offered", 0))
    service.handle(fact(2, "call.answered", 4, agent="ana"))
    assert names(service.handle(fact(3, "call.ended", 2, by="caller")))[0] == "call.ended"
    call = service.world.aggregates["c1"]
    assert (call.state, call.agent) == ("ended", "ana")
    assert names(service.handle(fact(4, "call.ended", 9, by="agent"))) == ["fact.rejected"]


def test_an_answer_too_late() -> None:
    """More than five seconds before the end there is nothing to put right: it is rejected as it was before."""
    service = core()
    service.handle(fact(1, "call.offered", 0))
    service.handle(fact(2, "call.ended", 40, by="caller"))
    (rejected,) = service.handle(fact(3, "call.answered", 30, agent="ana"))
    assert json.loads(rejected.data)["rule"] == "call-over"
