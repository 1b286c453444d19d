"""What may stand in a subject: nothing that changes how many tokens it has, and no telephone number."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts import registry
from contracts.base import Id
from contracts.registry import aggregate_of, centre_name, valid_id

TOPICS = sorted(registry.TOPICS)
LETTERS = "abcXYZ019_@=+:~-"
IDS = st.one_of(
    st.text(max_size=100),
    st.text(LETTERS, max_size=100),
    st.text(LETTERS + ".*> \n\t\r\0é", max_size=8),
)


def tokens(subject: str) -> list[str]:
    """The tokens of a subject that the server takes as a literal one."""
    assert re.fullmatch(r"[!-~]+", subject), subject
    found = subject.split(".")
    assert all(token and "*" not in token and ">" not in token for token in found), subject
    return found


@given(IDS, st.sampled_from(TOPICS))
@example("call-1\n", "call")
@example("+34934567890", "customer")
def test_a_valid_id_is_one_token(id: str, topic: str) -> None:
    """Every valid id is the last token, and one alone, of its subjects in inbox and log."""
    if not valid_id(id, topic):
        return
    assert tokens(registry.inbox_subject("acme", topic, id)) == ["inbox", "acme", topic, id]
    aggregate = aggregate_of(topic, id)
    assert tokens(registry.log_subject("acme", "intake", aggregate)) == ["log", "acme", "intake", aggregate]
    assert not id.startswith("+")
    assert len(id) <= 96


@given(st.text(LETTERS), st.sampled_from(". *>\n\t\r\0\x7f/\\é"), st.text(LETTERS), st.sampled_from(TOPICS))
def test_no_id_holds_what_a_subject_may_not(before: str, wrong: str, after: str, topic: str) -> None:
    """Dots, blanks, wildcards, control characters and letters beyond ASCII make no id anywhere."""
    assert not valid_id(before + wrong + after, topic)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("id", ["", "+34934567890", "a" * 97, "a.b", "*", ">", "a b", "a\n"])
def test_what_is_no_id(id: str, topic: str) -> None:
    """Nothing, too much, a telephone number and parts of a filter are ids on no topic."""
    assert not valid_id(id, topic)


@pytest.mark.parametrize("id", ["a", "a" * 96, "19990201-aa0101-33116", "ana@acme", "x=1", "a+b", "~-_"])
def test_what_is_an_id(id: str) -> None:
    """Ids of other systems, with the usual marks in them, are taken as they are."""
    assert all(valid_id(id, topic) for topic in TOPICS)


@pytest.mark.parametrize("id", ["term", "clock", "rejected", "customer:1", "agent:ana", "ticket:7"])
def test_a_call_cannot_be_taken_for_something_else(id: str) -> None:
    """Words and prefixes that the log uses itself are no ids of calls."""
    assert not valid_id(id, "call")


@given(st.text(LETTERS, min_size=1, max_size=96), st.sampled_from(TOPICS), st.sampled_from(TOPICS))
def test_aggregates_of_two_topics_never_meet(id: str, one: str, other: str) -> None:
    """The same id on two topics is about two different things."""
    if one != other and valid_id(id, one) and valid_id(id, other):
        assert aggregate_of(one, id) != aggregate_of(other, id)


@given(IDS)
@example("call-1\n")
def test_the_type_of_an_id_and_the_rule_agree(id: str) -> None:
    """What a message accepts as an id (blanks around it apart) is what may stand in a subject."""
    try:
        accepted = TypeAdapter(Id).validate_python(id) == id
    except ValidationError:
        accepted = False
    assert accepted == valid_id(id, "customer")


@given(st.one_of(st.text(max_size=40), st.text("az09-", max_size=40), st.text("a9-.*> \nA", max_size=6)))
@example("acme\n")
def test_a_centre_name_is_one_token_and_names_its_streams(name: str) -> None:
    """A name is refused, or is one lower-case token; its streams' names have no blank, dot or wildcard."""
    try:
        assert centre_name(name) == name
    except ValueError:
        return
    assert tokens(registry.log_subject(name, "intake", "c1"))[1] == name
    assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
    assert len(name) <= 32
    assert re.fullmatch(r"[A-Za-z0-9_-]+", registry.log_stream(name) + registry.inbox_stream(name))


@pytest.mark.parametrize("name", ["", "Acme", "1st", "-a", "a.b", "a b", "a\n", "*", ">", "café", "a" * 33])
def test_what_is_no_centre_name(name: str) -> None:
    """The refusal says what a name looks like."""
    with pytest.raises(ValueError, match="lower case letters, digits and '-'"):
        centre_name(name)


def test_all_other_subjects_are_literal() -> None:
    """Commands, queries, topics, services and type names make subjects and headers as they are."""
    for subject, kinds in (
        (registry.command_subject, registry.COMMANDS),
        (registry.query_subject, registry.QUERIES),
    ):
        for service, verbs in kinds.items():
            assert service in registry.SERVICES
            assert all(len(tokens(subject("acme", service, verb))) == 4 for verb in verbs)
    assert set(registry.TOPICS.values()) <= set(registry.SERVICES)
    assert all(
        re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", name) for name in registry.recorded_types()
    )
