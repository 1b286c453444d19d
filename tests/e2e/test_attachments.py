"""Files of tickets: attached within the protocol's limits, fetched as they were, removed with the centre."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from nats.js.errors import NotFoundError

from centralita import attachments, centres
from centralita.client import Refusal
from centralita.operating import Operator
from contracts import registry
from contracts.protocol import PLAIN, Attachments
from eventlog import errors
from eventlog.stream import streams
from tests.e2e.conftest import Open

LIMIT = 300_000
SMALL = PLAIN.model_copy(update={"attachments": Attachments(max_bytes=LIMIT, types=("image/png",))})
CASE = {"category": "error", "need": "no abre", "by": "ana"}


def picture(folder: Path, size: int, name: str = "pantalla.png") -> Path:
    """A file of this many bytes."""
    file = folder / name
    file.write_bytes((b"captura " * (size // 8 + 1))[:size])
    return file


async def test_a_file_comes_back_as_it_was_attached(open_centre: Open, tmp_path: Path) -> None:
    """As large as allowed it is attached, once however often, with its digest on the log; it goes with the centre."""
    centre = await open_centre(SMALL)
    await centre.command("tickets", "register", **CASE)
    file = picture(tmp_path, LIMIT)
    added = await attachments.put(centre.client, centre.name, 1, file, by="ana")
    digest = sha256(file.read_bytes()).hexdigest()
    assert added["type"] == "attachment.added"
    assert (added["data"]["size"], added["data"]["digest"]) == (LIMIT, digest)
    assert await attachments.put(centre.client, centre.name, 1, file, by="ana") == added
    told = await centre.query("tickets", "ticket", ticket=1)
    assert [(it["name"], it["type"], it["digest"]) for it in told["attachments"]] == [
        ("pantalla.png", "image/png", digest)
    ]
    assert await attachments.get(centre.client, centre.name, 1, "pantalla.png") == file.read_bytes()
    with pytest.raises(Refusal, match="pantalla"):
        await attachments.get(centre.client, centre.name, 1, "otra.png")
    bucket = f"OBJ_{registry.attachments_bucket(centre.name)}"
    assert bucket in await streams(centre.client.connection)
    assert await centres.remove(centre.client.connection, centre.name)
    assert bucket not in await streams(centre.client.connection)


async def test_what_may_not_be_attached_is_not_kept(open_centre: Open, tmp_path: Path) -> None:
    """Too large, of another type, for no ticket: refused by its rule, and nothing lies in the store."""
    centre = await open_centre(SMALL)
    await centre.command("tickets", "register", **CASE)

    async def refused(file: Path, ticket: int = 1) -> str | None:
        with pytest.raises(Refusal) as refusal:
            await attachments.put(centre.client, centre.name, ticket, file, by="ana")
        return refusal.value.problem.rule

    assert await refused(picture(tmp_path, LIMIT + 1)) == "attachment-too-large"
    assert await refused(picture(tmp_path, 9, "nota.txt")) == "attachment-type"
    assert await refused(picture(tmp_path, 9), ticket=2) == "ticket-unknown"
    assert await held(centre.client, centre.name) == []
    command = {"ticket": 1, "name": "a.png", "type": "image/png", "size": LIMIT + 1, "digest": "a" * 64}
    with pytest.raises(Refusal) as refusal:
        await centre.command("tickets", "attach", **command, object="1-a", by="ana")
    assert refusal.value.problem.rule == "attachment-too-large"


async def test_a_changed_file_is_told(open_centre: Open, tmp_path: Path) -> None:
    """What does not have the digest of the log, or is gone, is not given out."""
    centre = await open_centre(SMALL)
    await centre.command("tickets", "register", **CASE)
    added = await attachments.put(centre.client, centre.name, 1, picture(tmp_path, 9), by="ana")
    store = await centre.client.connection.jetstream().object_store(registry.attachments_bucket(centre.name))
    await store.put(added["data"]["object"], b"something else")
    with pytest.raises(errors.Corrupt, match="digest"):
        await attachments.get(centre.client, centre.name, 1, "pantalla.png")
    await store.delete(added["data"]["object"])
    with pytest.raises(errors.Corrupt, match="not in the object store"):
        await attachments.get(centre.client, centre.name, 1, "pantalla.png")


async def held(client: Operator, centre: str) -> list[str]:
    """The objects in a centre's store."""
    store = await client.connection.jetstream().object_store(registry.attachments_bucket(centre))
    try:
        return [each.name or "" for each in await store.list() if not each.deleted]
    except NotFoundError:
        return []  # nothing was ever put there
