"""A centre backed up and put back at the keyboard, and all that may stand in the way."""

from __future__ import annotations

import asyncio
import json
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from centralita.operating import Operator
from tests.cli.keyboard import Answer, Stack

CALLS = "\n".join(
    json.dumps({"id": f"f{number}", "source": "/pbx", "type": "call.offered", "subject": f"c-{number}"})
    for number in range(20)
)


def refused(answer: Answer, *said: str) -> bool:
    """Whether it ended with exit code 1, one line, and these words in it."""
    told = (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    return told and all(words in answer.err for words in said)


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process may become larger, as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_centre_is_backed_up_removed_and_restored(stack: Stack, tmp_path: Path) -> None:
    """Log, positions and files of tickets are as they were, its services go on, and only the owner may read it."""
    centre, copy, file = stack.centre(), tmp_path / "copy", tmp_path / "pantalla.png"
    case = ("--category", "error", "--need", "no abre", "--by", "ana")
    assert stack.typed("command", "tickets", "register", "-c", centre, *case).code == 0
    file.write_bytes(b"\x89PNG captura" * 30_000)
    assert stack.typed("attach", "1", str(file), "-c", centre, "--by", "ana").code == 0
    assert stack.typed("publish", "-", "-c", centre, stdin=CALLS).code == 0
    told = stack.typed("backup", str(copy), "-c", centre)
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith(f"{centre} is backed up in {copy}\n")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in copy.iterdir()}
    assert (modes, stat.S_IMODE(copy.stat().st_mode)) == ({0o600}, 0o700)
    assert refused(stack.typed("backup", str(copy), "-c", centre), "is there already")
    assert refused(stack.typed("restore", str(copy)), f"INBOX_{centre}", "centre remove")

    manifest = json.loads((copy / "manifest.json").read_text())
    last = next(it["state"]["last_seq"] for it in manifest["streams"] if it["name"] == f"LOG_{centre}")
    log = stack.typed("tail", "-c", centre, "--all", "--json", "--count", str(last)).lines
    assert stack.typed("centre", "remove", centre, "--yes").code == 0
    back = stack.typed("restore", str(copy), "--json")
    assert (back.code, back.err, back.json["wrong"], back.json["restored"]) == (0, "", [], True)
    assert stack.typed("tail", "-c", centre, "--all", "--json", "--count", str(last)).lines == log
    fetched = tmp_path / "copia.png"
    assert stack.typed("attachment", "get", "1", "pantalla.png", "-c", centre, "-o", str(fetched)).code == 0
    assert fetched.read_bytes() == file.read_bytes()
    assert stack.typed("verify", "-c", centre, "--store", str(stack.store)).code == 0


def test_a_backup_that_cannot_be_written_leaves_nothing(stack: Stack, tmp_path: Path) -> None:
    """No such directory, a file in the way, a full disk: each is said in one line, and nothing is left of it."""
    centre = stack.centre()
    (tmp_path / "file").write_text("")
    for where, said in (
        (tmp_path / "no" / "copy", "No such file"),
        (tmp_path / "file" / "copy", "Not a directory"),
    ):
        assert refused(stack.typed("backup", str(where), "-c", centre), f"{where.parent}: {said}")
    with full_after(500):
        assert refused(stack.typed("backup", str(tmp_path / "copy"), "-c", centre), "copy: File too large")
    assert {path.name for path in tmp_path.iterdir()} == {"file"}
    assert refused(stack.typed("backup", str(tmp_path / "copy"), "-c", "nonesuch"), "no centre 'nonesuch'")


def test_what_is_damaged_or_wrong_is_not_restored(stack: Stack, tmp_path: Path) -> None:
    """A flipped byte, a file cut short or missing, another manifest: each is said; unharmed it is restored."""
    centre, copy = stack.centre(), tmp_path / "copy"
    assert stack.typed("backup", str(copy), "-c", centre).code == 0
    assert stack.typed("centre", "remove", centre, "--yes").code == 0
    log, manifest = copy / f"LOG_{centre}.snapshot", copy / "manifest.json"
    whole, listed = log.read_bytes(), manifest.read_text()
    flipped = whole[:200] + bytes([whole[200] ^ 1]) + whole[201:]
    for content in (flipped, whole[:-1]):
        log.write_bytes(content)
        found = f"found {len(content)} and "
        assert refused(stack.typed("restore", str(copy)), f"{log} is damaged", f"{len(whole)} bytes", found)
    log.unlink()
    assert refused(stack.typed("restore", str(copy)), f"{log} is missing")
    log.write_bytes(whole)
    for other in (
        listed.replace('"position": 2', '"position": 1'),
        listed.replace('"max_msgs": -1', '"max_msgs": 9'),
        listed[:-9],
    ):
        manifest.write_text(other)
        assert refused(stack.typed("restore", str(copy)), f"{manifest} is damaged")
    manifest.unlink()
    assert refused(stack.typed("restore", str(copy)), "is no backup")
    assert centre not in stack.typed("centre", "list").out
    manifest.write_text(listed)
    assert stack.typed("restore", str(copy)).code == 0
    assert centre in stack.typed("centre", "list").out


def test_what_contradicts_itself_is_restored_only_if_so_wished(stack: Stack, tmp_path: Path) -> None:
    """A log with a stranger's event in it is shown to be wrong and removed again; `--anyway` keeps it."""
    centre, copy = stack.centre(), tmp_path / "copy"
    asyncio.run(intruded(stack.url, f"log.{centre}.sla.c-1"))
    assert stack.typed("backup", str(copy), "-c", centre).code == 0
    assert stack.typed("centre", "remove", centre, "--yes").code == 0
    wrong = stack.typed("restore", str(copy))
    assert (wrong.code, "\nwrong: " in f"\n{wrong.out}", "is not restored" in wrong.out) == (1, True, True)
    assert centre not in stack.typed("centre", "list").out
    kept = stack.typed("restore", str(copy), "--anyway")
    assert (kept.code, "wrong: " in kept.out, "is restored as of" in kept.out) == (1, True, True)
    assert centre in stack.typed("centre", "list").out
    assert stack.typed("centre", "remove", centre, "--yes").code == 0


async def intruded(url: str, subject: str) -> None:
    """Something that no service wrote, among what a service recorded."""
    async with Operator(url) as client:
        await client.connection.request(subject, b"{}", timeout=5)
