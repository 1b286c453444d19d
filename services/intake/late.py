"""Facts of a call that come when later ones are recorded already: decided as if they had come in time.

What followed from the later ones is looked at again: what is missing is recorded, what was wrong is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from contracts import events as e
from contracts import facts as f
from contracts.base import Data, Refused
from contracts.deciding import Decision, Input, Moment
from contracts.registry import name_of
from services.intake import prompts
from services.intake.calls import Call
from services.intake.state import Index, Intake, evolve

Decide = Callable[[Intake, Input], Decision]
_COURSE = (
    f.CallAnswered,
    f.CallQueued,
    f.CallDequeued,
    f.CallTransferred,
    f.CallResumed,
    f.SupervisorJoined,
)
"""Facts by which others know who has the call; after a late one they are told again."""

_ONCE_AND_FOR_ALL = ("call-unknown", "call-not-answered")
"""Early refusals whose reason, once gone, does not come back: two publishers' clocks need not agree about it."""


def decided(
    world: Intake, input: Input, later: Sequence[Moment], decide: Decide, facts: frozenset[type]
) -> Decision:
    """What a late fact leads to, on the call as it was then; Refused where it contradicts what was recorded since."""
    try:
        return _Late(world, input, later, decide, facts).decision()
    except Refused as then:
        if then.early and then.rule not in _ONCE_AND_FOR_ALL:
            raise
        try:
            return decide(world, input)
        except Refused as now:
            raise (then if then.early else now) from None


class _Late:
    """The call as it was when the fact occurred, and what has happened since."""

    def __init__(
        self, world: Intake, input: Input, later: Sequence[Moment], decide: Decide, facts: frozenset[type]
    ) -> None:
        self.world, self.input, self.later, self.decide, self.facts = world, input, later, decide, facts
        self.call = later[0].before
        self.recorded = [moment.event for moment in later]

    def decision(self) -> Decision:
        """The fact and its consequences, then what those of the later ones should have been."""
        input, followed, added = self.input, list[tuple[datetime, str, Data]](), Decision()
        whole = self._happen(input)
        meant = [it for it in whole if isinstance(it[1], e.NeedEstablished)]
        whole = [it for it in whole if not isinstance(it[1], Index.STANDING)]
        for moment in self.later:
            if type(moment.event) in self.facts:
                after = self._happen(input._replace(body=moment.event, at=moment.said))[1:]
                followed += [(moment.said, name_of(moment.event), event) for _, event in after]
                added += after
            elif not isinstance(moment.event, Index.STANDING):
                self._go_on(moment.event, moment.said)
        whole += self._withdrawn(followed)
        whole += [it for it in added if self._is_new(it[1])]
        whole += self._standing(meant)
        if isinstance(input.body, _COURSE) and (corrected := self._course()):
            whole.append((input.id, corrected))
        return whole

    def _happen(self, input: Input) -> Decision:
        """Decide on a fact as the call is, and let it go on with it."""
        decision = self.decide(self.world.seen(input.id, self.call), input)
        self._go_on(decision[0][1], input.at)
        for id, event in decision[1:]:
            if id == input.id and (isinstance(event, Index.STANDING) or input is self.input):
                self._go_on(event, input.at)
        return decision

    def _standing(self, meant: Decision) -> Decision:
        """How things stand on the whole, where that is not what was recorded last; first what was `meant` for a while.

        A matter that another one has followed may have to be put down too.
        """
        now, need = self.world.aggregates[self.input.id], self.call.need
        assert isinstance(now, Call)
        others = [it for it in meant if need and vars(it[1])["category"] != need.category]
        pairs = ((self.call.classified, now.classified), (need, None if others else now.need))
        return [
            *others,
            *((self.input.id, right) for right, recorded in pairs if right and right != recorded),
        ]

    def _go_on(self, event: Data, at: datetime) -> None:
        after = evolve(self.call, event, at)
        assert isinstance(after, Call)
        self.call = after

    def _is_new(self, event: Data) -> bool:
        """Whether what should have followed did not."""
        match event:
            case e.PromptIssued():
                return bool(prompts.new(self.call, [event]))
            case e.RuleViolated(rule="R31"):
                return False
        return event not in self.recorded and not isinstance(event, Index.STANDING)

    def _withdrawn(self, followed: list[tuple[datetime, str, Data]]) -> Decision:
        """What was recorded against somebody and would not have been; R31 is about the fact alone."""
        withdrawn: Decision = []
        for moment in self.later:
            was = moment.event
            if isinstance(was, e.RuleViolated) and was.rule != "R31":
                about = any(it.said == moment.said and name_of(it.event) == was.fact for it in self.later)
                if about and (moment.said, was.fact, was) not in followed:
                    told = {name: getattr(was, name) for name in ("rule", "fact", "by", "detail")}
                    withdrawn.append((self.input.id, e.ViolationWithdrawn(**told)))
            if isinstance(was, e.ContactMissing) and not any(
                isinstance(it, e.ContactMissing) for _, _, it in followed
            ):
                withdrawn.append((self.input.id, e.ContactMissing(missing=())))
        return withdrawn

    def _course(self) -> e.CallCorrected | None:
        call = self.call
        if call.state == "refused":
            return None
        inside = [(self.input.at, self.input.body), *((it.said, it.event) for it in self.later)]
        answered = [at for at, event in inside if isinstance(event, f.CallAnswered)]
        over = [at for at, event in inside if isinstance(event, f.CallEnded | f.CallAbandoned)]
        return e.CallCorrected(
            fact=name_of(self.input.body),
            state=call.state,
            agent=call.agent,
            answered=answered[-1] if answered else None,
            over=over[-1] if over else None,
        )
