"""Calls as intake sees them: a protocol of a few scripts, what happens, and what is recorded of it."""

from __future__ import annotations

from typing import Any

from contracts import facts as f
from contracts.base import Category, Data
from contracts.deciding import World
from contracts.events import PromptIssued
from contracts.protocol import Protocol
from services.intake import domain
from tests.unit.given import given, happen, when

PHONE = "+34600111222"
OFFERED = f.CallOffered.model_validate({"from": PHONE, "to": "+34931112233"})
ANSWERED = f.CallAnswered(agent="ana")
ANA = f.AgentSignedIn(name="Ana Roca")
EVA = f.AgentSignedIn(name="Eva Sanz", role="supervisor")
HELD = f.CallHeld(reason="looking it up")


def scripted(*keys: str, **more: Any) -> Protocol:
    """A protocol with these scripts, each of which says its key, and whatever else."""
    return Protocol(name="small", scripts={key: {"es": f"{key}"} for key in keys}, **more)


def begun(protocol: Protocol, *facts: Data) -> World[Any, Any]:
    """A centre where Ana works and Eva supervises, with a call that Ana has answered and these facts."""
    world = given(domain, protocol)
    for agent, signed_in in (("ana", ANA), ("eva", EVA)):
        happen(domain, world, when(f"agent:{agent}", signed_in, kind="event", origin="routing"))
    then(world, OFFERED, ANSWERED, *facts)
    return world


def then(world: World[Any, Any], *facts: Data, seconds: float = 0, call: str = "c1") -> list[Data]:
    """All that is recorded when these facts occur to the call, without the facts themselves."""
    return [
        event
        for fact in facts
        for _, event in happen(domain, world, when(call, fact, seconds, origin="call"))[1:]
    ]


def prompted(events: list[Data]) -> list[tuple[str, str, str]]:
    """The prompts: rule, key and text of each."""
    return [(event.rule, event.key, event.text) for event in events if isinstance(event, PromptIssued)]


def keys(events: list[Data]) -> list[str]:
    """The keys of the prompts."""
    return [key for _, key, _ in prompted(events)]


def names(events: list[Data]) -> list[str]:
    """What sort of events these are, prompts by their key and what names a rule with it."""
    said = []
    for event in events:
        name, rule = type(event).__name__, getattr(event, "rule", "")
        said.append(event.key if isinstance(event, PromptIssued) else f"{name} {rule}".strip())
    return said


def request(text: str = "No enciende", category: Category = "question", **more: Any) -> f.RequestStated:
    """A request in these words."""
    return f.RequestStated(text=text, category=category, **more)
