"""Record a log of this release: `make release-log`, or `python -m tests.upgrade.record`.

The story of each protocol, with a call left open; then of the scenarios one for each type that was not seen yet.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from centralita import centres
from centralita.client import Fact
from centralita.demo import STORIES
from centralita.operating import Operator
from centralita.playing import Playing
from centralita.scenarios import Scenario, load, protocol_of
from centralita.stack import running
from contracts import registry
from eventlog.place import Pace
from services.edge import VERSION
from tests.scenarios.stories import every
from tests.upgrade.recorded import LOGS, OPEN, Centre, of, write


def told(scenario: Scenario) -> set[str]:
    """The types that a scenario speaks of, and its commands."""
    found = {f"{step.what}" for step in scenario.steps if step.verb == "command"}
    found |= {"fact.rejected" for step in scenario.steps if "rejected" in step.words}
    for step in scenario.steps:
        named = step.what if step.verb == "order" else [step.what]
        if step.verb in ("fact", "expect", "order"):
            found |= {it if isinstance(it, str) else next(iter(it)) for it in named}
    return found


async def played(client: Operator, scenario: Scenario, name: str, *, open_call: bool) -> Centre:
    """The centre in which a scenario was played."""
    playing = Playing(client, scenario, name, lambda data: data)
    await centres.add(client.connection, name, protocol_of(scenario.protocol), clock="virtual")
    await playing.begin()
    for step in scenario.steps:
        await playing.advance(step.at)
        await playing.do(step)
    if not open_call:
        return await of(client, name)
    assert playing.now
    await client.publish(name, [Fact("call.offered", OPEN, {}, playing.now, id=OPEN, source="/recorded")])
    await playing.advance(playing.now + timedelta(seconds=1))
    return await of(client, name, playing.now)


async def main() -> None:
    """Record, and say what came of it."""
    found, seen = list[Centre](), set[str]()
    with tempfile.TemporaryDirectory() as store:
        async with (
            running(Path(store), pace=Pace(trim=3600)) as stack,
            Operator(stack.url, timeout=20) as client,
        ):
            for file in sorted(STORIES.glob("*.yaml")):
                found.append(await played(client, load(file)[0], file.stem, open_call=True))
                await centres.remove(client.connection, file.stem)
                seen |= {name for name, _ in found[-1].types}
            for scenario in every()[0]:
                if told(scenario) <= seen:
                    continue
                name = f"more-{len(found)}"
                found.append(await played(client, scenario, name, open_call=False))
                await centres.remove(client.connection, name)
                seen |= told(scenario) | {name for name, _ in found[-1].types}
    size = write(LOGS / f"{VERSION}.jsonl.xz", found)
    events = sum(len(centre.log) for centre in found)
    types = {name for centre in found for name, _ in centre.types}
    missing = sorted(registry.recorded_types().keys() - types)
    sys.stdout.write(
        f"{VERSION}: {len(found)} centres, {events} events of {len(types)} types, {size} bytes\n"
        f"never recorded: {', '.join(missing) or 'none'}\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
