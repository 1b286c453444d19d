"""Of a protocol: which prompts there are, and what they may have filled in."""

from __future__ import annotations

SCRIPT_KEYS = frozenset(
    {"r01.customer", "r02.name", "r03.party", "r06.confirm", "r07.special", "r15.empathy"}
    | {"r08.contact", "r08.phone", "r08.email"}
    | {
        "r17.recap",
        "r19.refresh",
        "r20.back",
        "r21.summary",
        "r26.greeting",
        "r28.introduce",
        "r32.confirm.N",
    }
    | {"r35.first", "r36.second", "r37.release", "r39.next_step", "r40.frame", "r41.continue"}
    | {"r43.next_steps", "r44.release_please", "r45.release", "r47.release", "r49.greeting", "r50.statement"}
    | {"r55.dossier", "r57.number", "r58.channels", "r65.details", "r66.session", "r68.number", "r69.working"}
    | {"r72.ticket", "r73.screenshot", "r74.promise", "r75.email"}
)
"""The prompts that the services issue; a last part N stands for a number from 1 on."""

PLACEHOLDERS = frozenset(
    {"company", "greeting", "agent", "title", "given_name", "name", "kind", "reason", "points", "actions"}
    | {"next_step", "ticket", "department", "channels", "number", "product", "dossier", "request"}
)
"""What a script may have filled in."""


def is_script(key: str) -> bool:
    """Whether some service issues a prompt of this key."""
    stem, _, last = key.rpartition(".")
    counted = last.isdecimal() and last.isascii() and not last.startswith("0")
    return f"{stem}.N" in SCRIPT_KEYS if counted else key in SCRIPT_KEYS and last != "N"
