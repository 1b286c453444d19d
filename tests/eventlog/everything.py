"""All that can be told or asked of a centre: every fact and command of the contract, drawn with few values of each."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import ValidationError

import protocols
from centralita.stack import ALL
from contracts import registry
from contracts.base import Data, Refused
from contracts.names import COMMANDS, FACTS
from contracts.protocol import PLAIN, Protocol
from eventlog.codec import Message, headers_of, timestamp
from tests.eventlog.lines import CENTRE, Asked, Line
from tests.unit.given import START

SHIPPED = {name: protocols.load(name) for name in protocols.names()}
COLD, GAS, FRONT, VENDOR, INSURER = (
    SHIPPED[name] for name in ("cold-industry", "gas-utility", "front-office", "software-vendor", "insurer")
)
PRESENT = COLD.model_dump(mode="json"), GAS.model_dump(mode="json"), FRONT.model_dump(mode="json")
MIXED = Protocol.model_validate(
    GAS.model_dump(mode="json")
    | {
        "name": "mixed",
        "kinds": PRESENT[0]["kinds"],
        "classification": PRESENT[0]["classification"],
        "contact_details": PRESENT[0]["contact_details"],
        "lines": PRESENT[2]["lines"],
        "calendars": {it: c for p in SHIPPED.values() for it, c in p.model_dump(mode="json")["calendars"].items()},
        "promises": [
            it | {"name": f"{p.name}-{it['name']}"}
            for p in (GAS, FRONT, VENDOR)
            for it in p.model_dump(mode="json")["promises"]
        ],
        "targets": PRESENT[2]["targets"],
        "watched": [
            it | {"bound": min(it["bound"], 180 if it["bound"] > 1 else 0.5), "least": 1}
            for it in PRESENT[2]["watched"]
        ],
        "limits": {
            "answer_s": 8, "handling_s": {"high": 660, "medium": 480, "low": 240}, "handling_warning_s": 240,
            "premium_handling_s": 180, "hold_s": 120, "hold_warning_s": 15, "wrap_up_s": 20, "offer_s": 30,
            "retry_s": 60, "contact_s": 600, "contact_retry_s": 120, "supervisor_s": 60, "simple_question_s": 300,
            "callback_s": 900, "next_step_s": {"email_reply": 3600, "escalation_reply": 1800},
        },
        "cases": VENDOR.cases.model_dump(mode="json")
        | {
            "formal_reply_for": ["complaint"],
            "profile_after_request": True,
            "follow_up_departments": GAS.cases.model_dump(mode="json")["follow_up_departments"],
        },
        "scripts": {k: w for p in SHIPPED.values() for k, w in p.model_dump(mode="json")["scripts"].items()},
        "greetings": INSURER.model_dump(mode="json")["greetings"],
        "shares": {"complaints": {"complaints": 60, "complaints-partner": 40}},
        "queue_alert": 2,
    }
)  # fmt: skip
PROTOCOLS = (COLD, GAS, FRONT, VENDOR, PLAIN, MIXED, MIXED)

CALLS, AGENTS, CUSTOMERS = ("c1", "c2", "c3", "c4"), ("ana", "bruno", "carla", "sol", "rita"), ("k1", "k2")
PHONES = ("+34600111222", "600 333 444", "+34911234567", "+34807123456", "+34902123123")
DESKS = sorted({row.desk for p in SHIPPED.values() for row in p.routing} | {"complaints-partner"})
FAR = (START + timedelta(days=400), datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC))
TEXTS = (
    "se ha roto la cámara frigorífica del almacén", "soy administradora de fincas", "una factura",
    "hijo de puta", "¿ya?", "voy a denunciarlos al regulador", "hola", "reclame donde quiera",
    "le corto la llamada", "x" * 3999,
)  # fmt: skip
TIMES = (START + timedelta(minutes=3), START + timedelta(days=2), START - timedelta(days=1), *FAR)
POOLS: Mapping[str, Sequence[Any]] = {
    **dict.fromkeys(("agent", "by", "owner", "supervisor"), (*AGENTS, "sol", "sol", "nobody")),
    "call": (*CALLS, "c9"),
    "block": (*CALLS, "block:c1"),
    "customer": (*CUSTOMERS, None, "k9"),
    "message": ("m1", "m2", None),
    "in_reply_to": ("m1", "m2", None),
    **dict.fromkeys(("ticket", "into", "problem"), (1, 2, 3, 4)),
    "queue": ("main", "sales", "after-sales", None),
    "kind": (*sorted(COLD.kinds)[:4], "no-such-kind"),
    **dict.fromkeys(("from_", "phone"), (*PHONES, None)),
    "phones": ([PHONES[0]], list(PHONES[:2]), []),
    "emails": (["a@example.org"], []),
    "email": ("a@example.org", None),
    **dict.fromkeys(("text", "need", "note", "reason", "instruction", "question", "resolution"), TEXTS),
    **dict.fromkeys(("points", "actions"), ([TEXTS[0]], [TEXTS[3], TEXTS[8]])),
    "key": sorted(MIXED.scripts),
    "product": ("car-rental", "packaged-travel", "x", None),
    "tool": ("editor", None),
    **dict.fromkeys(("desk", "department"), DESKS),
    "desks": (DESKS, DESKS[:2], []),
    "skills": (["refrigeration"], []),
    "shares": ({"complaints": 50, "complaints-partner": 50}, {"complaints": 100}, {"complaints": 30}, {}),
    "items": ({"own-ground": True}, {"no-such": False}, {}),
    "tier": (1, 2),
    "capacity": (None, 1),
    "size": (1, 10**9),
    "type": ("image/png", "text/x"),
    "digest": ("0" * 64,),
    "line": (1, 2),
    "protocol": (None,),
    "person": ("director general", "ana"),
    "title": ("señora", None),
    "version": (1,),
    **dict.fromkeys(("since", "until"), (None, *TIMES)),
}


STRIDE = timedelta(seconds=15)


class Step(NamedTuple):
    """What happens so many seconds after the last thing."""

    after: float
    what: Literal["fact", "command", "raw", "repeat", "clock", "publish", "round"]
    name: str = ""
    about: str = ""
    data: Any = None


def values(name: str, shape: Any) -> st.SearchStrategy[Any]:
    """Some values of a field of this name and type."""
    if get_origin(shape) is Literal:
        return st.sampled_from(get_args(shape))
    if name in POOLS:
        return st.sampled_from(POOLS[name])
    if get_origin(shape) is Annotated:
        return values(name, get_args(shape)[0])
    if get_origin(shape) in (Union, types.UnionType):
        kinds = [each for each in get_args(shape) if each is not type(None)]
        given = st.one_of(*(values(name, each) for each in kinds))
        return st.none() | given if type(None) in get_args(shape) else given
    if shape is bool:
        return st.booleans()
    if shape is int:
        return st.sampled_from((1, 2))
    if get_origin(shape) is tuple:
        return st.lists(values(name, get_args(shape)[0]), max_size=2)
    return st.sampled_from(("one", "two"))


def filled(kind: type[Data], *, wild: bool = True) -> st.SearchStrategy[dict[str, Any]]:
    """JSON for a model: fields that are None are left out; a few do not fit the model, if they may."""
    fields = {
        name: (field.alias or name, values(name, field.annotation))
        for name, field in kind.model_fields.items()
    }
    drawn = st.fixed_dictionaries(dict(fields.values()))
    return drawn.map(lambda data: {k: _json(v) for k, v in data.items() if v is not None}).filter(
        lambda data: wild or fits(kind, data)
    )


def _json(value: Any) -> Any:
    return timestamp(value) if isinstance(value, datetime) else value


def fits(kind: type[Data], data: Any) -> bool:
    """Whether JSON is one of the model."""
    try:
        kind.model_validate_json(json.dumps(data))
    except ValidationError:
        return False
    return True


ABOUT = {"call": CALLS, "agent": AGENTS, "customer": CUSTOMERS, "message": ("m1", "m2")}
AFTER = st.sampled_from((0.0, 0.0, 0.5, 1.0, 8.0, 20.0, 61.0, 120.0, 301.0, -5.0, -200.0))


def _steps(what: str, **drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.fixed_dictionaries({"after": AFTER, "what": st.just(what), **drawn}).map(lambda d: Step(**d))


def _facts(topic: str, name: str) -> st.SearchStrategy[Step]:
    data = filled(FACTS[topic][name])
    return _steps("fact", name=st.just(name), about=st.sampled_from(ABOUT[topic]), data=data)


TOLD = {name: _facts(topic, name) for topic, facts in FACTS.items() if topic != "clock" for name in facts}
ASKED = {
    f"{service}.{verb}": _steps("command", name=st.just(f"{service}.{verb}"), data=filled(kind, wild=False))
    for service, verbs in COMMANDS.items()
    for verb, kind in verbs.items()
}
USUAL = [
    *(TOLD[name] for name in TOLD if name.startswith(("call.", "hold.", "agent."))),
    *(
        TOLD[it]
        for it in ("call.offered", "call.answered", "request.stated", "caller.identified", "script.delivered")
    ),
    *(
        TOLD[it]
        for it in ("conduct.reported", "caller.insisted", "containment.exhausted", "supervisor.joined")
    ),
    *(ASKED[f"tickets.{it}"] for it in ("register", "resolve", "close", "reopen", "merge", "link_incident")),
    *(
        ASKED[it]
        for it in ("routing.assign", "intake.request_block", "intake.approve_block", "intake.release")
    ),
]
OTHER = [
    *[_steps("clock")] * 6,
    st.sampled_from((130.0, 700.0)).map(lambda s: Step(s, "clock")),
    _steps("repeat", data=st.integers(0, 50)),
    *[_steps("round", data=st.integers(1, 9))] * 3,
    _steps("publish", data=st.sampled_from(PROTOCOLS)),
    _steps(
        "raw",
        name=st.sampled_from(("call.c1", "agent.ana", "clock.clock", "call.a b")),
        data=st.sampled_from(("{", "{}")),
    ),
]
HAPPENINGS = st.one_of(
    st.one_of(USUAL),
    st.one_of(USUAL),
    st.one_of(*TOLD.values()),
    st.one_of(*ASKED.values()),
    st.one_of(OTHER),
)


CASE = {"need": "x", "customer": "k1", "by": "ana"}


def beginning(protocol: Protocol) -> list[Step]:
    """A centre in the middle of its work: agents of each role, two callers, a ticket, a problem."""
    roles = {"sol": "supervisor", "rita": "reception"}
    return [
        *(
            Step(0, "fact", "agent.signed_in", it, {"name": it, "desks": DESKS, "role": roles.get(it, "agent")})
            for it in AGENTS
        ),
        *(Step(0, "fact", "agent.available", it, {}) for it in AGENTS),
        Step(0, "fact", "customer.registered", "k1", {"name": "K", "kind": "individual", "phones": [PHONES[0]]}),
        *(Step(1, "fact", "call.offered", it, {"from": PHONES[0], "to": PHONES[3]}) for it in CALLS[:3]),
        *(Step(1, "fact", "call.answered", it, {"agent": "ana"}) for it in CALLS[:2]),
        Step(0, "round", data=9),
        Step(9, "fact", "caller.identified", "c1", {"standing": "customer", "customer": "k1"}),
        Step(9, "fact", "request.stated", "c1", {"text": TEXTS[0], "category": "error"}),
        Step(0, "round", data=9),
        Step(
            1,
            "command",
            "tickets.register",
            data=CASE | {"category": "error", "call": "c1", "tool": "t", "place": "p"},
        ),
        Step(1, "command", "tickets.register", data=CASE | {"category": "complaint", "call": "c2"}),
        Step(1, "command", "tickets.open_problem", data={"title": "x", "by": "ana"}),
    ]  # fmt: skip


HISTORIES = st.tuples(st.sampled_from(PROTOCOLS), st.lists(HAPPENINGS, min_size=10, max_size=45))


def live(line: Line, history: Sequence[Step], *, pause: bool = False) -> Line:
    """Let a history happen; with `pause` everybody comes to rest after each step, and time does not run backwards."""
    now = clock = START
    sent: list[tuple[str, Message]] = []
    version = 1
    for number, step in enumerate(history):
        now += timedelta(seconds=max(step.after, 0) if pause else step.after)
        name = f"m{number}"
        match step.what:
            case "fact":
                topic = registry.topic_of(step.name)
                assert topic
                fact = Message(step.about, step.name, json.dumps(step.data).encode(), name, "/test", time=now)
                sent.append((registry.inbox_subject(CENTRE, topic, step.about), fact))
                line.tell(sent[-1][0], headers_of(fact), fact.data)
            case "clock":
                for to in until(clock, now) if pause else [now]:
                    _advance(line, f"{name}-{to:%H%M%S}", to)
                    if pause:
                        line.settle()
                clock = max(clock, now)
            case "repeat" if sent:
                subject, fact = sent[step.data % len(sent)]
                line.tell(subject, headers_of(fact), fact.data)
            case "raw":
                line.tell(
                    f"inbox.{CENTRE}.{step.name}",
                    {"ce-id": name, "ce-specversion": "1.0", "ce-source": "/s", "ce-type": "call.ended"},
                    step.data.encode(),
                )
            case "command":
                _ask(line, step, name, now)
            case "publish":
                version += 1
                line.publish(step.data.model_copy(update={"version": version}))
            case "round" if not pause:
                line.round(step.data)
        if pause:
            line.settle()
    line.settle()
    return line


def until(clock: datetime, now: datetime) -> Iterator[datetime]:
    """In steps shorter than any limit, so that what one timer leads to is decided before the next is due."""
    while clock + STRIDE < now:
        clock += STRIDE
        yield clock
    yield now


def _advance(line: Line, name: str, to: datetime) -> None:
    data = json.dumps({"to": timestamp(to)}).encode()
    fact = Message(registry.CLOCK, "clock.advanced", data, name, "/test", time=to)
    line.tell(registry.inbox_subject(CENTRE, "clock", registry.CLOCK), headers_of(fact), fact.data)


def _ask(line: Line, step: Step, name: str, now: datetime) -> None:
    service, verb = step.name.split(".")
    body = COMMANDS[service][verb].model_validate_json(json.dumps(step.data))
    message = Message("", verb, json.dumps(step.data).encode(), name, "/test", time=now, actor="ana")
    try:
        about = ALL[service].about(body)
    except Refused:
        return
    line.ask(service, Asked(about, message))
