"""A month of call records replayed as fast as possible, beside pandas computing the same figures of the file."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from math import isclose
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bench import rows
from bench.report import Plan, Row, Wrong, at_most
from bench.rig import CENTRE, DURABLE, four_processes, served
from centralita import replay
from centralita.operating import Operator
from centralita.records import CallRecord, Refused
from contracts.protocol import PLAIN

RECORDS = "CENTRALITA_RECORDS"
"""Names a file of real call records; without it a month of the same size is made up."""
FIGURES = (
    "offered",
    "answered",
    "abandoned",
    "answer_rate",
    "abandonment_rate",
    "aht_s",
    "asa_s",
    "service_level",
)
Figures = Mapping[str, Mapping[str, Any]]


def run(plan: Plan) -> list[Row]:
    """Every call of the month through all four services, on a virtual clock."""
    given = "" if plan.quick else os.environ.get(RECORDS, "")
    file = Path(given) if given else rows.month(plan.directory / "month.tsv", plan.of(33_344, 200))
    found = replay.Import.read(file, ZoneInfo(PLAIN.timezone))
    calls = {row.call_id for row in found.rows if isinstance(row, CallRecord)}
    refused = sum(isinstance(row, Refused) for row in found.rows)
    ours, theirs = list[float](), list[float]()
    for number in plan.repeat():
        seconds, figures = asyncio.run(_replayed(plan, plan.directory / f"month-{number}", file, calls))
        ours.append(seconds)
        if find_spec("pandas"):
            seconds, expected = _counted(file)
            theirs.append(seconds)
            for by in ("queues", "days"):
                _same(figures[by], expected[by])
    which = "a real month" if given else f"a made-up month ({RECORDS} names no file of real calls)"
    note = (
        f"month: {which} of {len(found.rows):,} rows: {len(calls):,} calls, {refused} refused, the rest ignored;"
        f" {len(found.steps):,} facts. From the opening of the file until all is settled and the figures are"
        " answered; every call has its end, and the figures by queue and day equal those of pandas, which reads"
        " the file and computes them (its import is not counted)"
    )
    peer = "pandas, the same figures of the file"
    return [
        Row(
            f"a month of {len(calls):,} calls replayed", "s", ours, DURABLE,
            peer if theirs else f"{peer}: not installed", theirs, at_most(60), note, "none",
        )
    ]  # fmt: skip


async def _replayed(plan: Plan, directory: Path, file: Path, calls: set[str]) -> tuple[float, dict[str, Any]]:
    async with (
        asyncio.timeout(plan.left),
        served(directory) as (server, client),
        four_processes(server.url, directory / "services") as services,
    ):
        began = time.perf_counter()
        figures = await replay.replay(client, CENTRE, file, lambda *_: services.check())
        seconds = time.perf_counter() - began
        await _settled(client, calls)
        figures |= await client.query(CENTRE, "sla", "figures", {"by": "day"})
    return seconds, figures


async def _settled(client: Operator, calls: set[str]) -> None:
    """Wrong unless every call was offered once and has one end, and there is no other."""
    ends: dict[str, list[str]] = defaultdict(list)
    async for part in client.recorded(CENTRE):
        for raw in part:
            name, (_, _, service, about) = raw.name, raw.subject.split(".")
            if service == "intake" and name in ("call.offered", "call.ended", "call.abandoned"):
                ends[about].append(name)
    wrong = [call for call, names in ends.items() if len(names) != 2 or names[0] != "call.offered"]
    if wrong or ends.keys() != calls:
        raise Wrong(
            f"{len(ends)} of {len(calls)} calls were offered, {len(wrong)} have not one end: {wrong[:3]}"
        )


def _counted(file: Path) -> tuple[float, dict[str, Figures]]:
    """Seconds, and the figures by queue and day, with nothing of ours."""
    pandas: Any = import_module("pandas")
    began = time.perf_counter()
    text = {"call_id": str, "date": str}
    table = pandas.read_csv(file, sep="\t", dtype=text, quoting=3, compression="infer")
    table = table[table["outcome"] != "PHANTOM"]
    clocks = {
        name: pandas.to_timedelta(table[name]).dt.total_seconds()
        for name in ("vru_entry", "vru_exit", "q_start", "q_exit", "ser_start", "ser_exit")
    }
    agent = table["outcome"] == "AGENT"
    fault = agent & (clocks["ser_start"] == 0) & (clocks["ser_exit"] == 0)
    fault |= ~agent & (table["ser_time"] > 0)
    for start, end in (("vru_entry", "vru_exit"), ("q_start", "q_exit"), ("ser_start", "ser_exit")):
        lasted = clocks[end] - clocks[start]
        fault |= (lasted < 0) & (lasted + 86_400 >= 21_600)
    table = table[~fault]
    agent = table["outcome"] == "AGENT"
    served = table["ser_time"].where(agent)
    waited = table["q_time"].where(agent)
    table = table.assign(answered=agent, abandoned=~agent, served=served, waited=waited, soon=waited <= 20)
    table["day"] = "19" + table["date"].str[:2] + "-" + table["date"].str[2:4] + "-" + table["date"].str[4:]
    found = {"queues": _by(table, "type"), "days": _by(table, "day")}
    return time.perf_counter() - began, found


def _by(table: Any, column: str) -> Figures:
    groups = table.groupby(column)
    sums = groups[["answered", "abandoned", "soon"]].sum()
    sums["offered"] = groups.size()
    sums["answer_rate"] = sums["answered"] / sums["offered"]
    sums["abandonment_rate"] = sums["abandoned"] / sums["offered"]
    sums["aht_s"], sums["asa_s"] = groups["served"].mean(), groups["waited"].mean()
    sums["service_level"] = sums["soon"] / sums["offered"]
    return dict(sums.to_dict("index"))


def _same(ours: Figures, theirs: Figures) -> None:
    if ours.keys() - {"all"} != theirs.keys():
        raise Wrong(f"figures are of {sorted(ours)}, not of {sorted(theirs)}")
    for name, expected in theirs.items():
        for figure in FIGURES:
            found, wanted = ours[name][figure], expected[figure]
            if found is not None and not isclose(found, wanted, abs_tol=0.001):
                raise Wrong(f"{figure} of {name} is {found}, not {wanted}")
