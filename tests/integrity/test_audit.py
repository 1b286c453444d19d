"""The audit of a log finds whatever was changed, removed, moved or added, wherever it was."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random

from centralita.audit import Audit, Witness
from contracts import registry
from eventlog.chain import linked
from eventlog.codec import CHAIN, Message, headers_of
from eventlog.headers import block_of
from eventlog.memory import TERM
from eventlog.pull import nanoseconds
from eventlog.stream import Raw
from tests.eventlog.lines import CENTRE, STORED
from tests.eventlog.test_recovery import SCENE, lived


def block(message: Message) -> bytes:
    """The headers of a message as they are stored."""
    return block_of(headers_of(message))


@cache
def log() -> tuple[Raw, ...]:
    """A busy quarter of an hour, with a protocol published in between, as it is stored."""
    return tuple(
        Raw(m.subject, block(m), m.data, m.seq, nanoseconds(STORED), len(line.log) - m.seq)
        for line in [lived(SCENE)]
        for m in line.log
    )


def audited(raws: Sequence[Raw], last: int = 0, witnesses: Sequence[Witness] = ()) -> Audit:
    """The audit of these; without `last` nothing is behind them."""
    audit = Audit(CENTRE, witnesses)
    audit.take(raws)
    audit.end(last or (raws[-1].seq if raws else 0))
    return audit


def placed(raws: Sequence[Raw]) -> list[Raw]:
    """The same messages, written one after the other into a fresh stream."""
    return [raw._replace(seq=seq) for seq, raw in enumerate(raws, start=1)]


def noted(raws: Sequence[Raw]) -> list[Witness]:
    """What somebody noted of the heads of these."""
    heads = audited(raws).heads
    return [Witness("the note", it["position"], name, it["chain"]) for name, it in heads.items()]


def test_nothing_is_wrong_with_a_log_as_it_was_written() -> None:
    """All that the services and the centre wrote is linked, and the heads are theirs."""
    audit = audited(log(), witnesses=noted(log()))
    assert audit.wrong == []
    assert set(audit.heads) == {*registry.SERVICES, registry.CENTRE}
    assert len(log()) > 100


def test_every_changed_byte_is_found_once() -> None:
    """A byte of any message's data, or of its headers, and no other message is blamed for it."""
    rng = Random(7)
    for index, raw in enumerate(log()):
        for field in [None, CHAIN, *rng.sample(sorted(raw.headers), 2)]:
            old = raw.data if field is None else raw.headers[field].encode()
            at = rng.randrange(len(old))
            new = old[:at] + bytes([old[at] ^ 1]) + old[at + 1 :]
            changed = raw._replace(data=new) if field is None else _with(raw, field, new.decode("latin-1"))
            found = audited([*log()[:index], changed, *log()[index + 1 :]]).wrong
            broken = [wrong for wrong in found if "breaks the chain" in wrong]
            assert len(broken) == 1, (raw.seq, field, found)
            assert f" at {raw.seq}:" in broken[0]


def _with(raw: Raw, name: str, value: str) -> Raw:
    return raw._replace(block=block_of(raw.headers | {name: value}))


def test_every_removed_message_is_found() -> None:
    """Where the positions show a gap it is named; written anew without a gap, the links or the heads show it."""
    for index, raw in enumerate(log()):
        rest = [*log()[:index], *log()[index + 1 :]]
        found = audited(rest, last=len(log())).wrong
        assert found[0].startswith(f"message {raw.seq} is missing"), found
        assert audited(placed(rest), witnesses=noted(log())).wrong, raw.seq


def test_every_missing_tail_is_found_by_the_heads() -> None:
    """However little is missing at the end, whoever noted the heads knows of it."""
    witnesses = noted(log())
    for length in range(len(log())):
        found = audited(log()[:length], witnesses=witnesses).wrong
        assert any(f"the log ends at {length}" in wrong for wrong in found), length


def test_whatever_a_service_wrote_stays_in_its_order() -> None:
    """Any two messages of a service or the centre that change places are found."""
    rng, swapped = Random(3), 0
    for _ in range(300):
        one, two = sorted(rng.sample(range(len(log())), 2))
        if log()[one].subject.split(".")[2] != log()[two].subject.split(".")[2]:
            continue
        raws = list(log())
        raws[one], raws[two] = raws[two], raws[one]
        assert any("breaks the chain" in wrong for wrong in audited(placed(raws)).wrong), (one, two)
        swapped += 1
    assert swapped > 50


def test_a_message_that_is_put_in_its_place_is_found() -> None:
    """Another event, linked as its writer would have, breaks the chain behind it, or is not what was noted."""
    for index in range(60, len(log()), 5):
        raw = log()[index]
        own, read = raw.subject.split(".")[2], raw.message().log
        before = [it for it in log()[:index] if it.subject.split(".")[2] == own][-1].headers[CHAIN]
        beside = [it for it in log()[:read] if it.subject.split(".")[2] == registry.CENTRE][-1].headers[CHAIN]
        event = linked(before, raw.message()._replace(data=raw.data[:-1] + b" }"), beside)
        raws = [*log()[:index], raw._replace(block=block(event), data=event.data), *log()[index + 1 :]]
        found = audited(raws, witnesses=noted(log())).wrong
        assert len(found) == 1, found


def test_an_event_that_says_it_is_another_services_is_found() -> None:
    """Subject, source and what it is about must agree."""
    raw = log()[30]
    service = raw.subject.split(".")[2]
    other = raw._replace(subject=raw.subject.replace(service, "tickets" if service != "tickets" else "sla"))
    found = audited([*log()[:30], other, *log()[31:]]).wrong
    assert any("ce-source: expected /acme/" in wrong for wrong in found), found


def test_events_without_a_link_are_named_and_the_rest_is_judged() -> None:
    """A log of a release that wrote none: each run is told once, and what is linked behind it still holds."""
    bare = [
        raw._replace(block=block_of({k: v for k, v in raw.headers.items() if k != CHAIN})) for raw in log()
    ]
    found = audited(bare).wrong
    assert len(found) == len(registry.SERVICES) + 1, found
    assert all("without ce-chain from" in wrong for wrong in found)


def test_terms_hold_on_to_what_their_taker_had_read() -> None:
    """A term is in the chain; its anchor is checked also where a replaced instance has written behind it."""
    source, subject = f"/{CENTRE}/intake", registry.log_subject(CENTRE, "intake", "")
    one = linked("", Message("c1", "call.queued", b"{}", "1", source, sequence=1, log=0))
    late = linked(one.chain, Message("c1", "call.dequeued", b"{}", "2", source, sequence=2))
    data = b'{"instance": "b", "position": 1, "chain": "%s"}' % one.chain.encode()
    term = linked(one.chain, Message(TERM, "term.taken", data, "t", source))
    head = linked(late.chain, term).chain
    new = linked(head, Message("c1", "call.answered", b"{}", "3", source, sequence=3))
    raws = [
        Raw(f"{subject}{m.aggregate}", block(m), m.data, seq, nanoseconds(STORED), 0)
        for seq, m in enumerate((one, late, term, new), start=1)
    ]
    assert audited(raws).wrong == []
    for index in range(4):
        assert audited([*raws[:index], raws[index]._replace(data=b'{"a":1}'), *raws[index + 1 :]]).wrong
