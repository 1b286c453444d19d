"""What must hold of every run, whatever has happened in it: a function for each, which yields what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from centralita.centres import OPENING
from contracts import registry
from eventlog.codec import Message
from eventlog.memory import TERM
from tests.simulation.promises import deadlines_end_once, timers_wait, verdicts_heard_everybody
from tests.simulation.sameness import as_if_nothing_had_happened, decided_again
from tests.simulation.seen import Seen
from tests.simulation.world import SERVICES

Wrong = Iterator[str]
WHILE_IT_LASTS = frozenset(
    [
        "call.offered",
        "call.queued",
        "call.answered",
        "call.abandoned",
        "call.ended",
        "call.greeted",
        "call.held",
        "hold.refreshed",
        "call.resumed",
        "call.transferred",
        "caller.responded",
        "supervisor.joined",
        "request.unclear",
        "question.answered",
        "call.refused",
        "call.released",
    ]
)
"""What cannot be of a call that is over."""


def comes_to_rest(seen: Seen) -> Wrong:
    """No instance finds the log corrupt or fails by its own fault, and when nothing hurts any more all come to rest."""
    yield from seen.world.failures
    for message, _ in seen.events("deadletter.set_aside"):
        yield f"{message.subject} at {message.seq}: an input could not be handled: {message.data.decode()[:300]}"


def acknowledged_is_kept(seen: Seen) -> Wrong:
    """What the server acknowledged is in the inbox, at the position that it said."""
    for seq, subject, id in seen.world.told.acknowledged:
        raw = seen.inbox.get(seq)
        if raw is None or (raw.subject, raw.headers.get("ce-id")) != (subject, id):
            yield f"{id} under {subject} was acknowledged at {seq}, there is {raw}"


def one_outcome(seen: Seen) -> Wrong:
    """Every fact has one outcome: it is recorded once, and nothing comes of its copies; or it is rejected.

    It may wait before that. A copy leads to nothing while another one waits or when it was recorded; it may be
    rejected, or wait, where no other copy was recorded before.
    """
    copies: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for seq, raw in seen.inbox.items():
        if raw.subject.split(".")[2] in registry.TOPICS:
            copies[raw.subject, raw.headers.get("ce-source", ""), raw.headers.get("ce-id", "")].append(seq)
    outcomes = _outcomes(seen)
    for key, seqs in copies.items():
        yield from _one_outcome(key, seqs, outcomes.pop(key, []))
    for key in outcomes:
        yield f"{key} has an outcome, and nobody published it"


def _outcomes(seen: Seen) -> dict[tuple[str, str, str], list[tuple[str, int, int]]]:
    """By fact, in order: what became of it, of the copy at which position, when the inbox was read how far."""
    found: dict[tuple[str, str, str], list[tuple[str, int, int]]] = defaultdict(list)
    for messages in seen.own.values():
        for message in messages:
            if message.name == "fact.deferred":
                what, at = "waits", seen.data(message).position
            elif at := seen.rejected_at(message) or 0:
                what = "rejected"
            elif message.cause_source and not message.actor and message.place[0] == 1:
                what, at = "recorded", seen.position_of(message)
            else:
                continue
            headers, subject = seen.inbox[at].headers, seen.inbox[at].subject
            key = subject, headers.get("ce-source", ""), headers.get("ce-id", "")
            found[key].append((what, at, message.inbox))
    return found


def _one_outcome(key: object, seqs: list[int], outcomes: list[tuple[str, int, int]]) -> Wrong:
    left, waiting = list(seqs), 0
    for what, at, read in outcomes:
        if waiting and at != waiting:
            yield f"{key}: the copy at {at} is {what} while that at {waiting} waits"
        if at not in left:
            yield f"{key}: the copy at {at} is {what}, its outcome was known: {outcomes}"
        if left and left[0] < at:
            yield f"{key}: nothing became of the copy at {left[0]}, that at {at} is {what}"
        if what == "waits":
            waiting = at
            continue
        left = [seq for seq in left if seq > (read if waiting else at)] if what == "rejected" else []
        waiting = 0
    if waiting or left:
        yield f"{key}: nothing became of the copies at {left}: {outcomes}"


def originals_are_kept(seen: Seen) -> Wrong:
    """Whatever is rejected is kept as it came, before the verdict."""
    kept = {raw.subject: raw for raw in seen.inbox.values()}
    for message, data in seen.events("fact.rejected"):
        if data.kept and (data.kept not in kept or kept[data.kept].data != seen.inbox[data.position].data):
            yield f"the original of {data.position}, rejected at {message.seq}, is not under {data.kept}"


def commands_once(seen: Seen) -> Wrong:
    """Every command is carried out once or refused, and what was answered is in the log."""
    found: dict[str, list[Message]] = defaultdict(list)
    for messages in seen.own.values():
        for message in messages:
            if message.actor and message.cause_source:
                found[message.cause].append(message)
    for id, answers in seen.world.told.answered.items():
        if len(found[id]) > 1:
            yield f"command {id} was carried out {len(found[id])} times"
        for what, stored in answers:
            if stored and [it.id for it in found[id]] != [stored.id]:
                yield f"command {id} was answered with {stored.id}, the log has {[it.id for it in found[id]]}"
            elif stored and found[id][0].seq != stored.seq:
                yield f"command {id} was said to be at {stored.seq}, it is at {found[id][0].seq}"
            elif what == "no answer":
                yield f"command {id} was never answered"
            elif what == answers[-1][0] != "recorded" and found[id]:  # who is refused may ask again
                yield f"command {id} was {what}, and carried out"


def written_under_a_term(seen: Seen) -> Wrong:
    """Only the connection that took a service's term writes under it, and nobody after it was given back."""
    for service in SERVICES:
        holder = ""
        for message in sorted([*seen.own[service], *seen.terms[service]], key=lambda it: it.seq):
            writer = seen.writers[message.seq]
            if message.name == "term.taken" and message.aggregate == TERM:
                holder = writer
            elif writer != holder:
                yield f"{service}: {message.name} at {message.seq} is by {writer}, the term is {holder or 'vacant'}"
            if message.name == "term.released":
                holder = ""


def versions_and_positions(seen: Seen) -> Wrong:
    """Versions have no gap, positions begin behind the centre and only grow, decisions are whole, ids unique."""
    ids = Counter(message.id for messages in seen.own.values() for message in messages)
    yield from (f"the id {id} is there {number} times" for id, number in ids.items() if number > 1)
    for service, messages in seen.own.items():
        versions: Counter[str] = Counter()
        before, expected, cause = (0, 0), 1, ""
        for message in messages:
            versions[message.aggregate] += 1
            if message.sequence != versions[message.aggregate]:
                yield f"{service}: {message.aggregate} has version {message.sequence} at {message.seq}"
                versions[message.aggregate] = message.sequence
            if message.inbox < before[0] or message.log < before[1] or message.log >= message.seq:
                yield f"{service}: positions run backwards at {message.seq}"
            if message.log < OPENING:
                yield f"{service}: {message.name} at {message.seq} was decided before its centre was known"
            before = message.inbox, message.log
            first, last = message.place
            if first != expected or (first > 1 and message.cause != cause):
                yield f"{service}: {message.name} at {message.seq} is {first} of {last}, expected {expected}"
            expected, cause = (first + 1 if first < last else 1), message.cause
        if expected != 1:
            yield f"{service}: the last decision is cut short"


def nothing_unread_is_trimmed(seen: Seen) -> Wrong:
    """A fact leaves the inbox only when its service has recorded a position beyond it."""
    yield from seen.world.trimmed


def one_owner(seen: Seen) -> Wrong:
    """A call has one owner at most, another one only when given back or by command; they alone reach the client."""
    owners: dict[str, str | None] = {}
    for message, data in seen.events("call.assigned", "call.unassigned", "call.contacted"):
        id = message.aggregate
        match message.name:
            case "call.assigned":
                if owners.get(id) and not message.actor:
                    yield f"{id} belongs to {owners[id]}, and is given to {data.owner} at {message.seq}"
                owners[id] = data.owner
            case "call.unassigned":
                owners[id] = None
            case "call.contacted":
                if owners.get(id) != data.owner:
                    yield f"{id} belongs to {owners.get(id)}, {data.owner} reached the client at {message.seq}"


def ends_one_way(seen: Seen) -> Wrong:
    """A call comes and goes once, and is answered only if it was neither abandoned nor refused."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    ways = ("call.offered", "call.abandoned", "call.answered", "call.refused", "call.ended")
    for message, _ in seen.events(*ways):
        found[message.aggregate][message.name] += 1
    for id, names in found.items():
        yield from (f"{id}: {name} {number} times" for name, number in names.items() if number > 1)
        if names["call.answered"] and (names["call.abandoned"] or names["call.refused"]):
            yield f"{id}: {dict(names)}"


def hold_and_resume(seen: Seen) -> Wrong:
    """Hold and resume alternate, and a hold is refreshed only while it lasts: as recorded, or as it occurred.

    What comes late is recorded behind what it was before; what waited is recorded behind what it waited for.
    """
    told = [message for message, _ in seen.events("call.held", "call.resumed", "hold.refreshed")]
    occurred = _out_of_turn(sorted(told, key=lambda it: (it.time, it.seq)))
    for message in _out_of_turn(told):
        if message in occurred:
            yield f"{message.aggregate}: {message.name} at {message.seq} is out of turn"


def _out_of_turn(told: list[Message]) -> list[Message]:
    held, found = set[str](), list[Message]()
    for message in told:
        if (message.name == "call.held") == (message.aggregate in held):
            found.append(message)
        (held.discard if message.name == "call.resumed" else held.add)(message.aggregate)
    return found


def nothing_after_the_end(seen: Seen) -> Wrong:
    """When a call is over nothing is recorded that can only be while it lasts, but for what had occurred before."""
    over: dict[str, Message] = {}
    for message in seen.own["intake"]:
        end = over.get(message.aggregate)
        late = bool(end and message.time and end.time and message.time < end.time)
        if end and not late and message.name in WHILE_IT_LASTS and end.name != "call.refused":
            yield f"{message.aggregate}: {message.name} at {message.seq} after {end.name}"
        if message.name in ("call.ended", "call.abandoned", "call.refused"):
            over[message.aggregate] = message


INVARIANTS: tuple[Callable[[Seen], Wrong], ...] = (
    comes_to_rest, acknowledged_is_kept, one_outcome, originals_are_kept, commands_once, written_under_a_term,
    versions_and_positions, nothing_unread_is_trimmed, one_owner, ends_one_way, hold_and_resume,
    nothing_after_the_end, deadlines_end_once, timers_wait, verdicts_heard_everybody, decided_again,
    as_if_nothing_had_happened,
)  # fmt: skip


def judged(seen: Seen) -> dict[str, list[str]]:
    """What is wrong, by invariant; empty where all hold."""
    found: dict[str, list[str]] = {}
    for invariant in INVARIANTS:
        try:
            wrong = list(invariant(seen))
        except Exception as failure:  # noqa: BLE001  a log so broken that it cannot even be read that far
            wrong = [f"cannot be judged: {failure!r}"]
        if wrong:
            found[invariant.__name__] = wrong
    return found
