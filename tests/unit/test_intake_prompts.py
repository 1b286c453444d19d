"""What intake tells the agent to say: at which moment, in which words, once per occasion."""

from datetime import timedelta
from typing import Any

import pytest

from contracts import events as e
from contracts import facts as f
from contracts.base import Data
from contracts.protocol import PLAIN, Cases, Dossier, Line, Protocol, Row
from contracts.protocol import DayGreeting as Day
from services.intake import domain
from services.intake.classify import consequences
from tests.unit.given import START, given, happen, when
from tests.unit.on_a_call import (
    ANSWERED,
    HELD,
    OFFERED,
    PHONE,
    begun,
    keys,
    prompted,
    request,
    scripted,
    then,
)


def greeted(hour: int, minute: int, **more: Any) -> str:
    """The greeting of a call answered in Santiago at this time of the day."""
    protocol = Protocol(
        name="p",
        company="Gas Sur",
        timezone="America/Santiago",
        greetings={"es": Day(morning="buenos días", afternoon="buenas tardes")},
        scripts={"r26.greeting": {"es": "{company}, {greeting}, soy {agent}."}},
        **more,
    )
    world = given(domain, protocol, [("agent:ana", e.AgentIntroduced(name="Ana Roca", role="agent"))])
    then(world, OFFERED)
    local = START.replace(hour=0) + timedelta(hours=3 + hour, minutes=minute)  # Santiago is 3 hours behind
    answered = happen(domain, world, when("c1", ANSWERED)._replace(at=local))
    return prompted([event for _, event in answered])[0][2]


@pytest.mark.parametrize(("hour", "minute", "said"), [(11, 59, "buenos días"), (12, 0, "buenas tardes")])
def test_the_greeting_names_company_time_of_day_and_agent(hour: int, minute: int, said: str) -> None:
    """R26: until noon by the centre's wall clock it is the morning's greeting, from noon on the afternoon's."""
    assert greeted(hour, minute) == f"Gas Sur, {said}, soy Ana Roca."


def test_where_noon_is_later_the_morning_lasts_longer() -> None:
    """R26: some greet good morning until they have had lunch."""
    assert "buenos días" in greeted(13, 59, noon=14)


def test_a_call_is_greeted_once_and_in_its_own_language() -> None:
    """R26: nothing that is learnt later brings the greeting back."""
    protocol = Protocol(name="p", scripts={"r26.greeting": {"es": "Hola", "pt": "Olá"}})
    world = given(domain, protocol)
    portuguese = OFFERED.model_copy(update={"language": "pt"})
    assert [p[2] for p in prompted(then(world, portuguese, ANSWERED))] == ["Olá"]
    assert keys(then(world, f.CallerIdentified(standing="new", language="es"), request())) == []


@pytest.mark.parametrize(
    ("identified", "asked"),
    [
        (f.CallerIdentified(standing="new"), ["r28.introduce"]),
        (f.CallerIdentified(standing="unknown"), ["r28.introduce"]),
        (f.CallerIdentified(standing="new", name="Ruiz"), []),
        (f.CallerIdentified(standing="customer", customer="42"), []),
    ],
)
def test_who_is_no_customer_is_asked_for_the_name(identified: f.CallerIdentified, asked: list[str]) -> None:
    """R28: only where it is not known yet, and only once."""
    world = begun(scripted("r28.introduce"))
    assert keys(then(world, identified)) == asked
    assert keys(then(world, identified)) == []


@pytest.mark.parametrize(
    ("category", "said"), [("complaint", ["r15.empathy"]), ("error", ["r15.empathy"]), ("sales", [])]
)
def test_a_complaint_is_met_with_empathy(category: f.Category, said: list[str]) -> None:
    """R15: complaints and errors, not every request; and not again with each sentence."""
    world = begun(scripted("r15.empathy"))
    assert keys(then(world, request(category=category))) == said
    assert keys(then(world, request("otra vez", category=category))) == []


def test_each_request_is_summed_up_once() -> None:
    """R21: in the caller's words; told the same again it is not summed up again."""
    world = begun(Protocol(name="p", scripts={"r21.summary": {"es": "Usted necesita: {request}"}}))
    assert prompted(then(world, request("luz"))) == [("R21", "r21.summary", "Usted necesita: luz")]
    assert prompted(then(world, request("luz"))) == []
    assert prompted(then(world, request("gas"))) == [("R21", "r21.summary", "Usted necesita: gas")]


def test_what_was_stated_before_the_answer_is_summed_up_with_it() -> None:
    """R15, R21: what an IVR took down is there when the agent picks up."""
    world = given(domain, scripted("r26.greeting", "r21.summary", "r15.empathy"))
    assert keys(then(world, OFFERED, request(category="complaint"))) == []
    assert keys(then(world, ANSWERED)) == ["r26.greeting", "r15.empathy", "r21.summary"]


def test_confirmations_take_turns() -> None:
    """R32: at each further request and recap the next variant, never the same twice running."""
    world = begun(scripted("r32.confirm.1", "r32.confirm.2", "r32.confirm.3"))
    assert keys(then(world, request("uno"))) == []
    facts = [request("dos"), f.RecapConfirmed(), request("tres"), f.RecapConfirmed(correct=False)]
    said = [keys(then(world, fact)) for fact in facts]
    assert said == [["r32.confirm.1"], ["r32.confirm.2"], ["r32.confirm.3"], ["r32.confirm.1"]]


def test_the_only_confirmation_is_not_repeated() -> None:
    """R32: where a protocol has one variant, it is said once and not twice running."""
    world = begun(scripted("r32.confirm.1"))
    assert keys(then(world, f.RecapConfirmed())) == ["r32.confirm.1"]
    assert keys(then(world, f.RecapConfirmed())) == []


def test_the_recap_is_made_of_all_notes_so_far() -> None:
    """R17: the points of this note and of those before."""
    world = begun(Protocol(name="p", scripts={"r17.recap": {"es": "Recapitulo: {points}."}}))
    assert prompted(then(world, f.NoteTaken(points=("sin gas",))))[0][2] == "Recapitulo: sin gas."
    assert prompted(then(world, f.NoteTaken(points=("desde ayer", "casa"))))[0][2] == (
        "Recapitulo: sin gas; desde ayer; casa."
    )


def test_a_note_after_the_call_is_kept_and_prompts_nobody() -> None:
    """R17: there is nobody to go through it with."""
    world = begun(scripted("r17.recap"), f.CallEnded())
    assert then(world, f.NoteTaken(points=("sin gas",))) == []


DOSSIER = Dossier(summary={"es": "Rinde 20 kg", "en": "Takes 20 kg"}, facts={"peso": {"es": "9 kg"}})


def test_a_product_with_a_dossier_brings_it_up() -> None:
    """R55: the summary in the language of the prompt; a product without a dossier brings nothing."""
    protocol = Protocol(
        name="p", scripts={"r55.dossier": {"es": "{product}: {dossier}"}}, dossiers={"x1": DOSSIER}
    )
    world = begun(protocol)
    assert keys(then(world, request(product="x2"))) == []
    assert prompted(then(world, request(product="x1"))) == [("R55", "r55.dossier", "x1: Rinde 20 kg")]
    assert keys(then(world, request("y más", product="x1"))) == []


def test_dossiers_can_be_looked_up() -> None:
    """R55: by product and language, or all of them."""
    world = given(domain, Protocol(name="p", dossiers={"x1": DOSSIER, "x2": DOSSIER}))
    found = domain.dossier(world, domain.c.DossierQuery(product="x1", language="en"))["dossiers"]
    assert found == [{"product": "x1", "summary": "Takes 20 kg", "facts": {"peso": "9 kg"}}]
    assert len(domain.dossier(world, domain.c.DossierQuery())["dossiers"]) == 2
    assert domain.dossier(world, domain.c.DossierQuery(product="x3"))["dossiers"] == []


def on_line(to: str, category: f.Category, day: int = 2) -> list[str]:
    """The prompts on a call of 2026-03-<day> to this number, about this sort of matter."""
    lines = (
        Line.model_validate(
            {"number": "+34807", "line": "sales_only", "never": ["after_sales"], "instead": "+34931112233",
             "since": "2026-03-02"}
        ),
        Line(number="+3493", line="geographic"),
    )  # fmt: skip
    protocol = Protocol(name="p", lines=lines, scripts={"r57.number": {"es": "Llame al {number}"}})
    world, at = given(domain, protocol), START + timedelta(days=day - 2)
    happen(domain, world, when("c1", f.CallOffered(to=to))._replace(at=at))
    happen(domain, world, when("c1", ANSWERED)._replace(at=at))
    decided = happen(domain, world, when("c1", request(category=category))._replace(at=at))
    return [text for _, _, text in prompted([event for _, event in decided])]


def test_after_sales_on_a_sales_line_is_given_the_other_number() -> None:
    """R57: from the day on that the line is declared so; sales are welcome there, and any other line takes all."""
    assert on_line("+34807123456", "after_sales") == ["Llame al +34931112233"]
    assert on_line("+34807123456", "sales") == []
    assert on_line("+34931112233", "after_sales") == []
    assert on_line("+34807123456", "after_sales", day=1) == []


def test_who_wants_to_buy_hears_of_the_other_ways() -> None:
    """R58: on sales only, and once."""
    protocol = Protocol(
        name="p", scripts={"r58.channels": {"es": "También {channels}"}}, buying_channels={"es": "en la web"}
    )
    world = begun(protocol)
    assert keys(then(world, request())) == []
    assert prompted(then(world, request(category="sales"))) == [("R58", "r58.channels", "También en la web")]
    assert keys(then(world, request("otro", category="sales"))) == []


def owed(world: Any) -> list[str]:
    """The prompts when tickets says that the call's matter must have a ticket."""
    event = e.TicketOwed(category="error")
    decided = happen(domain, world, when("c1", event, kind="event", origin="tickets"))
    return keys([event for _, event in decided])


def test_the_client_hears_that_a_ticket_is_needed() -> None:
    """R72: once, and only while the agent is on the line."""
    world = begun(scripted("r72.ticket"))
    assert owed(world) == ["r72.ticket"]
    assert owed(world) == []
    assert owed(begun(scripted("r72.ticket"), f.CallEnded())) == []
    assert owed(given(domain, scripted("r72.ticket"))) == []
    assert owed(begun(PLAIN)) == []


def test_the_need_says_line_product_tool_queue_and_language() -> None:
    """The other services need not look them up."""
    lines = (Line(number="+3493", line="geographic"),)
    world = begun(Protocol(name="p", lines=lines, routing=(Row(desk="d"),)))
    (need,) = then(world, request(product="x1", tool="crm"))
    assert need == e.NeedEstablished(
        category="question",
        product="x1",
        tool="crm",
        queue="main",
        line="geographic",
        agent="ana",
        protocol=1,
    )


def test_a_transfer_does_not_establish_the_need_anew() -> None:
    """Whoever is on the line by now does not change what the caller needs."""
    world = begun(Protocol(name="p", cases=Cases(profile_after_request=True)), request())
    then(world, f.CallTransferred(to="Eva", mode="consult", agent="eva"))
    assert then(world, f.ContactGiven(email="a@example.com")) == []


def test_a_running_call_keeps_the_protocol_that_it_began_with() -> None:
    """What is published meanwhile holds for the calls that come in later."""
    old, new = scripted("r15.empathy", version=1), scripted("r15.empathy", "r21.summary", version=2)
    world = begun(old)
    world.versions.update({1: old, 2: new})
    world.protocol = new
    assert keys(then(world, request(category="complaint"))) == ["r15.empathy"]
    then(world, OFFERED, ANSWERED, call="c2")
    assert keys(then(world, request(category="complaint"), call="c2")) == ["r15.empathy", "r21.summary"]


def test_a_call_says_which_protocol_it_follows_whatever_was_published() -> None:
    """The version is intake's to say."""
    world = given(domain, scripted(version=7))
    claimed = OFFERED.model_copy(update={"protocol": 99})
    assert domain.decide(world, when("c1", claimed))[0][1].protocol == 7  # type: ignore[attr-defined]


def test_by_the_plain_protocol_nothing_follows_from_anything() -> None:
    """The same facts, with all that may happen on a call, and only they are recorded."""
    facts = [
        f.CallGreeted(),
        f.CallerResponded(),
        f.CallHeld(),
        f.HoldRefreshed(),
        f.CallResumed(),
        request(category="complaint"),
        f.NoteTaken(points=("x",)),
        f.RecapConfirmed(),
        f.ConductReported(conduct="obscene", by="ana"),
        f.ContainmentExhausted(actions=("x",), next_step="dispatch"),
        f.CallerInsisted(on="complaint"),
        f.ScriptDelivered(key="r37.release"),
        f.UtteranceTranscribed(by="agent", text="¿ya?"),
        f.SupervisorJoined(supervisor="eva"),
        f.CallEnded(by="agent", note="corte de llamado"),
    ]
    assert then(begun(PLAIN), *facts) == []


def test_what_is_not_known_leaves_no_gap() -> None:
    """A placeholder without a value is left out, and braces of a name are no placeholders."""
    protocol = Protocol(name="p", scripts={"r02.name": {"en": "Hello, {title} {name}. Well, {kind}?"}})
    world = begun(protocol)
    said = prompted(then(world, f.CallerIdentified(standing="new", name="{title}")))
    assert said == [("R02", "r02.name", "Hello, {title}. Well,?")]


def test_nothing_is_outstanding_after_a_call_of_many_prompts() -> None:
    """Deciding again gives nothing new."""
    every = scripted("r26.greeting", "r28.introduce", "r21.summary", "r17.recap", "r02.name", "r01.customer")
    world = begun(every, f.CallerIdentified(standing="new"), request(), HELD, f.CallResumed())
    assert consequences(every, world.index, world.aggregates["c1"], START) == []


@pytest.mark.parametrize(
    ("scripts", "asks", "given", "said"),
    [
        (("r08.contact", "r08.phone", "r08.email"), None, f.NoteTaken(points=("x",)), ["r08.contact"]),
        (("r08.contact", "r08.phone", "r08.email"), None, f.ContactGiven(phone=PHONE), ["r08.email"]),
        (("r08.contact",), None, f.ContactGiven(phone=PHONE), ["r08.contact"]),
        (("r08.contact", "r08.phone"), ("contact.given.phone",), f.ContactGiven(), ["r08.phone"]),
        (("r08.contact",), ("contact.given.phone",), f.ContactGiven(), []),
        (("r08.contact", "r08.phone"), (), f.ContactGiven(), []),
    ],
)
def test_only_what_is_missing_and_may_be_asked_for_is_asked_for(
    scripts: tuple[str, ...], asks: tuple[str, ...] | None, given: Data, said: list[str]
) -> None:
    """R08, R31: number, address or both, once; without words for one alone, those for both if they may be asked for."""
    world = begun(scripted(*scripts, contact_details=("phone", "email"), asks_for=asks), given)
    assert keys(then(world, request())) == said
    assert keys(then(world, request("another"))) == []
