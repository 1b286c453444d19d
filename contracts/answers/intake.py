"""What intake answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime

from contracts.answers.common import Answer
from contracts.base import Personal


class Customer(Answer):
    """A customer of the directory; telephone numbers in E.164."""

    customer: str
    name: Annotated[str, Personal]
    kind: str
    special_treatment: bool
    phones: Annotated[tuple[str, ...], Personal]
    emails: Annotated[tuple[str, ...], Personal]


class Directory(Answer):
    """The customers asked for, by name."""

    customers: tuple[Customer, ...]


class DossierTold(Answer):
    """What agents have to hand about a product, in one language."""

    product: str
    summary: str
    facts: dict[str, str]


class Dossiers(Answer):
    """The dossiers asked for."""

    dossiers: tuple[DossierTold, ...]


class Block(Answer):
    """A block of the number of `call`, and the calls that it has kept out; `by` put it forward or decided."""

    block: str
    call: str
    number: Annotated[str | None, Personal]
    state: str
    by: str | None
    since: AwareDatetime | None
    until: AwareDatetime | None
    refused_calls: tuple[str, ...]


class Blocks(Answer):
    """The blocks asked for, in the order in which they were put forward."""

    blocks: tuple[Block, ...]
