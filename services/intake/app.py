"""Intake, wired: who is calling, and how the call goes."""

from services.decider import Service
from services.intake import domain
from services.intake.numbers import normalise

SERVICE = Service(
    name="intake",
    domain=domain,
    answers={"directory": domain.directory},
    normalise=normalise,
)
