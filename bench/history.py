"""A query of the case history behind a million events, beside the same SQL on the bare table."""

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import latency
from bench.latency import QUANTILES, WARM_UP_S, quantile
from bench.pacer import Due, paced
from bench.report import Plan, Row, Wrong, at_most
from bench.rig import CENTRE, DURABLE, active, centre, four_processes, served
from bench.written import Written
from centralita.operating import Operator
from contracts import registry
from contracts.base import Data
from contracts.commands import (
    AssignTicket,
    CloseTicket,
    CommentTicket,
    HistoryQuery,
    RegisterTicket,
    ResolveTicket,
)
from eventlog.codec import Message
from eventlog.decider import Arrival
from services.seat import view_path
from services.tickets import search
from services.tickets.app import SERVICE

PER_TICKET, PER_CUSTOMER = 5, 10
QUERIES_PER_S = 100
CALLS_PER_S = 50
PEER = "sqlite3, the same SQL on the same table"
WORDS = (
    "cold",
    "room",
    "warm",
    "door",
    "seal",
    "alarm",
    "invoice",
    "pump",
    "valve",
    "leak",
    "noise",
    "display",
)
SEED = 6


def run(plan: Plan) -> list[Row]:
    """While nothing else happens, and while calls arrive."""
    events, seconds = plan.of(1_000_000, 5_000), plan.of(20, 2)
    return asyncio.run(_run(plan, plan.directory / "history", events, seconds))


async def _run(plan: Plan, directory: Path, events: int, seconds: int) -> list[Row]:
    store, tickets = directory / "services", events // PER_TICKET
    chosen = random.Random(SEED)
    asked = [
        HistoryQuery(customer=_customer(chosen.randrange(tickets)))
        for _ in range(int(QUERIES_PER_S * (seconds + WARM_UP_S)))
    ]
    around = [name for name in registry.SERVICES if name != SERVICE.name]
    async with (
        asyncio.timeout(plan.left),
        served(directory) as (server, client),
        centre(client),
        four_processes(server.url, store, around) as others,
    ):
        history = Written(client, CENTRE, SERVICE, store / "services")
        await history.open()
        await history.take(_commands(tickets), _arrival)
        await history.close()
        async with four_processes(server.url, store, [SERVICE.name]) as services:
            for name in registry.SERVICES:
                await active(client, services if name == SERVICE.name else others, name, history.last)
            await client.settle(CENTRE)
            quiet = await _ask(client, asked, directory / "queries")
            _, busy = await asyncio.gather(
                latency.publish(client, CENTRE, CALLS_PER_S, CALLS_PER_S * seconds, directory / "facts"),
                _ask(client, asked, directory / "queries-busy"),
            )
            await client.settle(CENTRE)
        bare = await asyncio.to_thread(_bare, view_path(SERVICE, CENTRE, store / "services"), asked)
    note = (
        f"history: {tickets:,} cases of {PER_TICKET} events each, {PER_CUSTOMER} of a customer; {QUERIES_PER_S}"
        f" queries/s for {seconds} s, open loop, each for all cases of a customer, from when it was due to be sent"
        " until it is answered over NATS; sqlite3 is asked one after the other in a process that does nothing else"
    )
    return [
        Row(
            f"history query behind {events:,} events{while_}, {name}", "ms", [quantile(found, q)], DURABLE,
            PEER, [quantile(bare, q)], at_most(10) if name == "p99" and not while_ else None, note, "only read",
        )
        for while_, found in (("", quiet), (f", {CALLS_PER_S} calls/s arriving", busy))
        for name, q in QUANTILES
    ]  # fmt: skip


def _customer(ticket: int) -> str:
    return f"customer-{ticket // PER_CUSTOMER}"


def _commands(tickets: int) -> Iterator[tuple[int, Data]]:
    """What is done with each case, by number: registered, commented, given to somebody, resolved and closed."""
    chosen = random.Random(SEED)

    def words(count: int) -> str:
        return " ".join(chosen.choices(WORDS, k=count))

    # the cases of a customer lie far apart, as they do in life
    order = [n for start in range(PER_CUSTOMER) for n in range(start, tickets, PER_CUSTOMER)]
    for number, n in enumerate(order, start=1):
        by = f"agent-{n % 50}"
        need = RegisterTicket(
            category="after_sales", need=words(8), customer=_customer(n), desk="retail", by=by
        )
        yield number, need
        yield number, CommentTicket(ticket=number, text=words(12), by=by)
        yield number, AssignTicket(ticket=number, owner=by, by=by)
        yield number, ResolveTicket(ticket=number, resolution=words(6), by=by)
        yield number, CloseTicket(ticket=number, by=by)


VERBS = {kind: verb for verb, kind in registry.COMMANDS[SERVICE.name].items()}


def _arrival(asked: tuple[int, Data]) -> Arrival:
    number, command = asked
    verb, data = VERBS[type(command)], command.model_dump_json(exclude_none=True).encode()
    message = Message(
        "", verb, data, f"{number}-{verb}", "/bench", time=datetime.now(UTC), actor=getattr(command, "by", "")
    )
    return Arrival("command", SERVICE.about(command), message)


async def _ask(client: Operator, asked: Sequence[HistoryQuery], file: Path) -> list[float]:
    """Each query when it is due; how soon it was answered, in ms."""
    subject = registry.query_subject(CENTRE, SERVICE.name, "history")
    contents = [query.model_dump_json(exclude_none=True).encode() for query in asked]

    def due(begin: float) -> list[Due]:
        return [Due(begin + n / QUERIES_PER_S, subject, {}, it) for n, it in enumerate(contents)]

    answer = json.loads((await client.connection.request(subject, contents[0], timeout=5)).data)
    if len(answer["tickets"]) != PER_CUSTOMER:
        raise Wrong(f"{asked[0].customer} has {len(answer['tickets'])} cases, not {PER_CUSTOMER}")
    result = await paced(client.url, due, len(asked), file)
    if result.refused or len(result.answered) != len(asked):
        raise Wrong(f"{len(result.answered)} of {len(asked)} queries were answered; {result.refused[:1]}")
    return result.answered[int(QUERIES_PER_S * WARM_UP_S) :]


def _bare(path: Path | None, asked: Sequence[HistoryQuery]) -> list[float]:
    """The same SQL without anything around it, in ms."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    taken = []
    for query in asked:
        began = time.perf_counter()
        if len(search.history(database, query)["tickets"]) != PER_CUSTOMER:
            raise Wrong(f"the table does not have the cases of {query.customer}")
        taken.append((time.perf_counter() - began) * 1000)
    database.close()
    return taken[int(QUERIES_PER_S * WARM_UP_S) :]
