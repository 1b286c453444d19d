"""What the core of CloudEvents 1.0 demands, of the facts that are read and of the events that are written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.asyncapi import HEADERS
from eventlog.codec import Malformed, Message, headers_of, message_of
from eventlog.numbering import event_id
from eventlog.structured import packed
from tests.cloudevents.judged import EVENT, SUBJECT, binary, in_both, structured

WRITTEN = Message(
    "c-1", "call.answered", b'{"agent": "ana"}', "6f1c", "/acme/intake", 2, 3,
    datetime(2026, 3, 2, 9, tzinfo=UTC), "fact 7", "/pbx/Málaga", (2, 3), 2**40, 977, 4, "ana",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0f" * 16, resends=120, why='"mended"',
)  # fmt: skip
FORMS = {"binary": headers_of(WRITTEN), "structured": packed(headers_of(WRITTEN), WRITTEN.data)}


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_required_attributes_are_there(name: str) -> None:
    """Events have them; a fact that lacks one, or has it empty, is refused with its name, in either mode."""
    assert FORMS["binary"][f"ce-{name}"]
    assert FORMS["structured"][name]
    missing = {key: value for key, value in EVENT.items() if key != name}
    for wrong in (*in_both(missing), *in_both(EVENT | {name: ""})):
        assert isinstance(wrong, Malformed)
        assert wrong.field == f"ce-{name}"


def test_an_attribute_is_there_once() -> None:
    """Events have no header twice; a fact in JSON with a member twice is refused, whichever it is."""
    assert len({name.lower() for name in FORMS["binary"]}) == len(FORMS["binary"])
    for name in ("id", "actor"):
        with pytest.raises(Malformed) as wrong:
            structured(b'{"specversion": "1.0", "%s": "a", "%s": "b"}' % (name.encode(), name.encode()))
        assert wrong.value.field == f"ce-{name}"


def test_names_are_lower_case_letters_and_digits() -> None:
    """All attributes that are ever written have 1 to 20 of these and are not called `data`; others are refused."""
    for header in HEADERS:
        assert re.fullmatch(r"ce-[a-z][a-z0-9]{0,19}", header)
        assert header != "ce-data"
    for name in ("dataContentType", "my_name", "", "ñ", "a b"):
        with pytest.raises(Malformed) as wrong:
            structured(EVENT | {name: "x"})
        assert wrong.value.expected == "a name of lower-case letters and digits"


@pytest.mark.parametrize(
    ("value", "expected"), [(True, "true"), (False, "false"), (-7, "-7"), (2**31 - 1, "2147483647")]
)
def test_values_have_their_canonical_form(value: Any, expected: str) -> None:
    """A boolean is true or false and an integer a plain number, be it as such in JSON or as a text."""
    assert structured(EVENT | {"actor": value})[0].actor == expected
    assert [it[0].actor for it in in_both(EVENT | {"actor": expected}) if isinstance(it, tuple)] == [
        expected,
        expected,
    ]


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 1.5, 1.0, [], {}, ["a"]])
def test_values_are_of_the_types_there_are(value: Any) -> None:
    """A number that is no integer of 32 bits, a list or an object is no attribute's value."""
    with pytest.raises(Malformed) as wrong:
        structured(EVENT | {"actor": value})
    assert wrong.value.field == "ce-actor"


def test_integers_that_are_written_are_of_32_bits_or_texts() -> None:
    """Positions may be beyond that: in JSON all attributes are texts in their canonical form."""
    assert {type(value) for name, value in FORMS["structured"].items() if name != "data"} == {str}
    assert FORMS["structured"]["inbox"] == str(2**40)


@pytest.mark.parametrize("bad", ["\0", "\n", "\x1b", "\x7f", "\x85", "\ufdd0", "\ufffe", "\U0001ffff"])
@pytest.mark.parametrize("name", ["id", "source", "actor", "traceparent"])
def test_texts_have_no_disallowed_characters(name: str, bad: str) -> None:
    """Control and non-characters are refused where they would come back in events, in either mode."""
    encoded = "".join(f"%{byte:02X}" for byte in f"x{bad}".encode())
    headers = {f"ce-{key}": value for key, value in EVENT.items() if key != "data"}
    with pytest.raises(Malformed) as wrong:
        binary(headers | {f"ce-{name}": encoded})
    assert wrong.value.field == f"ce-{name}"
    with pytest.raises(Malformed) as wrong:
        structured(EVENT | {name: f"x{bad}"})
    assert wrong.value.field == f"ce-{name}"


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    """A pair in JSON is one character; half of one is refused."""
    good = b'{"specversion":"1.0","id":"\\ud83d\\ude00","source":"/x","type":"call.offered"}'
    assert structured(good)[0].id == "😀"
    with pytest.raises(Malformed) as wrong:
        structured(good.replace(b"\\ude00", b""))
    assert wrong.value.field == "ce-id"


def test_source_and_id_are_unique_for_each_event() -> None:
    """An event's id follows from what led to it and its place: no two of a service are the same."""
    made = {event_id(f"/acme/intake fact /pbx {n}", place) for n in range(100) for place in (1, 2)}
    assert len(made) == 200


def test_the_version_is_1_0() -> None:
    """That is what is written, and all that is read."""
    assert FORMS["binary"]["ce-specversion"] == FORMS["structured"]["specversion"] == "1.0"
    for wrong in in_both(EVENT | {"specversion": "1.1"}):
        assert isinstance(wrong, Malformed)
        assert wrong.field == "ce-specversion"


def test_media_types_are_read_in_any_case() -> None:
    """Of the data, with parameters or without; what is not JSON is refused."""
    for kind in ("Application/JSON", "application/json; CharSet=UTF-8"):
        assert all(isinstance(it, tuple) for it in in_both(EVENT | {"datacontenttype": kind}))
    for wrong in in_both(EVENT | {"datacontenttype": "text/xml", "data": "<a/>"}):
        assert isinstance(wrong, Malformed)
        assert wrong.field == "content-type"


def test_the_media_type_is_written() -> None:
    """Explicitly, whatever was implied where it came from."""
    assert (
        FORMS["binary"]["ce-datacontenttype"] == FORMS["structured"]["datacontenttype"] == "application/json"
    )


@pytest.mark.parametrize("text", ["2026-03-02", "2026-03-02T09:00:00", "yesterday", "2026-02-30T09:00:00Z"])
def test_a_time_is_one_of_rfc_3339(text: str) -> None:
    """With an offset; what is written has `Z`."""
    assert FORMS["binary"]["ce-time"] == FORMS["structured"]["time"] == "2026-03-02T09:00:00Z"
    for wrong in in_both(EVENT | {"time": text}):
        assert isinstance(wrong, Malformed)
        assert wrong.field == "ce-time"


def test_extensions_travel_as_attributes_do() -> None:
    """Those that nobody here knows are passed over; ours are read in either mode."""
    for told in in_both(EVENT | {"comexample": "value", "actor": "ana"}):
        assert isinstance(told, tuple)
        assert told[0].actor == "ana"


def test_both_modes_say_the_same() -> None:
    """Whatever mode a fact comes in, what is decided on is the same, but for the spelling of its JSON."""
    first, second = in_both(EVENT | {"actor": 'ana "x" 5% ñ'.replace("%", "%25"), "subject": "c-1"})
    assert isinstance(second, tuple)
    again = binary({f"ce-{k}": v.replace("%", "%25").replace('"', "%22") for k, v in
                    (EVENT | {"actor": second[0].actor}).items() if k != "data"}, b"{}")  # fmt: skip
    assert again[0]._replace(data=b"") == second[0]._replace(data=b"")
    assert isinstance(first, tuple)
    assert first[1] == second[1]


@pytest.mark.parametrize("size", [64 * 1024])
def test_events_of_64_kib_are_taken(size: int) -> None:
    """So large a fact is no problem, in either mode."""
    for told in in_both(EVENT | {"data": {"queue": "main", "from": "6" + " " * (size - 100)}}):
        assert isinstance(told, Malformed)
        assert told.field == "from"  # its number is too long; nobody minds the size


def test_what_is_written_can_be_read() -> None:
    """The log's events, in binary mode, come back as they were."""
    assert message_of("log.acme.intake.c-1", FORMS["binary"], WRITTEN.data) == WRITTEN._replace(
        subject="log.acme.intake.c-1"
    )
    assert message_of(SUBJECT, FORMS["binary"], b"").id == WRITTEN.id
