"""What cannot be handled is tried again, set aside and kept; the rest goes on, and order within a call is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from centralita import deadletters
from centralita.addressing import addressed
from centralita.client import Refusal
from centralita.deadletters import Letter
from centralita.verify import verify
from contracts import facts as f
from contracts import registry
from services.intake import domain as intake
from services.routing import domain as routing
from services.sla import domain as sla
from tests.e2e.centre import Centre, advanced, fact, offered, signed_in
from tests.e2e.conftest import Open
from tests.e2e.stacks import OneProcess

WHO = ("eva", "mended")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcess]:
    """A stack in this process, in which faults can be planted."""
    stack = OneProcess(tmp_path_factory.mktemp("stack"))
    yield stack
    stack.stop()


class Poison:
    """A handler that raises for what is about one call as long as it is not cured, and counts how often."""

    def __init__(self, about: str, handler: Callable[..., Any]) -> None:
        self.about, self.handler, self.cured, self.tried = about, handler, False, 0

    def __call__(self, first: Any, *rest: Any) -> Any:
        ids = [getattr(it, "id", "") for it in (first, *rest)]
        if self.about in ids and not self.cured:
            self.tried += 1
            raise KeyError(f"poison of {self.about}")
        return self.handler(first, *rest)


async def letters(centre: Centre) -> list[Letter]:
    """Those that are open."""
    return [it for it in await deadletters.letters(centre.client, centre.name) if it.open]


async def resend(centre: Centre, letter: Letter, data: bytes | None = None) -> str:
    """Send a letter again; what came of it."""
    return (await deadletters.resend(centre.client, centre.name, letter, *WHO, data=data)).what


async def sound(centre: Centre, stack: OneProcess) -> None:
    """All services are active, and the log is as it must be."""
    await centre.client.settle(centre.name)
    for host in stack.hosts.values():
        assert host.seats[centre.name].runner.state == "active"
    assert (await verify(centre.client, centre.name)).wrong == []


async def test_a_poison_fact(centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried four times and set aside with all that is known; others wait less than a second, its own call's
    facts behind it, and once it is sent again the story is the same as without it."""
    poison = Poison("c1", intake.FACTS[f.CallAnswered])
    monkeypatch.setitem(intake.FACTS, f.CallAnswered, poison)  # type: ignore[arg-type]
    await centre.tell(signed_in("ana"), offered("c1", 0), offered("c2", 0))
    greeted = fact("call.greeted", "c1", 2, agent="ana")
    answered = [fact("call.answered", call, 1, agent="ana") for call in ("c1", "c2")]
    await centre.tell(answered[0], greeted, answered[1])
    assert await waited(centre, "c2") < 1
    await centre.tell(answered[0], greeted)  # repeats lead to nothing
    assert poison.tried == 4

    first, second = await letters(centre)
    assert (first.kind, first.type, first.attempts, first.behind) == ("fact", "call.answered", 4, None)
    assert first.reason == f"KeyError at {__name__}:{poison_line()} __call__"
    said = (await centre.events("intake", "c1", "deadletter.set_aside"))[0]
    assert said["stack"].splitlines()[-1] == "KeyError: 'poison of c1'"
    assert first.message.cause == answered[0].id
    assert (second.type, second.attempts, second.behind) == ("call.greeted", 0, first.position)
    kept = await deadletters.original(centre.client, centre.name, first)
    assert kept is not None
    assert kept.message().id == answered[0].id
    assert (await centre.query("intake", "status"))["deadletters"] == 2

    assert await resend(centre, second) == "rejected"  # it is not its turn
    assert await resend(centre, first) == "set aside again"
    poison.cured = True
    second, refused, first = await letters(centre)
    assert (first.attempts, refused.state) == (2, "rejected")  # such a fault is not waited for again
    assert await resend(centre, first) == "resent"
    assert await resend(centre, second) == "resent"
    await centre.tell(answered[0], greeted)
    names = await centre.names("intake", "c1")
    assert names.count("call.answered") == names.count("call.greeted") == 1
    assert names.index("call.answered") < names.index("call.greeted")
    assert (await centre.deadlines("c1"))["answer"] == "met"
    resent = (await centre.events("intake", "c1", "deadletter.resent"))[-1]
    assert (resent["by"], resent["why"]) == WHO
    assert [it.state for it in await letters(centre)] == ["rejected"]
    await sound(centre, stack)


async def waited(centre: Centre, call: str) -> float:
    """Seconds from when the answer to a call was stored in the inbox to when it was on the log."""
    (answer,) = [it for it in await centre.client.story(centre.name, call) if it.name == "call.answered"]
    told = await centre.client.inbox(centre.name).get(answer.inbox)
    assert told is not None
    assert answer.stored is not None
    return (answer.stored - told.stored).total_seconds()


def poison_line() -> int:
    """Where `Poison` raises."""
    return Poison.__call__.__code__.co_firstlineno + 4


async def test_a_fault_while_a_decision_happens(
    centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error in evolve, which once ended the session for ever, is set aside too, and nothing of it has happened."""
    evolve, faulty = intake.evolve, [True]

    def evolving(aggregate: Any, event: Any, at: Any) -> Any:
        if isinstance(event, f.CallAnswered) and faulty:
            raise ZeroDivisionError
        return evolve(aggregate, event, at)

    monkeypatch.setattr(intake, "evolve", evolving)
    await centre.tell(signed_in("ana"), offered("c1", 0), fact("call.answered", "c1", 1, agent="ana"))
    (letter,) = await letters(centre)
    assert letter.reason.startswith("ZeroDivisionError")
    await centre.tell(offered("c2", 1))
    faulty.clear()
    assert await resend(centre, letter) == "resent"
    await sound(centre, stack)


async def test_a_fault_in_what_things_are_found_by(
    centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory is changed by half it is built anew, once, and the fact set aside that broke it."""
    note, faulty = intake.Index.note, [True]

    def noting(index: Any, id: str, before: Any, after: Any) -> None:
        if id == "c1" and getattr(after, "agent", None) == "ana" and faulty:
            raise ZeroDivisionError
        note(index, id, before, after)

    monkeypatch.setattr(intake.Index, "note", noting)
    await centre.tell(signed_in("ana"), offered("c1", 0), fact("call.answered", "c1", 1, agent="ana"))
    (letter,) = await letters(centre)
    assert letter.reason.startswith("ZeroDivisionError")
    faulty.clear()
    assert await resend(centre, letter) == "resent"
    await sound(centre, stack)


async def test_a_poison_event_and_the_timers_that_wait_for_it(
    centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as an answer cannot be taken in, no promise that hangs on it is broken; sent again it is kept in time."""
    poison = Poison("c1", sla.REACTIONS[f.CallAnswered])
    monkeypatch.setitem(sla.REACTIONS, f.CallAnswered, poison)
    await centre.tell(signed_in("ana"), offered("c1", 0), offered("c2", 0))
    await centre.tell(offered("c3", 0), advanced(1))
    await centre.tell([fact("call.answered", call, 3, agent="ana") for call in ("c1", "c3")], advanced(3))
    await centre.tell([fact("call.ended", call, 60, by="caller") for call in ("c1", "c3")], advanced(60))
    first, *behind = await letters(centre)
    assert (first.service, first.kind, first.type) == ("sla", "event", "call.answered")
    assert {it.behind for it in behind} == {first.position}
    assert (await centre.deadlines("c1"))["answer"] == "running"
    assert (await centre.deadlines("c2"))["answer"] == "breached"
    with pytest.raises(Refusal, match="set aside before it"):
        await resend(centre, behind[0])
    assert await resend(centre, first) == "set aside again"
    poison.cured = True
    while waiting := await letters(centre):
        assert await resend(centre, min(waiting, key=lambda it: it.position)) == "resent"
    assert (await centre.deadlines("c1"))["answer"] == "met"
    assert await centre.deadlines("c1") == await centre.deadlines("c3")
    await sound(centre, stack)


async def test_a_poison_timer(centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set aside and not due any more, others fire; sent again it fires, discarded it never does."""
    poison = [Poison(call, sla.REACTIONS[sla.Due]) for call in ("c1", "c3")]
    poison[1].handler = poison[0]
    monkeypatch.setitem(sla.REACTIONS, sla.Due, poison[1])
    await centre.tell([offered(call, 0) for call in ("c1", "c2", "c3")], advanced(60))
    first, second = await letters(centre)
    assert (first.kind, first.about, first.message.cause) == ("timer", "c1", "c1.answer")
    assert (await centre.deadlines("c2"))["answer"] == "breached"
    assert (await centre.deadlines("c1"))["answer"] == "running"
    assert await resend(centre, first) == "resent"
    await centre.client.settle(centre.name)
    *_, first = await letters(centre)
    poison[0].cured = True
    assert await resend(centre, first) == "resent"
    await deadletters.discard(centre.client, centre.name, second, *WHO)
    await centre.tell(advanced(90))
    assert (await centre.deadlines("c1"))["answer"] == "breached"
    assert (await centre.deadlines("c3"))["answer"] == "running"
    await sound(centre, stack)


async def test_agents_go_on(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is about an agent waits for nothing that was set aside about the same one."""
    poison = Poison("agent:ana", routing.decide)
    monkeypatch.setattr(routing, "decide", poison)
    poison.cured = True
    await centre.tell(signed_in("ana"))
    poison.cured = False
    await centre.client.publish(centre.name, [fact("agent.busy", "ana", 1)])
    while poison.tried != 4:
        await asyncio.sleep(0.01)
    poison.cured = True
    await centre.tell(fact("agent.available", "ana", 2))
    assert [it.type for it in await letters(centre)] == ["agent.busy"]
    assert (await centre.names("routing", "agent:ana"))[-1] == "agent.available"


async def test_a_rejected_fact_is_mended_or_discarded(centre: Centre) -> None:
    """It is sent again with other data and led by the record of who did so; a discarded one leaves no original."""
    await centre.tell(offered("c1", 0), fact("request.stated", "c1", 1, text="hola", category="weather"))
    await centre.tell(fact("request.stated", "c9", 1, text="hola", category="weather"))
    mended, lost = await letters(centre)
    assert {mended.state, lost.state} == {"rejected"}
    assert await resend(centre, mended) == "rejected"
    assert await resend(centre, mended, b'{"text": "hola", "category": "invoice"}') == "resent"
    assert "request.stated" in await centre.names("intake", "c1")
    await deadletters.discard(centre.client, centre.name, lost, *WHO)
    assert await deadletters.original(centre.client, centre.name, lost) is None
    (discarded,) = await centre.events("intake", "c9", "deadletter.discarded")
    assert (discarded["by"], discarded["why"]) == WHO


async def test_a_flood_of_poison(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty calls that cannot be handled hold up another one for less than a second all together."""
    handler = intake.FACTS[f.CallAnswered]

    def poison(world: Any, input: Any, *rest: Any) -> Any:
        if input.id != "good":
            raise KeyError(input.id)
        return handler(world, input, *rest)

    monkeypatch.setitem(intake.FACTS, f.CallAnswered, poison)
    bad = [f"c{number}" for number in range(30)]
    await centre.tell([offered(call, 0) for call in (*bad, "good")])
    await centre.tell(fact("call.answered", call, 1) for call in (*bad, "good"))
    assert await waited(centre, "good") < 1
    assert len(await letters(centre)) == 30


async def test_a_poison_command(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked is told, nothing is set aside, and memory is as it was."""
    from services.tickets import domain as tickets

    evolve, faulty = tickets.evolve, [True]

    def evolving(*step: Any) -> Any:
        if faulty:
            raise ZeroDivisionError
        return evolve(*step)

    monkeypatch.setattr(tickets, "evolve", evolving)
    with pytest.raises(Refusal) as refusal:
        await centre.command("tickets", "register", category="invoice", need="paid twice", by="ana")
    assert refusal.value.problem.status == 500
    faulty.clear()
    made = await centre.command("tickets", "register", category="invoice", need="paid twice", by="ana")
    assert made["data"]["number"] == 1
    assert await letters(centre) == []


async def test_nothing_is_quoted_of_whom_a_centre_forgets(
    open_centre: Open, stack: OneProcess, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Of a stranger's fact frames and the error's type are kept, no original, and so the call goes on without it."""
    centre = await open_centre("insurer")

    def poison(world: Any, input: Any, *rest: Any) -> Any:
        raise KeyError(input.body.text)

    monkeypatch.setitem(intake.FACTS, f.RequestStated, poison)
    stated = fact("request.stated", "c1", 3, text="mi azafrán", category="invoice")
    await centre.tell(signed_in("ana"), offered("c1", 0), stated, fact("call.answered", "c1", 4, agent="ana"))
    (letter,) = await letters(centre)
    (aside,) = await centre.events("intake", "c1", "deadletter.set_aside")
    assert aside["stack"].splitlines()[-1] == "KeyError"
    assert "kept" not in aside
    assert "call.answered" in await centre.names("intake", "c1")
    with pytest.raises(ValueError, match="is not kept"):
        await resend(centre, letter)
    await deadletters.discard(centre.client, centre.name, letter, *WHO)
    log = b"".join(message.data for message in await centre.log() if message.aggregate == "c1").decode()
    assert "azafrán" not in log + "".join(capfd.readouterr())


async def test_a_letter_sent_again_twice(
    centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who send the same letter again do what one would: it is set aside once, is decided on once, and nothing
    waits behind it afterwards."""
    poison = Poison("c1", intake.FACTS[f.CallAnswered])
    monkeypatch.setitem(intake.FACTS, f.CallAnswered, poison)  # type: ignore[arg-type]
    await centre.tell(signed_in("ana"), offered("c1", 0))
    answered = fact("call.answered", "c1", 1, agent="ana")
    await centre.tell(answered)
    for cured, left in ((False, 1), (True, 0)):
        poison.cured = cured
        (letter,) = await letters(centre)
        again = addressed(answered, centre.name)[1]._replace(resends=letter.position, actor="eva", why="both")
        where = registry.inbox_subject(centre.name, "call", "c1")
        await centre.client.inbox(centre.name).append([(where, again), (where, again)])
        await centre.client.settle(centre.name)
        assert len(await letters(centre)) == left
    await centre.tell(fact("call.greeted", "c1", 2, agent="ana"))
    assert (await centre.names("intake", "c1")).count("call.answered") == 1
    assert (await centre.names("intake", "c1"))[-1] == "call.greeted"
    await sound(centre, stack)


async def test_a_letter_whose_fact_was_decided_on_meanwhile(
    centre: Centre, stack: OneProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that is too long to be told from its repeats is set aside twice; sent again the repeat leads to nothing,
    and holds up nothing any more."""
    poison = Poison("c1", intake.FACTS[f.CallAnswered])
    monkeypatch.setitem(intake.FACTS, f.CallAnswered, poison)  # type: ignore[arg-type]
    await centre.tell(signed_in("ana"), offered("c1", 0))
    answered = replace(fact("call.answered", "c1", 1, agent="ana"), id="x" * 300)
    await centre.tell(answered, answered)
    poison.cured = True
    for letter in await letters(centre):
        assert await resend(centre, letter) == "resent"
    assert await letters(centre) == []
    assert (await centre.names("intake", "c1")).count("call.answered") == 1
    await sound(centre, stack)
