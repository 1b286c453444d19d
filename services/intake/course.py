"""The course of a call, from the moment it comes in until it is over, and what is learnt on it."""

from __future__ import annotations

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input
from services.intake import calls, classify, prompts, release, speech
from services.intake.calls import Call
from services.intake.state import Intake, known, on_line, ongoing, protocol_of
from services.intake.who import missing


def on_offered(world: Intake, input: Input) -> Decision:
    """A call comes in, and follows the protocol of now; R01: the number may say whose it is, R48: or be blocked."""
    if isinstance(world.aggregates.get(input.id), Call):
        raise Refused("call-known", "this call was offered before")
    assert isinstance(input.body, f.CallOffered)
    body = input.body.model_copy(update={"protocol": world.protocol.version})
    if block := world.index.block_of(body.from_, input.at):
        return [(input.id, body), (input.id, e.CallRefused(block=block))]
    return _following(world, input._replace(body=body), calls.offered(body, input.at))


def on_queued(world: Intake, input: Input) -> Decision:
    """A call waits; it may do so again later, but not twice at once. Where queues are watched it says in which."""
    call = ongoing(world, input)
    if call.waiting:
        raise Refused("call-queued", "the call waits in a queue already", early=True)
    assert isinstance(input.body, f.CallQueued)
    if protocol_of(world, call).queue_alert is None or input.body.queue:
        return [(input.id, input.body)]
    return [(input.id, f.CallQueued(queue=call.queue))]


def on_dequeued(world: Intake, input: Input) -> Decision:
    """A call waits no more; telephone systems may say so when it is answered or over already."""
    if not known(world, input).waiting:
        raise Refused("not-queued", "the call does not wait in a queue", early=True)
    return [(input.id, input.body)]


def on_answered(world: Intake, input: Input) -> Decision:
    """An agent is on the line, and is told what to say."""
    before = _unanswered(world, input)
    call = calls.evolve(before, input.body)
    said = prompts.on_request(protocol_of(world, call), world.index, call, input.at) if call.request else []
    return [*_following(world, input, call), *((input.id, prompt) for prompt in said)]


def on_abandoned(world: Intake, input: Input) -> Decision:
    """The caller has hung up unanswered."""
    if known(world, input).state != "refused":
        _unanswered(world, input)
    return [(input.id, input.body)]


def on_ended(world: Intake, input: Input) -> Decision:
    """The call is over; of a caller who was never answered nothing could be asked."""
    assert isinstance(input.body, f.CallEnded)
    if known(world, input).state == "refused":
        return [(input.id, input.body)]
    call = ongoing(world, input)
    protocol, events = protocol_of(world, call), list[Data]([input.body])
    if input.body.note:
        events += speech.forbidden(protocol, call, input, "note", (input.body.note,))
    events += release.against(protocol, call, input, input.body)
    if call.state == "answered" and (details := missing(protocol, world.index, call)):
        events.append(e.ContactMissing(missing=details))
    return [(input.id, event) for event in events]


def on_learnt(world: Intake, input: Input) -> Decision:
    """Something is learnt about the caller, be it when the call is over."""
    before = known(world, input)
    if isinstance(input.body, f.KindConfirmed):
        check_kind(world, input.body.kind)
    return _following(world, input, calls.evolve(before, input.body))


def on_stated(world: Intake, input: Input) -> Decision:
    """The caller says what they need; R32: going on, the agent confirms in other words than last time."""
    before = known(world, input)
    protocol = protocol_of(world, before)
    call = calls.evolve(before, input.body)
    said = prompts.on_request(protocol, world.index, call, input.at)
    if before.request:
        said += prompts.confirmation(protocol, world.index, call, input.at)
    return [*_following(world, input, call), *((input.id, prompt) for prompt in said)]


def on_during(world: Intake, input: Input) -> Decision:
    """Something that happens while the call lasts, and that others act on."""
    ongoing(world, input)
    return [(input.id, input.body)]


def on_greeted(world: Intake, input: Input) -> Decision:
    """The agent has greeted the caller."""
    on_line(world, input)
    return [(input.id, input.body)]


def on_noted(world: Intake, input: Input) -> Decision:
    """Something about the call that others act on, be it when the call is over."""
    known(world, input)
    return [(input.id, input.body)]


def on_owed(world: Intake, input: Input) -> Decision:
    """R72: the client is told that a ticket is needed, while they are there to hear it."""
    call = world.aggregates.get(input.id)
    if not isinstance(call, Call):
        return []
    said = prompts.say(protocol_of(world, call), world.index, call, input.at, "r72.ticket")
    return [(input.id, prompt) for prompt in prompts.new(call, said)]


def check_kind(world: Intake, kind: str) -> None:
    """Refused if the protocol has kinds of caller, and this is none of them."""
    kinds = world.protocol.kinds
    if kinds and kind not in kinds:
        expected = "one of " + ", ".join(kinds)
        raise Refused("kind-unknown", f"the protocol has no kind {kind}", field="kind", expected=expected)


def _unanswered(world: Intake, input: Input) -> Call:
    call = ongoing(world, input)
    if call.state == "answered":
        raise Refused("call-answered", "the call was answered before")
    return call


def _following(world: Intake, input: Input, call: Call) -> Decision:
    following = classify.consequences(protocol_of(world, call), world.index, call, input.at)
    return [(input.id, event) for event in (input.body, *following)]
