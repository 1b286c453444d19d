"""Every query is asked, and its answers are held against their schemas."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator

from centralita.client import Fact, Refusal
from centralita.operating import Operator
from contracts import registry
from contracts.answers import ANSWERS
from contracts.released.meaning import fields

Json = dict[str, Any]


def closed(schema: Any) -> Any:
    """The schema of one who knows all fields, and stumbles over any other."""
    if isinstance(schema, dict):
        made = {key: closed(it) for key, it in schema.items()}
        return made | ({"additionalProperties": False} if "properties" in made else {})
    return [closed(it) for it in schema] if isinstance(schema, list) else schema


VALIDATORS = {
    (service, name): Draft202012Validator(closed(kind.model_json_schema()))
    for service, names in ANSWERS.items()
    for name, kind in names.items()
}


async def something_of_each(client: Operator, centre: str, time: datetime) -> None:
    """Have a queue, a call of a customer, a ticket with a file, a problem, a review and a block."""
    phone, stated = "+34600555199", {"text": "The boiler shows E4", "category": "error"}
    who = {"standing": "customer", "customer": "c-7"}
    entry = {"name": "Alba Soler", "kind": "household", "phones": [phone]}
    facts = [
        Fact("customer.registered", "c-7", entry, time),
        Fact("agent.signed_in", "sara", {"name": "Sara Vila", "role": "supervisor"}, time),
        *(Fact("call.offered", call, {"from": phone}, time) for call in ("told", "again", "waits")),
        Fact("call.queued", "waits", {}, time),
        Fact("call.answered", "told", {"agent": "sara"}, time),
        Fact("caller.identified", "told", who, time),
        Fact("request.stated", "told", stated, time),
    ]
    await client.publish(centre, facts)
    await client.settle(centre)
    case = {
        "category": "error",
        "need": "The boiler shows E4",
        "call": "told",
        "customer": "c-7",
        "by": "ana",
    }
    try:
        number = (await client.command(centre, "tickets", "register", case))["data"]["number"]
    except Refusal:  # of a caller who is not known the centre keeps nothing
        return
    file = {"name": "e4.png", "type": "image/png", "size": 48211, "digest": "5e" * 32, "object": "1/e4.png"}
    commands: tuple[tuple[str, str, Json], ...] = (
        ("tickets", "attach", {"ticket": number, **file, "by": "ana"}),
        ("tickets", "open_problem", {"title": "E4 after the update", "by": "sara"}),
        ("tickets", "link_incident", {"problem": 1, "ticket": number, "by": "sara"}),
        ("tickets", "publish_workaround", {"problem": 1, "text": "Switch it off for a minute", "by": "sara"}),
        ("intake", "request_block", {"call": "told", "by": "ana"}),
        ("tickets", "review", {"call": "told", "items": {"wording": True}, "by": "sara"}),
    )
    for service, verb, words in commands:
        with contextlib.suppress(Refusal):  # not every centre has a scorecard
            await client.command(centre, service, verb, words)
    later = (("call.answered", {}), ("caller.identified", who), ("request.stated", stated))
    await client.publish(centre, [Fact(name, "again", data, time) for name, data in later])
    await client.settle(centre)


def never_told(found: Iterable[dict[tuple[str, str], list[Json]]]) -> set[str]:
    """The fields of answers, within lists and objects, that no answer had."""
    seen = {path for answers in found for (_, name), each in answers.items() for path in _paths(each, name)}
    known = {
        f"{name}[].{path}"
        for names in ANSWERS.values()
        for name, kind in names.items()
        for path in fields(kind.model_json_schema())
    }
    return {path for path in known if path not in seen}


def _paths(value: Any, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, list):
        for each in value:
            yield from _paths(each, f"{path}[]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _paths(each, f"{path}.{key}")
            yield from _paths(each, f"{path}.*")


async def every_answer(client: Operator, centre: str) -> dict[tuple[str, str], list[Json]]:
    """All answers that a centre gives, by service and query; an AssertionError where one is not as published."""
    found: dict[tuple[str, str], list[Json]] = {}

    async def ask(service: str, name: str, **words: Any) -> Json:
        answer = await client.query(centre, service, name, words)
        wrong = [
            f"{error.json_path}: {error.message}" for error in VALIDATORS[service, name].iter_errors(answer)
        ]
        assert wrong == [], (service, name)
        found.setdefault((service, name), []).append(answer)
        return answer

    for service, names in registry.QUERIES.items():
        for name, kind in names.items():
            if not any(field.is_required() for field in kind.model_fields.values()):
                await ask(service, name)
    await ask("sla", "figures", by="day")
    tickets = found["tickets", "tickets"][0]["tickets"]
    for number in [*(it["ticket"] for it in tickets[:4]), 10**6]:
        await ask("tickets", "ticket", ticket=number)
    for customer in {it["customer"] for it in tickets if it["customer"]}:
        await ask("tickets", "history", customer=customer)
    for call in {it["call"] for it in tickets if it["call"]}:
        with contextlib.suppress(Refusal):  # where the request was never stated
            await ask("tickets", "profile", call=call)
    for problem in (1, 10**6):
        await ask("tickets", "problem", problem=problem)
    return found
