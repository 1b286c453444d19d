"""Whom facts are about: calls, agents, customers and letters, and what most often happens to them.

Every method publishes a fact that occurs now and returns what it is about. `at` says that it occurred at another time;
further words are further data. What has no method here is said by name: `call.happened("call.queued")`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from centralita.client import Event
from centralita.harness.events import is_about
from centralita.harness.judging import Judged

if TYPE_CHECKING:
    from centralita.harness.centre import CallCentre

__all__ = ["Agent", "Call", "Customer", "Letter", "Subject"]


class Subject(Judged):
    """What facts are about, by its id."""

    kind = ""

    def __init__(self, centre: CallCentre, id: str) -> None:
        self.centre, self.id = centre, id

    def happened(
        self, type: str, /, *, at: str | datetime | None = None, fact_id: str = "", **data: Any
    ) -> Self:
        """Any fact by its type, with its data. The same `fact_id` twice is one fact."""
        self.centre.happened(type, self.id, data, at=at, id=fact_id)
        return self

    def __str__(self) -> str:
        return self.id

    def _mine(self, event: Event) -> bool:
        return is_about(event, self.kind, self.id)


class Call(Subject):
    """A call."""

    kind = "call"

    def answered(self, agent: str | Agent = "ana", **more: Any) -> Self:
        """An agent picks up."""
        return self.happened("call.answered", agent=str(agent), **more)

    def abandoned(self, **more: Any) -> Self:
        """The caller hangs up before anybody answers."""
        return self.happened("call.abandoned", **more)

    def identified(self, name: str = "Pérez", *, standing: str = "new", **more: Any) -> Self:
        """Somebody says who is calling; with `customer` it is one of the directory."""
        standing = "customer" if "customer" in more else standing
        more = {key: str(value) if key == "customer" else value for key, value in more.items()}
        return self.happened("caller.identified", name=name, standing=standing, **more)

    def stated(self, text: str = "I have a question.", *, category: str = "question", **more: Any) -> Self:
        """The caller says what they need."""
        return self.happened("request.stated", text=text, category=category, **more)

    def assessed(self, complexity: str = "medium", **more: Any) -> Self:
        """The agent says how hard the matter is: high, medium or low."""
        return self.happened("complexity.assessed", complexity=complexity, **more)

    def said(self, text: str, *, by: str = "caller", **more: Any) -> Self:
        """Something is said on the line, by the caller or the agent."""
        return self.happened("utterance.transcribed", text=text, by=by, **more)

    def held(self, reason: str | None = "look-up", **more: Any) -> Self:
        """The caller is put on hold."""
        return self.happened("call.held", reason=reason, **more)

    def resumed(self, **more: Any) -> Self:
        """The caller is on hold no longer."""
        return self.happened("call.resumed", **more)

    def transferred(self, to: str = "sales", *, mode: str = "blind", **more: Any) -> Self:
        """The call is put through, blind or after a word."""
        return self.happened("call.transferred", to=to, mode=mode, **more)

    def ended(self, by: str = "caller", **more: Any) -> Self:
        """The call is over."""
        return self.happened("call.ended", by=by, **more)


class Agent(Subject):
    """An agent."""

    kind = "agent"

    def signed_in(self, *, name: str = "", desks: Iterable[str] = (), **more: Any) -> Self:
        """The agent begins to work, at these desks."""
        return self.happened("agent.signed_in", name=name or self.id.title(), desks=list(desks), **more)

    def available(self, **more: Any) -> Self:
        """The agent can be offered work."""
        return self.happened("agent.available", **more)

    def busy(self, **more: Any) -> Self:
        """The agent is occupied."""
        return self.happened("agent.busy", **more)

    def unavailable(self, reason: str = "break", **more: Any) -> Self:
        """The agent is away for a while."""
        return self.happened("agent.unavailable", reason=reason, **more)

    def signed_out(self, **more: Any) -> Self:
        """The agent stops working."""
        return self.happened("agent.signed_out", **more)


class Customer(Subject):
    """A customer of the directory."""

    kind = "customer"

    def registered(self, *, name: str = "Pérez", kind: str = "individual", **more: Any) -> Self:
        """The customer stands so in the directory from now on."""
        return self.happened("customer.registered", name=name, kind=kind, **more)

    def removed(self, **more: Any) -> Self:
        """The customer leaves the directory."""
        return self.happened("customer.removed", **more)


class Letter(Subject):
    """A message: an e-mail, a letter, a form."""

    kind = "message"

    def answered(self, by: str | Agent = "ana", **more: Any) -> Self:
        """It was handled and answered."""
        return self.happened("message.answered", by=str(by), **more)
