"""Intake, wired: who is calling, and how the call goes."""

from services.decider import Service
from services.intake import domain
from services.intake.numbers import normalise

SERVICE = Service(
    name="intake",
    domain=domain,
    heeds=domain.HEEDS,
    subject_of=domain.subject_of,
    answers={
        "directory": domain.directory,
        "dossier": domain.dossier,
        "blocks": domain.listed_blocks,
    },
    normalise=normalise,
    seals=True,
)
