"""Facts that are rejected: what is recorded of them, which says no more than the centre may know."""

from __future__ import annotations

from contracts import registry
from contracts.base import Refused
from contracts.events import FactDeferred, FactRejected
from eventlog import errors
from eventlog.codec import Malformed
from eventlog.decider import Arrival, Held
from services.sealing import Sealing

PARTS = frozenset({"data", "data_base64", "body", "headers", "subject", "content-type"})
HEADERS = frozenset({"ce-type", "ce-time", "ce-id", "ce-source", "ce-specversion", "ce-dataversion"})


def rejected(sealing: Sealing, centre: str, arrival: Arrival, reason: Exception) -> FactRejected:
    """The record of a fact that was refused at once, with the reason."""
    match reason:
        case Refused():
            rule, why, about, expected = reason.rule, reason.detail, reason.field, reason.expected
        case Malformed():
            rule = "unknown-type" if reason.unknown else "malformed"
            why, about, expected = str(reason), reason.field, reason.expected
        case errors.Crowded():
            rule, why, about, expected = "too-many-open", str(reason), "", ""
        case _:
            raise AssertionError(f"no refusal: {type(reason).__name__}")
    kept, name = told_of(sealing, centre, arrival)
    if not sealing.keeps_original(arrival.aggregate):
        why, about = rule, reticent(about, arrival.message.name)
    return FactRejected(
        position=arrival.message.seq,
        reason=short(why, 4000) or rule,
        rule=rule,
        field=short(about, 200),
        expected=short(expected, 4000),
        type=short(name, 200),
        kept=kept,
    )


def expired(sealing: Sealing, centre: str, held: Held) -> FactRejected:
    """The record of a fact that has waited in vain, with the reason for which it had to wait."""
    why = held.why
    assert isinstance(why, FactDeferred)
    keeps = held.fact and sealing.keeps_original(held.aggregate)
    told = {name: getattr(why, name) for name in ("position", "reason", "rule", "field", "expected", "type")}
    return FactRejected(**told, kept=_kept(centre, why.position) if keeps else None)


def told_of(sealing: Sealing, centre: str, arrival: Arrival) -> tuple[str | None, str]:
    """Where the original of an input is kept, if it is, and the type that may be recorded of it."""
    name = arrival.message.name
    if not sealing.keeps_original(arrival.aggregate):
        return None, name if name in registry.recorded_types() else ""
    return _kept(centre, arrival.message.seq) if arrival.kind == "fact" else None, name


def _kept(centre: str, position: int) -> str:
    return registry.inbox_subject(centre, registry.REJECTED, str(position))


def reticent(field: str, name: str) -> str:
    """A field of a fact by its name, nothing where the name is the publisher's: it may say what must not be said."""
    kind = registry.recorded_types().get(name)
    names = {it.alias or key for key, it in kind.model_fields.items()} if kind else set()
    first = field.partition(".")[0]
    return first if first in names | PARTS or first in HEADERS else ""


def short(text: str, length: int) -> str | None:
    """As much of what others wrote as a field takes; None where nothing can be seen of it."""
    return text.strip()[:length].strip() or None
