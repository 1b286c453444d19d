"""Intake's decisions: given events, when a fact occurs, then events, or a refusal."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

import protocols
from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.commands import DirectoryQuery
from contracts.deciding import World
from contracts.events import CallerClassified, NeedEstablished, PromptIssued
from contracts.protocol import PLAIN, Cases, Kind, Protocol
from services.intake import classify, domain, policy
from tests.unit.given import START, at, given, happen, when

COLD = protocols.load("cold-industry")
PHONE = "+34600111222"
OFFERED = f.CallOffered.model_validate({"from": PHONE, "protocol": 1})
ANSWERED = f.CallAnswered(agent="ana")
ENDED = f.CallEnded()
MANAGER = f.CustomerRegistered(
    name="Fincas Sol", kind="property-manager", phones=(PHONE,), special_treatment=True
)


def story(*facts: Data, protocol: Protocol = COLD, world: World[Any, Any] | None = None) -> list[Data]:
    """All that is recorded of a call to which these facts occur."""
    world = world or given(domain, protocol)
    return [event for fact in facts for _, event in happen(domain, world, when("c1", fact))]


def directory_of(**customers: f.CustomerRegistered) -> World[Any, Any]:
    """A cold-industry centre with these customers."""
    return given(domain, COLD, [(f"customer:{name}", entry) for name, entry in customers.items()])


def last(kind: type[Data], events: list[Data]) -> Any:
    """The last event of a type."""
    return [event for event in events if isinstance(event, kind)][-1]


def keys(events: list[Data]) -> list[str]:
    """The prompts, in their order."""
    return [event.key for event in events if isinstance(event, PromptIssued)]


def request(text: str = "No enfría", category: f.Category = "complaint") -> f.RequestStated:
    """A request in these words."""
    return f.RequestStated(text=text, category=category)


# the call's life


def test_by_the_plain_protocol_a_call_is_recorded_and_nothing_else() -> None:
    """An import of a million calls records its facts only."""
    facts = [
        OFFERED,
        f.CallQueued(),
        f.CallerIdentified(standing="customer", customer="77"),
        f.CallDequeued(),
        ANSWERED,
        request(),
        ENDED,
    ]
    assert story(*facts, protocol=PLAIN) == facts


@pytest.mark.parametrize(
    ("before", "fact", "rule"),
    [
        ([], ANSWERED, "call-unknown"),
        ([], ENDED, "call-unknown"),
        ([], f.AssignmentAttempted(by="eva", outcome="accepted"), "call-unknown"),
        ([], f.ContactMade(owner="eva", channel="phone", outcome="reached"), "call-unknown"),
        ([f.RecordIgnored(line=1, reason="phantom")], ANSWERED, "call-unknown"),
        ([OFFERED], OFFERED, "call-known"),
        ([OFFERED, ENDED], OFFERED, "call-known"),
        ([OFFERED, f.CallQueued()], f.CallQueued(), "call-queued"),
        ([OFFERED], f.CallDequeued(), "not-queued"),
        ([OFFERED, f.CallQueued(), f.CallDequeued()], f.CallDequeued(), "not-queued"),
        ([OFFERED, ANSWERED], ANSWERED, "call-answered"),
        ([OFFERED, ANSWERED], f.CallAbandoned(), "call-answered"),
        ([OFFERED, ENDED], ANSWERED, "call-over"),
        ([OFFERED, ENDED], ENDED, "call-over"),
        ([OFFERED, f.CallAbandoned()], f.CallAbandoned(), "call-over"),
        ([OFFERED, f.CallAbandoned()], f.CallQueued(), "call-over"),
        ([OFFERED, ENDED], f.CallTransferred(to="eva", mode="blind"), "call-over"),
        ([OFFERED], f.KindConfirmed(kind="martian", answer=True), "kind-unknown"),
    ],
)
def test_what_contradicts_the_record_is_refused(before: list[Data], fact: Data, rule: str) -> None:
    """A fact that cannot be true beside those recorded is refused by a stable name, and nothing happens."""
    world = given(domain, COLD, [("c1", event) for event in before])
    with pytest.raises(Refused) as refused:
        domain.decide(world, when("c1", fact))
    assert refused.value.rule == rule


def test_a_call_answered_in_the_queue_leaves_it_afterwards() -> None:
    """The clocks of a telephone system may differ by a second: that is no contradiction."""
    facts = [OFFERED, f.CallQueued(), ANSWERED, ENDED, f.CallDequeued()]
    assert story(*facts, protocol=PLAIN) == facts


def test_a_call_may_wait_twice_one_after_the_other() -> None:
    """A call that rang in vain goes back to the queue."""
    facts = [OFFERED, f.CallQueued(), f.CallDequeued(), f.CallQueued(), f.CallDequeued(), ANSWERED]
    assert story(*facts, protocol=PLAIN) == facts


def test_late_knowledge_is_recorded_and_prompts_nobody() -> None:
    """After its end a call can still be learnt about, but there is nobody to say anything to."""
    world = directory_of(c7=MANAGER)
    story(OFFERED, ANSWERED, ENDED, world=world)
    late = story(
        f.CallerIdentified(standing="customer", customer="c7"),
        f.ComplexityAssessed(complexity="low"),
        f.ContactGiven(email="sol@example.com"),
        request(),
        f.ContactMade(owner="eva", channel="phone", outcome="reached"),
        world=world,
    )
    assert last(CallerClassified, late).standing == "known"
    assert last(NeedEstablished, late).customer == "c7"
    assert keys(late) == []


def test_rows_that_are_no_calls_are_recorded_and_over() -> None:
    """A row of an import leaves its event and occupies no memory."""
    row = f.RecordRefused(line=7, field="ser_start", reason="no time", row="…")
    world = given(domain)
    assert story(row, world=world) == [row]
    assert domain.closed(world.aggregates["c1"])
    assert story(OFFERED, world=world) == [OFFERED]


def test_a_call_is_closed_when_it_is_over() -> None:
    """A call in progress stays in memory."""
    world = given(domain)
    story(OFFERED, ANSWERED, world=world)
    assert not domain.closed(world.aggregates["c1"])
    story(ENDED, world=world)
    assert domain.closed(world.aggregates["c1"])


def test_other_inputs_than_facts_lead_to_nothing() -> None:
    """Intake follows no other service."""
    closing = e.CallClosed(by="eva")
    assert domain.decide(given(domain, COLD), when("c1", closing, kind="event", origin="routing")) == []


# who is calling


def test_a_number_of_one_customer_makes_a_maybe() -> None:
    """R01: what the number says is provisional, and the need says nothing about a customer yet."""
    world = directory_of(c7=MANAGER)
    classified = last(CallerClassified, story(OFFERED, world=world))
    assert (classified.standing, classified.customer, classified.kind) == ("maybe", "c7", "property-manager")
    assert [reason.source for reason in classified.evidence] == ["number"]
    assert not classified.special_treatment
    assert last(NeedEstablished, story(request(), world=world)).customer is None


def test_a_look_up_classifies_a_call_anew() -> None:
    """R01: who is registered while they are on the line is a maybe from the look-up on; a repeat says nothing new."""
    world = given(domain, COLD)
    story(OFFERED, world=world)
    assert story(f.CallerLookedUp(), world=world) == [f.CallerLookedUp()]
    happen(domain, world, when("customer:77", MANAGER))
    asked, classified = story(f.CallerLookedUp(customer="77"), world=world)
    assert asked == f.CallerLookedUp(customer="77")
    assert isinstance(classified, CallerClassified)
    assert (classified.standing, classified.customer, classified.kind) == ("maybe", "77", "property-manager")
    assert story(f.CallerLookedUp(customer="77"), world=world) == [f.CallerLookedUp(customer="77")]


def test_a_look_up_is_no_word_of_the_caller() -> None:
    """Who was looked up has neither said who they are nor answered."""
    world = given(domain, COLD)
    story(OFFERED, ANSWERED, f.CallerLookedUp(customer="77"), world=world)
    call = world.aggregates["c1"]
    assert isinstance(call, domain.Call)
    assert (call.says, call.identified, call.customer, call.ladder.responded) == (
        "unknown",
        False,
        None,
        False,
    )


def test_a_number_of_two_customers_says_nothing() -> None:
    """Who shares a number is not told apart by it."""
    classified = last(CallerClassified, story(OFFERED, world=directory_of(c7=MANAGER, c8=MANAGER)))
    assert (classified.standing, classified.customer, classified.evidence) == ("unknown", None, ())


def test_a_number_that_matches_is_told_even_by_the_plain_protocol() -> None:
    """The directory needs no kinds to know a number."""
    world = given(domain, PLAIN, [("customer:c7", MANAGER)])
    classified = last(CallerClassified, story(OFFERED, world=world))
    assert (classified.standing, classified.customer, classified.kind) == ("maybe", "c7", None)


def test_the_caller_confirms_what_the_number_said() -> None:
    """R01, R07: a maybe becomes known, with the directory's word for the kind and the special treatment."""
    world = directory_of(c7=MANAGER)
    story(OFFERED, ANSWERED, world=world)
    classified = last(CallerClassified, story(f.CallerIdentified(standing="customer"), world=world))
    assert (classified.standing, classified.customer, classified.special_treatment) == ("known", "c7", True)
    assert (classified.kind, classified.group, classified.confidence) == ("property-manager", "private", 0.9)


def test_a_new_caller_is_new_whatever_the_number_says() -> None:
    """R01: the answer outweighs the number, and the number's evidence goes."""
    classified = last(
        CallerClassified, story(OFFERED, f.CallerIdentified(standing="new"), world=directory_of(c7=MANAGER))
    )
    assert (classified.standing, classified.customer, classified.evidence) == ("new", None, ())


def test_a_customer_who_is_not_in_the_directory_is_known_all_the_same() -> None:
    """Somebody else vouches for the customer; there is just no evidence of the kind."""
    classified = last(
        CallerClassified, story(OFFERED, f.CallerIdentified(standing="customer", customer="c9"))
    )
    assert (classified.standing, classified.customer, classified.kind) == ("known", "c9", None)


def test_who_was_identified_stays_so_when_only_more_is_told() -> None:
    """A later word that leaves the standing open takes nothing back."""
    world = directory_of(c7=MANAGER)
    story(OFFERED, f.CallerIdentified(standing="customer", customer="c7"), world=world)
    more = f.CallerIdentified(standing="unknown", name="Ruiz")
    assert story(more, world=world) == [more]


def test_asking_for_the_chief_executive_makes_a_direct_contact() -> None:
    """R03: accents and capitals do not matter, other words neither."""
    asked = f.CallerAskedFor(person="el CONSEJERO  Delegádo, por favor")
    classified = last(CallerClassified, story(OFFERED, asked))
    assert (classified.kind, classified.group) == ("direct-contact", "direct-contact")
    assert classified.evidence[0].seen == "consejero delegado"


def test_party_weighs_only_for_kinds_that_declare_it() -> None:
    """R04: a property manager may well call for a company."""
    identified = f.CallerIdentified(standing="new", party="company")
    evidence = last(CallerClassified, story(OFFERED, identified)).evidence
    assert {reason.kind for reason in evidence} == {
        name for name, kind in COLD.kinds.items() if kind.party == "company"
    }
    manager = request("Soy administrador de fincas de una comunidad")
    assert last(CallerClassified, story(OFFERED, identified, manager)).group == "private"


def test_what_happened_tells_the_kind_and_shows_its_evidence() -> None:
    """R05: classification is progressive."""
    events = story(OFFERED, ANSWERED, request("Se ha parado la Camara Frigorifica del almacén"))
    classified = last(CallerClassified, events)
    assert (classified.kind, classified.confidence) == ("industrial-refrigeration", 0.75)
    assert [(reason.source, reason.seen) for reason in classified.evidence] == [
        ("statement", "cámara frigorífica")
    ]


def test_signals_are_whole_words_and_n_with_tilde_is_its_own_letter() -> None:
    """R05: a word within a word is no sign, and año is not ano."""
    kind = Kind(group="g", titles={"es": "k"}, signals={"año": 0.5, "banco": 0.5})
    protocol = Protocol(name="p", kinds={"k": kind})
    assert [reason.seen for reason in policy.stated(protocol, ["El ano. ¡El Bancomat!"])] == []
    assert [reason.seen for reason in policy.stated(protocol, ["El an\u0303o, el BÁNCO"])] == ["año", "banco"]


def test_an_answer_reclassifies() -> None:
    """R06: a yes settles the matter, a no excludes the kind, and a later answer replaces an earlier one."""
    vague = [OFFERED, ANSWERED, request("La comunidad y los vecinos se quejan; es mi casa")]
    assert last(CallerClassified, story(*vague)).kind in ("property-manager", "individual")
    no = f.KindConfirmed(kind="individual", answer=False)
    assert last(CallerClassified, story(*vague, no)).kind == "property-manager"
    yes = f.KindConfirmed(kind="individual", answer=True)
    classified = last(CallerClassified, story(*vague, no, yes))
    assert (classified.kind, classified.confidence) == ("individual", 1.0)
    other = f.KindConfirmed(kind="supplier", answer=True)
    assert last(CallerClassified, story(*vague, yes, other)).kind == "supplier"


def test_nothing_is_recorded_when_nothing_changes() -> None:
    """The same statement again is recorded as stated, and leads to nothing more."""
    world = given(domain, COLD)
    story(OFFERED, ANSWERED, request(), world=world)
    assert story(request(), world=world) == [request()]


# what is needed


def test_the_need_is_established_with_the_request_and_again_when_it_changes() -> None:
    """Routing and tickets hear who needs what, with the agent on the line."""
    world = directory_of(c7=MANAGER)
    events = story(OFFERED, ANSWERED, request(), world=world)
    assert last(NeedEstablished, events) == NeedEstablished(
        category="complaint", kind="property-manager", group="private", queue="main", agent="ana", protocol=1
    )
    events = story(f.CallerIdentified(standing="customer", customer="c7"), world=world)
    need = last(NeedEstablished, events)
    assert (need.customer, need.special_treatment) == ("c7", True)
    assert story(f.ContactGiven(phone=PHONE), world=world) == [f.ContactGiven(phone=PHONE)]


def test_a_protocol_without_routing_and_tickets_establishes_no_need() -> None:
    """Nobody would act on it."""
    protocol = COLD.model_copy(update={"routing": (), "cases": Cases()})
    assert not any(
        isinstance(event, NeedEstablished) for event in story(OFFERED, ANSWERED, request(), protocol=protocol)
    )


# what the agent should say


def test_prompts_follow_the_conversation_once_each() -> None:
    """R01, R02, R03, R06, R08: asked when the call is answered, the caller named, and the request stated."""
    world = given(domain, COLD)
    assert keys(story(OFFERED, world=world)) == []
    assert keys(story(ANSWERED, world=world)) == ["r01.customer"]
    identified = f.CallerIdentified(standing="new", title="Sra.", name="Ruiz", language="en")
    named = story(identified, world=world)
    assert keys(named) == ["r02.name", "r03.party"]
    assert last(PromptIssued, named).language == "en"
    assert any("Sra. Ruiz" in event.text for event in named if isinstance(event, PromptIssued))
    assert keys(story(request("la comunidad"), world=world)) == ["r08.contact", "r06.confirm"]
    assert keys(story(identified, request("la comunidad"), world=world)) == []


def test_who_is_known_before_the_call_is_answered_is_greeted_as_such() -> None:
    """R07: what an IVR found out is not asked again, and special treatment is told."""
    world = directory_of(c7=MANAGER)
    story(OFFERED, f.CallerIdentified(standing="customer", customer="c7", party="company"), world=world)
    assert keys(story(ANSWERED, world=world)) == ["r02.name", "r07.special"]


def test_who_names_itself_is_not_asked_for_the_party() -> None:
    """R03: a direct contact identifies itself from the first moment."""
    events = story(
        OFFERED, ANSWERED, f.CallerAskedFor(person="CEO"), f.CallerIdentified(standing="new", name="Ruiz")
    )
    assert "r03.party" not in keys(events)


def test_each_doubtful_kind_is_asked_about_one_at_a_time() -> None:
    """R06: while a question is open there is no other; after a no the next likely kind is asked about."""
    world = given(domain, COLD)
    first = story(OFFERED, ANSWERED, request("la comunidad"), world=world)
    assert keys(first)[-1] == "r06.confirm"
    assert "administrador de fincas" in last(PromptIssued, first).text
    other = story(request("frío industrial, mi casa"), world=world)
    assert last(CallerClassified, other).kind == "industrial-refrigeration"
    assert keys(other) == []
    second = story(f.KindConfirmed(kind="property-manager", answer=False), world=world)
    assert keys(second) == ["r06.confirm"]
    assert "frío industrial" in last(PromptIssued, second).text
    settled = story(f.KindConfirmed(kind="industrial-refrigeration", answer=True), world=world)
    assert keys(settled) == []


# contact details


@pytest.mark.parametrize(
    ("given_details", "missing"),
    [
        ({}, ("phone", "email")),
        ({"phone": PHONE}, ("email",)),
        ({"phone": PHONE, "email": "a@example.com"}, None),
    ],
)
def test_missing_contact_details_are_recorded_at_the_end(
    given_details: dict[str, str], missing: tuple[Literal["phone", "email"], ...] | None
) -> None:
    """R08: a call that ends without a way to reach the caller says which."""
    events = story(OFFERED, ANSWERED, f.ContactGiven(**given_details), ENDED)
    assert events[-1] == (e.ContactMissing(missing=missing) if missing else ENDED)


def test_what_the_directory_has_is_not_missing() -> None:
    """R08: a customer's own number need not be asked for."""
    identified = f.CallerIdentified(standing="customer", customer="c7")
    events = story(OFFERED, ANSWERED, identified, ENDED, world=directory_of(c7=MANAGER))
    assert events[-1] == e.ContactMissing(missing=("email",))


def test_nothing_is_missing_of_who_was_never_answered() -> None:
    """R08: nobody could ask."""
    assert story(OFFERED, ENDED)[-1] == ENDED


# the directory


def test_the_directory_lists_by_kind_and_special_treatment() -> None:
    """R07: the property managers who are customers, by name, with special treatment marked."""
    plain = f.CustomerRegistered(name="álamo", kind="property-manager")
    shop = f.CustomerRegistered(name="Hielo", kind="key-account", special_treatment=True)
    world = directory_of(c7=MANAGER, c8=plain, c9=shop)

    def listed(**query: Any) -> list[tuple[str, bool]]:
        found = domain.directory(world, DirectoryQuery(**query))["customers"]
        return [(entry["customer"], entry["special_treatment"]) for entry in found]

    assert sorted(listed()) == [("c7", True), ("c8", False), ("c9", True)]
    assert listed(kind="property-manager") == [("c8", False), ("c7", True)]
    assert listed(kind="property-manager", special_treatment=True) == [("c7", True)]
    assert domain.directory(world, DirectoryQuery(kind="key-account"))["customers"] == [
        {
            "customer": "c9",
            "name": "Hielo",
            "kind": "key-account",
            "special_treatment": True,
            "phones": [],
            "emails": [],
        }
    ]


def test_a_customer_changes_and_goes() -> None:
    """The last word counts, of numbers too; who was removed can be removed no more, but registered again."""
    world = directory_of(c7=MANAGER)
    moved = MANAGER.model_copy(update={"phones": ("+34600999888",)})
    happen(domain, world, when("customer:c7", moved))
    assert (world.index.owner_of(PHONE), world.index.owner_of("+34600999888")) == (None, "c7")
    removed = f.CustomerRemoved()
    assert happen(domain, world, when("customer:c7", removed)) == [("customer:c7", removed)]
    assert domain.closed(world.aggregates["customer:c7"])
    assert domain.directory(world, DirectoryQuery()) == {"customers": []}
    for unknown in ("customer:c7", "customer:c8"):
        with pytest.raises(Refused, match="no such customer"):
            domain.decide(world, when(unknown, removed))
    happen(domain, world, when("customer:c7", MANAGER))
    assert world.index.owner_of(PHONE) == "c7"


def test_a_customer_of_a_kind_that_the_protocol_lacks_is_refused() -> None:
    """A mistyped kind is told at once; the plain protocol has no kinds and takes any."""
    wrong = MANAGER.model_copy(update={"kind": "property-manger"})
    with pytest.raises(Refused) as refused:
        domain.decide(given(domain, COLD), when("customer:c7", wrong))
    assert (refused.value.rule, refused.value.field) == ("kind-unknown", "kind")
    assert domain.decide(given(domain), when("customer:c7", wrong)) == [("customer:c7", wrong)]


# the clock


def test_the_virtual_clock_stands_or_goes_on() -> None:
    """Time does not run backwards; told the same time twice it is recorded twice."""
    world = given(domain)
    for seconds in (5, 5, 9):
        advanced = f.ClockAdvanced(to=at(seconds))
        assert happen(domain, world, when("clock", advanced)) == [("clock", advanced)]
    with pytest.raises(Refused) as refused:
        domain.decide(world, when("clock", f.ClockAdvanced(to=at(9) - timedelta(milliseconds=1))))
    assert (refused.value.rule, refused.value.field) == ("clock-backwards", "to")


def test_a_real_clock_is_not_advanced() -> None:
    """A centre has one clock."""
    with pytest.raises(Refused) as refused:
        domain.decide(given(domain, virtual=False), when("clock", f.ClockAdvanced(to=START)))
    assert refused.value.rule == "clock-real"


# whatever happens

KINDS = st.sampled_from(sorted(COLD.kinds))
WORDS = st.sampled_from(["la comunidad", "mi casa", "frío industrial", "proveedor", "soy autónomo", "hola"])
FACTS = st.one_of(
    st.sampled_from([ANSWERED, ENDED, f.CallQueued(), f.CallDequeued(), f.CallAbandoned()]),
    st.builds(
        f.CallerIdentified,
        standing=st.sampled_from(["customer", "new", "unknown"]),
        name=st.sampled_from([None, "Ruiz"]),
        customer=st.sampled_from([None, "c7", "c8"]),
        party=st.sampled_from([None, "individual", "company"]),
        language=st.sampled_from([None, "pt", "en"]),
    ),
    st.builds(f.CallerAskedFor, person=st.sampled_from(["CEO", "Eva"])),
    st.builds(f.KindConfirmed, kind=KINDS, answer=st.booleans()),
    st.builds(f.ContactGiven, phone=st.sampled_from([None, PHONE])),
    st.builds(request, WORDS, st.sampled_from(["complaint", "sales"])),
)


@settings(deadline=None)
@examples(facts=st.lists(FACTS, max_size=12), known=st.booleans())
def test_consequences_that_are_recorded_do_not_follow_again(facts: list[Data], known: bool) -> None:
    """After any history nothing is outstanding, and a fact repeated leads to itself at most."""
    world = directory_of(c7=MANAGER) if known else given(domain, COLD)
    story(OFFERED, world=world)
    for fact in facts:
        try:
            happen(domain, world, when("c1", fact))
        except Refused:
            continue
        call = world.aggregates["c1"]
        assert classify.consequences(world.protocol, world.index, call, START) == []
        try:
            again = domain.decide(world, when("c1", fact))
        except Refused:
            continue
        assert again == [("c1", fact)]


@settings(deadline=None)
@examples(facts=st.lists(FACTS, max_size=8))
def test_a_decision_is_the_same_each_time_and_changes_nothing(facts: list[Data]) -> None:
    """A decision is pure: deciding leaves the world as it is, and recording is all that counts."""
    world, again = directory_of(c7=MANAGER), directory_of(c7=MANAGER)
    for fact in [OFFERED, *facts]:
        try:
            decision = domain.decide(world, when("c1", fact))
        except Refused:
            continue
        assert decision == domain.decide(world, when("c1", fact))
        for aggregate, event in decision:
            world.evolve(domain.evolve, aggregate, event, START)
            again.evolve(domain.evolve, aggregate, event, START)
    assert world == again
