"""What answers share."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, ConfigDict

from contracts.base import Data


class Answer(Data):
    """What is told: all fields are there, null where there is nothing to say."""

    model_config = ConfigDict(extra="ignore")


class Status(Answer):
    """Where an instance of a service stands; `clock` is the time it has decided on.

    `inbox` and `log` are the positions read, `own` the last one written, `chain` the link of the last event.
    """

    service: str
    centre: str
    instance: str
    state: str
    term: int
    inbox: int
    log: int
    own: int
    chain: str
    clock: AwareDatetime | None
    in_memory: int
    protocol: str
    virtual: bool
    timer_due: bool
    deadletters: int
    stopped: dict[str, Any]
