"""Blocks: asked for, decided by a supervisor, and what they keep out, to the instant."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts import commands as c
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.protocol import ConductLadder, Protocol
from contracts.protocol import Privacy as PrivacyOf
from services.intake import domain
from tests.unit.given import at, happen, when
from tests.unit.on_a_call import OFFERED, PHONE, begun, names, scripted, then
from tests.unit.test_intake_conduct import OBSCENE, WARNED_TWICE, spoken

CENTRE = scripted(
    "r47.release", "r35.first", "r36.second", "r37.release", conduct=ConductLadder(blocked_for_s=100)
)
ENDED = f.CallEnded()


def ask(world: Any, command: Data, seconds: float = 0) -> Data:
    """The one event that a command leads to; Refused where it may not be."""
    ((_, event),) = happen(
        domain, world, when(domain.subject_of(command), command, seconds, kind="command", actor="x")
    )
    return event


def refusal(world: Any, command: Data, seconds: float = 0) -> str:
    """The rule by which a command is refused."""
    with pytest.raises(Refused) as refused:
        ask(world, command, seconds)
    return refused.value.rule


def approve(by: str = "eva", until: datetime | None = None) -> c.ApproveBlock:
    """The supervisor blocks the number."""
    return c.ApproveBlock(block="c1", by=by, until=until)


def blocked(protocol: Protocol = CENTRE) -> Any:
    """A centre whose block of an obscene caller was approved at 10 s."""
    world = begun(protocol, OBSCENE, spoken("r47.release"), ENDED)
    ask(world, approve(), 10)
    return world


def call_at(world: Any, seconds: float, call: str = "c2", fact: f.CallOffered = OFFERED) -> list[str]:
    """What follows from a call that comes in then."""
    return names(then(world, fact, call=call, seconds=seconds))


def test_an_obscene_callers_number_is_put_before_a_supervisor() -> None:
    """R48: at once, once per call, with who reported it."""
    world = begun(CENTRE)
    events = then(world, OBSCENE)
    assert events[-1] == e.BlockRequested(number=PHONE, call="c1", by="ana")
    assert then(world, OBSCENE) == []
    assert not domain.closed(world.aggregates["block:c1"])


def test_a_number_that_was_withheld_cannot_be_blocked() -> None:
    """R48: the caller is released all the same."""
    world = begun(CENTRE)
    then(world, f.CallOffered(), f.CallAnswered(), call="c2")
    assert "BlockRequested" not in names(then(world, OBSCENE, call="c2"))
    assert refusal(world, c.RequestBlock(call="c2", by="ana")) == "number-withheld"


def test_in_a_discreet_centre_strangers_are_not_blocked() -> None:
    """R29 prevails over R48; a customer's number is put forward."""
    protocol = CENTRE.model_copy(update={"privacy": PrivacyOf(non_customers="forgotten")})
    world = begun(protocol)
    assert names(then(world, OBSCENE)) == ["ConductAdvanced R47", "r47.release", "ReleaseAllowed R47"]
    assert refusal(world, c.RequestBlock(call="c1", by="ana")) == "R29"
    known = begun(protocol, f.CallerIdentified(standing="customer", customer="42"))
    assert "BlockRequested" in names(then(known, OBSCENE))


@pytest.mark.parametrize(
    "command",
    [
        approve("ana"),
        approve("nobody"),
        c.RefuseBlock(block="c1", by="ana", reason="no"),
        c.LiftBlock(block="c1", by="ana", reason="no"),
    ],
)
def test_only_a_supervisor_decides(command: Data) -> None:
    """R48: an agent is refused, and so is somebody unknown."""
    assert refusal(begun(CENTRE, OBSCENE), command) == "R48"


def test_an_agent_may_ask_for_a_block() -> None:
    """R48: be it when the call is over; once for a call, and not for who was released for offences (R37)."""
    world = begun(CENTRE, ENDED)
    command = c.RequestBlock(call="c1", by="ana")
    assert ask(world, command) == e.BlockRequested(number=PHONE, call="c1", by="ana")
    assert refusal(world, command) == "block-known"
    offensive = begun(CENTRE, *WARNED_TWICE, WARNED_TWICE[0], spoken("r37.release"), ENDED)
    assert refusal(offensive, command) == "R37"


def test_an_approved_block_lasts_as_the_protocol_says_or_the_supervisor() -> None:
    """R48: until the time given, else as long as usual, else for good."""
    for protocol, until, lasts in [
        (CENTRE, None, at(110)),
        (CENTRE, at(20), at(20)),
        (scripted(conduct=ConductLadder()), None, None),
    ]:
        event = ask(begun(protocol, OBSCENE), approve(until=until), 10)
        assert event == e.BlockApproved(by="eva", until=lasts, protocol=1)
    assert refusal(begun(CENTRE, OBSCENE), approve(until=at(10)), 10) == "block-until-past"


@pytest.mark.parametrize("year", [2200, 9999])
def test_a_block_ends_when_it_can_be_reckoned(year: int) -> None:
    """R48: a time after which no clock goes on is refused: its timer could never be set."""
    until = datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert refusal(begun(CENTRE, OBSCENE), approve(until=until), 10) == "block-until-far"


@pytest.mark.parametrize(
    ("seconds", "follows"),
    [
        (9.999, []),
        (10, ["CallRefused R48"]),
        (109.999, ["CallRefused R48"]),
        (110, []),
        (110.001, []),
    ],
)
@pytest.mark.parametrize("expired", [False, True])
def test_a_blocked_number_is_kept_out_until_the_very_instant(
    seconds: float, follows: list[str], expired: bool
) -> None:
    """R48: by the call's own time, whether or not the expiry was recorded by then; at the instant it is taken."""
    world = blocked()
    if expired:
        over(world)
    assert call_at(world, seconds) == follows


def over(world: Any) -> list[str]:
    """What follows when sla says that the block's time is over."""
    warned = e.DeadlineWarned(deadline="block", rule="R48", due=at(110))
    return names([e for _, e in happen(domain, world, when("block:c1", warned, 110, kind="event"))])


def test_a_block_expires_once() -> None:
    """R48: on the clock's word; not one that was lifted."""
    world = blocked()
    assert over(world) == ["BlockExpired"]
    assert over(world) == []
    lifted = blocked()
    ask(lifted, c.LiftBlock(block="c1", by="eva", reason="mistake"), 20)
    assert over(lifted) == []


def test_other_numbers_are_taken() -> None:
    """R48: and so is one that is only asked to be blocked, or was refused to be."""
    other = f.CallOffered.model_validate({"from": "+34600999888"})
    assert call_at(blocked(), 20, fact=other) == []
    assert call_at(blocked(), 20, fact=f.CallOffered()) == []
    asked = begun(CENTRE, OBSCENE)
    assert call_at(asked, 20) == []
    ask(asked, c.RefuseBlock(block="c1", by="eva", reason="a joke"), 30)
    assert call_at(asked, 40, "c3") == []


def test_a_lifted_block_keeps_nobody_out() -> None:
    """R48: a supervisor may end it before its time, once."""
    world = blocked()
    lift = c.LiftBlock(block="c1", by="eva", reason="mistake")
    assert ask(world, lift, 20) == e.BlockLifted(by="eva", reason="mistake")
    assert call_at(world, 20) == []
    assert refusal(world, lift, 30) == "block-not-approved"


def test_a_block_is_decided_once() -> None:
    """R48: what was decided cannot be decided anew, only lifted; what nobody asked for not at all."""
    world = blocked()
    assert refusal(world, approve(), 20) == "block-decided"
    assert refusal(world, c.RefuseBlock(block="c1", by="eva", reason="no"), 20) == "block-decided"
    assert refusal(world, c.LiftBlock(block="c1", by="eva", reason="late"), 110) == "block-not-approved"
    assert refusal(world, c.ApproveBlock(block="c9", by="eva")) == "block-unknown"


def test_a_call_that_is_not_taken_is_over() -> None:
    """R48: nobody answers it; telephony may say once more that it has ended."""
    world = blocked()
    call_at(world, 20)
    assert domain.closed(world.aggregates["c2"])
    with pytest.raises(Refused, match="refused"):
        then(world, f.CallAnswered(), call="c2")
    assert then(world, ENDED, call="c2") == []
    with pytest.raises(Refused, match="over"):
        then(world, ENDED, call="c2")


def test_blocks_are_listed_with_the_calls_they_kept_out() -> None:
    """R48: an accidental block stays visible."""
    world = blocked()
    call_at(world, 20)
    call_at(world, 30, "c3")
    (block,) = domain.listed_blocks(world, c.BlocksQuery())["blocks"]
    assert block == {
        "block": "c1", "call": "c1", "number": PHONE, "state": "approved", "by": "ana",
        "since": at(10).isoformat(), "until": at(110).isoformat(), "refused_calls": ["c2", "c3"],
    }  # fmt: skip
    assert domain.listed_blocks(world, c.BlocksQuery(state="lifted"))["blocks"] == []
