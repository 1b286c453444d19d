"""Seen: what was added is known for ever, and nearly nothing else."""

from __future__ import annotations

import pickle

from eventlog.seen import Seen


def test_what_was_added_is_known() -> None:
    """Every name that was added is known, over several layers; of others one in fifty at most."""
    seen = Seen()
    for number in range(200_000):
        seen.add(f"call-{number}")
    kept: Seen = pickle.loads(pickle.dumps(seen))
    assert all(f"call-{number}" in kept for number in range(200_000))
    assert sum(f"other-{number}" in kept for number in range(10_000)) < 200


def test_a_name_takes_room_once() -> None:
    """What is added again and again does not grow it."""
    seen = Seen()
    for _ in range(100_000):
        seen.add("call-1")
    assert len(seen._layers) == 1
    assert "call-1" in seen


def test_a_checkpoint_says_the_same_to_the_next_release() -> None:
    """The bits of a name stay where they are, else what is over would begin anew: who moves them renames `seen`."""
    seen = Seen()
    seen.add("call-1")
    (layer,) = seen._layers
    found = [place * 8 + bit for place, byte in enumerate(layer) for bit in range(8) if byte >> bit & 1]
    assert (found, len(layer)) == ([344_924, 735_861, 780_617, 829_158], 131_072)
