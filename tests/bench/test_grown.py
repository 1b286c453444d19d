"""The long log that the benchmark makes is one that the services could have written."""

from pathlib import Path

from bench.grown import grown
from bench.rig import CENTRE, served
from centralita.verify import verify


async def test_a_made_log_stands_up_to_an_audit(tmp_path: Path) -> None:
    """Links, versions, positions and intake's checkpoint are what a rebuild finds; other services record nothing."""
    async with served(tmp_path) as (_, client):
        made = await grown(client, tmp_path / "services", 4000)
        report = await verify(client, CENTRE, tmp_path / "services")
    assert report.events == {"intake": made.events, "routing": 0, "tickets": 0, "sla": 0}
    assert made.events == 4000
    # read models begin behind the log
    assert report.wrong == ["sla: the table call of figures is not what the log says"]
    assert "checkpoint of intake at 4002" in report.compared
