"""What can be asked of intake."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime

from contracts.base import Data, Id, Language, Name, Personal, Text, personal
from contracts.commands.asked import Query


class ReleaseCall(Data):
    """Finish a call with the caller still on the line; refused where the rules do not allow it yet.

    `note` is the closing note, which must not use wording that the protocol forbids (R38, R42).
    """

    call: Id
    by: Id
    note: Text | None = personal()


class RequestBlock(Data):
    """Put the number of a call before a supervisor for blocking (R48)."""

    call: Id
    by: Id


class ApproveBlock(Data):
    """Block the number; only a supervisor may. Without `until` it lasts as long as the protocol says."""

    block: Id
    by: Id
    until: AwareDatetime | None = None


class RefuseBlock(Data):
    """Decide against blocking; only a supervisor may."""

    block: Id
    by: Id
    reason: Annotated[Text, Personal]


class LiftBlock(Data):
    """End a block before its time; only a supervisor may."""

    block: Id
    by: Id
    reason: Annotated[Text, Personal]


class DirectoryQuery(Query):
    """The customers, by kind (R07: the property managers, those with special treatment marked)."""

    kind: Name | None = None
    special_treatment: bool | None = None


class DossierQuery(Query):
    """What agents have to hand about a product (R55); without one, all products."""

    product: Name | None = None
    language: Language | None = None


class BlocksQuery(Query):
    """Blocks and the calls that each has kept out (R48)."""

    state: Literal["requested", "approved", "refused", "expired", "lifted"] | None = None
