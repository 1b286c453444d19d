"""What intake records beside calls, and which facts a call takes before, during and after."""

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.protocol import PLAIN, Privacy, Protocol
from services.intake import domain
from tests.unit.given import given, happen, when
from tests.unit.on_a_call import ANA, OFFERED, begun, names, scripted, then

MAIL = f.MessageReceived(channel="email", category="complaint")


def test_whoever_signs_in_is_introduced_once() -> None:
    """R26, R46: again only when name or role have changed."""
    world = given(domain)

    def introduced(signed_in: f.AgentSignedIn) -> list[tuple[str, Data]]:
        return happen(domain, world, when("agent:ana", signed_in, kind="event", origin="routing"))

    assert introduced(ANA) == [("agent:ana", e.AgentIntroduced(name="Ana Roca", role="agent"))]
    assert introduced(ANA.model_copy(update={"desks": ("sales",)})) == []
    promoted = f.AgentSignedIn(name="Ana Roca", role="supervisor")
    assert introduced(promoted) == [("agent:ana", e.AgentIntroduced(name="Ana Roca", role="supervisor"))]


def test_a_message_is_received_and_answered_once() -> None:
    """What is not there cannot be answered, nor twice what is."""
    world, answered = given(domain), f.MessageAnswered(by="ana")
    for fact, rule in [(answered, "message-unknown"), (MAIL, ""), (MAIL, "message-known"), (answered, "")]:
        if not rule:
            assert happen(domain, world, when("message:m1", fact)) == [("message:m1", fact)]
            continue
        with pytest.raises(Refused) as refused:
            domain.decide(world, when("message:m1", fact))
        assert refused.value.rule == rule
    with pytest.raises(Refused, match="answered before"):
        domain.decide(world, when("message:m1", answered))
    assert domain.closed(world.aggregates["message:m1"])


def test_a_customers_access_changes() -> None:
    """Recorded of who is in the directory."""
    changed = f.CustomerAccessChanged(portal=True)
    entry = f.CustomerRegistered(name="Sol", kind="x")
    world = given(domain, PLAIN, [("customer:c7", entry)])
    assert happen(domain, world, when("customer:c7", changed)) == [("customer:c7", changed)]
    with pytest.raises(Refused, match="no such customer"):
        domain.decide(world, when("customer:c8", changed))


DURING = [
    f.CallerResponded(),
    f.RequestUnclear(),
    f.QuestionAnswered(known=True, simple=True),
    f.TicketAskedAbout(),
    f.AccessMissing(),
    f.ScreenshotDeclined(),
    f.CallTransferred(to="Eva", mode="blind"),
    f.RecapConfirmed(),
    f.ContainmentExhausted(actions=("x",), next_step="dispatch"),
    f.SupervisorJoined(supervisor="eva"),
]
ON_THE_LINE = [
    f.CallGreeted(),
    f.ConductReported(conduct="offence", by="ana"),
    f.CallerInsisted(on="staying"),
    f.ScriptDelivered(key="r26.greeting"),
]
AFTERWARDS = [
    f.NoteTaken(points=("x",)),
    f.UtteranceTranscribed(by="caller", text="x"),
    f.RemoteSessionStarted(reference="r", consent=True),
    f.RemoteSessionEnded(reference="r"),
    f.ScreenshotTaken(screen="s", reference="r"),
]


@pytest.mark.parametrize("fact", [*DURING, *ON_THE_LINE, *AFTERWARDS], ids=lambda fact: type(fact).__name__)
def test_what_happens_on_a_call_is_recorded(fact: Data) -> None:
    """Every fact that is accepted leaves its event."""
    world = begun(PLAIN)
    assert happen(domain, world, when("c1", fact)) == [("c1", fact)]
    with pytest.raises(Refused, match="no such call"):
        domain.decide(world, when("c9", fact))


@pytest.mark.parametrize("fact", [*DURING, *ON_THE_LINE], ids=lambda fact: type(fact).__name__)
def test_what_needs_somebody_on_the_line_is_refused_afterwards(fact: Data) -> None:
    """A call that is over is not greeted, reported or insisted on."""
    with pytest.raises(Refused, match="over"):
        domain.decide(begun(PLAIN, f.CallEnded()), when("c1", fact))


@pytest.mark.parametrize("fact", ON_THE_LINE, ids=lambda fact: type(fact).__name__)
def test_what_needs_an_agent_is_refused_before_the_answer(fact: Data) -> None:
    """Nobody is there who could."""
    world = given(domain)
    then(world, OFFERED)
    with pytest.raises(Refused, match="nobody has answered"):
        domain.decide(world, when("c1", fact))


@pytest.mark.parametrize("fact", AFTERWARDS, ids=lambda fact: type(fact).__name__)
def test_what_is_written_up_later_is_taken_later(fact: Data) -> None:
    """Transcribers and agents' notes lag behind the call."""
    assert then(begun(PLAIN, f.CallEnded()), fact) == []


@pytest.mark.parametrize(
    ("protocol", "missing"),
    [
        (Protocol(name="p", contact_details=("phone", "email")), ["ContactMissing"]),
        (Protocol(name="p", contact_details=("email",), asks_for=("contact.given.phone",)), []),
        (
            Protocol(name="p", contact_details=("phone",), privacy=Privacy(non_customers="forgotten")),
            [],
        ),
    ],
)
def test_what_may_not_be_asked_or_kept_is_not_missing(protocol: Protocol, missing: list[str]) -> None:
    """R29 and R31 prevail over R08."""
    assert names(then(begun(protocol), f.CallEnded())) == missing


def test_others_events_on_what_is_no_call_lead_to_nothing() -> None:
    """A ticket may be owed for a message, a warning be about an agent."""
    world = given(domain, scripted("r72.ticket", "r19.refresh"))
    owed = e.TicketOwed(category="complaint")
    assert domain.decide(world, when("message:m1", owed, kind="event")) == []
