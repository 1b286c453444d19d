"""Personal data is marked, so that it can be sealed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from contracts.schemas import schema, types

MARKED = {
    "call.offered.v1": {"from"},
    "call.transferred.v1": {"to"},
    "call.ended.v1": {"note"},
    "caller.identified.v1": {"title", "given_name", "name"},
    "caller.asked_for.v1": {"person"},
    "contact.given.v1": {"phone", "email"},
    "request.stated.v1": {"text", "place"},
    "assignment.attempted.v1": {"instruction"},
    "call.held.v1": {"reason"},
    "note.taken.v1": {"points"},
    "containment.exhausted.v1": {"actions"},
    "utterance.transcribed.v1": {"text"},
    "access.missing.v1": {"email"},
    "record.refused.v1": {"row"},
    "agent.signed_in.v1": {"name"},
    "agent.unavailable.v1": {"reason"},
    "proposal.made.v1": {"text"},
    "doubt.raised.v1": {"text"},
    "customer.registered.v1": {"name", "phones", "emails"},
    "message.received.v1": {"from", "subject", "text"},
    "rule.violated.v1": {"detail"},
    "violation.withdrawn.v1": {"detail"},
    "fact.deferred.v1": {"data"},
    "caller.classified.v1": {"evidence"},
    "prompt.issued.v1": {"text"},
    "agent.introduced.v1": {"name"},
    "conduct.proposed.v1": {"phrase"},
    "block.requested.v1": {"number"},
    "block.refused.v1": {"reason"},
    "block.lifted.v1": {"reason"},
    "call.assigned.v1": {"instruction"},
    "transfer.screened.v1": {"person"},
    "consult.deferred.v1": {"question"},
    "consult.delivered.v1": {"question"},
    "transfer.approved.v1": {"to"},
    "ticket.registered.v1": {"need", "place"},
    "ticket.commented.v1": {"text"},
    "ticket.resolved.v1": {"resolution"},
    "ticket.reopened.v1": {"reason"},
    "attachment.added.v1": {"name"},
    "complaint.reply_formalised.v1": {"text"},
    "workaround.published.v1": {"text"},
    "problem.resolved.v1": {"resolution"},
    "access.requested.v1": {"email"},
    "command.intake.release": {"note"},
    "command.intake.refuse_block": {"reason"},
    "command.intake.lift_block": {"reason"},
    "command.routing.instruct": {"instruction"},
    "command.routing.transfer": {"to"},
    "command.routing.consult": {"question"},
    "command.tickets.register": {"need", "place"},
    "command.tickets.comment": {"text"},
    "command.tickets.resolve": {"resolution"},
    "command.tickets.reopen": {"reason"},
    "command.tickets.split": {"need"},
    "command.tickets.attach": {"name"},
    "command.tickets.formalise_reply": {"text"},
    "command.tickets.publish_workaround": {"text"},
    "command.tickets.resolve_problem": {"resolution"},
    "query.tickets.tickets": {"text"},
    "recorded": {"data"},
}
"""What must be marked; nothing else is."""

TELLING = {
    "name",
    "given_name",
    "phone",
    "phones",
    "email",
    "emails",
    "note",
    "text",
    "person",
    "instruction",
    "row",
}
"""Field names that speak of people or free text wherever they occur …"""
HARMLESS = {("protocol", "name"), ("protocol.published.v1", "name")}
"""… but here."""


def properties(title: str) -> dict[str, Any]:
    """The fields of a type, as its schema has them."""
    return schema(title, types()[title]).get("properties", {})


@pytest.mark.parametrize("title", sorted(types()))
def test_personal_fields_are_marked_and_no_others(title: str) -> None:
    """Exactly the fields listed carry the mark in the published schema."""
    found = {name for name, field in properties(title).items() if field.get("x-personal") is True}
    assert found == MARKED.get(title, set())


@pytest.mark.parametrize("title", sorted(types()))
def test_a_telling_name_is_marked(title: str) -> None:
    """A field that is called as people, ways to reach them or free text are is marked."""
    for name, field in properties(title).items():
        if name in TELLING and (title, name) not in HARMLESS:
            assert field.get("x-personal") is True, f"{title}: {name}"


@pytest.mark.parametrize("title", sorted(types()))
def test_telephone_numbers_and_addresses_are_marked_by_their_form(title: str) -> None:
    """Where a number or an e-mail address may stand, it is marked; the number dialled is the centre's."""
    for name, field in properties(title).items():
        shape = json.dumps(field)
        if ("[+0-9 ().-]" in shape or "@[^@" in shape) and (title, name) != ("call.offered.v1", "to"):
            assert field.get("x-personal") is True, f"{title}: {name}"


def test_nested_models_hold_nothing_personal() -> None:
    """A mark stands on fields of the message itself, where sealing looks for it."""
    for title, kind in types().items():
        if title.startswith("answer."):
            continue  # an answer is never sealed: its marks are for those who read it
        assert "x-personal" not in json.dumps(schema(title, kind).get("$defs", {})), title
