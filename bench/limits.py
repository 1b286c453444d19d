"""What follows from the figures for the largest centre we know of: arithmetic, and marked as such."""

from collections.abc import Iterator, Sequence
from statistics import median

from bench.flow import EVENTS_PER_CALL
from bench.report import Row, figure_of

CALLS_PER_S = 400
DAY_S = 86_400


def markdown(rows: Sequence[Row]) -> str:
    """A table of what can be worked out from these rows; of what was not measured there is no line."""
    lines = ["| at 400 calls/s, day and night | arithmetic | worked out from |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | {source} |" for what, figure, source in _worked_out(rows)]
    return "\n".join(lines)


def _worked_out(rows: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    ours = {row.measure: row.figure for row in rows}
    one_server = {row.measure: median(row.peers) for row in rows if row.peer == "one server"}
    events_a_day = CALLS_PER_S * EVENTS_PER_CALL * DAY_S
    yield "events a day", f"{events_a_day / 1e6:,.0f} million", f"{EVENTS_PER_CALL} a call"
    if size := one_server.get("three replicas on one machine, log of a call, each replica"):
        day = size * CALLS_PER_S * DAY_S / 1e9
        source = f"{figure_of(size)} B of log a call, measured; each replica has as much"
        yield "log on disk, a day", f"{figure_of(day)} GB", source
        yield "log on disk, a year", f"{figure_of(day * 365 / 1000)} TB", source
    for measure, mb in ours.items():
        if measure == "server memory per million events, after a restart":
            source = f"{figure_of(mb)} MB a million, measured, if it goes on growing by the event"
            yield "server memory for a day of log", f"{figure_of(mb * events_a_day / 1e9)} GB", source
        if measure.startswith("ready after kill -9, behind") and measure.endswith("the server's own share"):
            behind = float(measure.split("behind ")[1].split()[0].replace(",", ""))
            seconds = mb / behind * events_a_day
            source = f"{figure_of(mb)} s behind {behind / 1e6:g} million, measured, if it grows by the event"
            yield "server ready after kill -9 behind a day of log", f"{figure_of(seconds)} s", source
    services = one_server.get("three replicas on one machine, CPU of the services a call")
    servers = one_server.get("three replicas on one machine, CPU of the servers a call")
    if services and servers:
        source = f"{figure_of(services)} ms of the services and {figure_of(servers)} ms of the server a call, measured"
        yield "cores busy", figure_of((services + servers) * CALLS_PER_S / 1000), source
    cpu, memory = (ours.get(f"idle, each further centre, {what}") for what in ("CPU", "memory"))
    if cpu and memory and min(cpu, memory) > 0:
        source = f"{figure_of(cpu)} % of a core and {figure_of(memory)} MB each, measured"
        figure = f"{100 / cpu:,.0f} a core, {1000 / memory:,.0f} a GB"
        yield "(idle centres that one machine holds)", figure, source
