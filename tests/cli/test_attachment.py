"""Files of tickets, attached and fetched at the keyboard."""

from __future__ import annotations

from pathlib import Path

from tests.cli.keyboard import Stack


def test_a_file_is_attached_and_fetched(stack: Stack, tmp_path: Path) -> None:
    """It comes back byte for byte; a file that is there is not overwritten, one that is not allowed not attached."""
    centre = stack.centre("--protocol", "plain")
    case = ("--category", "error", "--need", "no abre", "--by", "ana")
    assert stack.typed("command", "tickets", "register", "-c", centre, *case).code == 0
    file, fetched = tmp_path / "pantalla.png", tmp_path / "copia.png"
    file.write_bytes(b"\x89PNG captura" * 30_000)
    attached = stack.typed("attach", "1", str(file), "--centre", centre, "--by", "ana")
    assert (attached.code, attached.err) == (0, "")
    assert attached.out.startswith(
        f"pantalla.png is attached to ticket 1: {file.stat().st_size} bytes, SHA-256 "
    )
    got = stack.typed("attachment", "get", "1", "pantalla.png", "--centre", centre, "-o", str(fetched))
    assert (got.code, got.err) == (0, "")
    assert fetched.read_bytes() == file.read_bytes()
    again = stack.typed("attachment", "get", "1", "pantalla.png", "--centre", centre, "-o", str(fetched))
    assert (again.code, "exists" in again.err) == (1, True)
    wrong = stack.typed("attach", "1", str(file), "--centre", centre, "--by", "ana", "--type", "image/gif")
    assert (wrong.code, "refused [attachment-type]" in wrong.err) == (1, True)
    missing = stack.typed("attach", "1", str(tmp_path / "nada.png"), "--centre", centre, "--by", "ana")
    assert missing.code == 2
