"""Headers and back: CloudEvents 1.0 in the binary mode of the NATS binding."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.asyncapi import HEADERS, OF_FACTS, REQUIRED
from eventlog.codec import Malformed, Message, headers_of, message_of, moment, timestamp

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
SOME = TEXT.filter(bool)
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
COUNTS = st.integers(0, 10**15)
PLACES = st.integers(1, 1000).flatmap(lambda last: st.tuples(st.integers(1, last), st.just(last)))
MESSAGES = st.builds(
    Message,
    aggregate=st.just("c1"),
    name=SOME,
    data=st.binary(max_size=20),
    id=SOME,
    source=SOME,
    version=st.integers(1, 99),
    sequence=COUNTS,
    time=st.none() | TIMES,
    cause=TEXT,
    cause_source=TEXT,
    place=PLACES,
    inbox=COUNTS,
    log=COUNTS,
    protocol=st.integers(1, 99),
    resends=COUNTS,
    why=TEXT,
    actor=TEXT,
    trace=TEXT,
    content_type=SOME.filter(lambda text: "cloudevents" not in text),
    seq=st.just(7),
    stored=st.none(),
    subject=st.just("log.acme.intake.c1"),
)
FULL = Message(
    "c1", "call.answered", b"{}", "6f1c", "/acme/intake", 2, 3, datetime(2026, 2, 2, 8, tzinfo=UTC), "a",
    "/pbx", (2, 3), 128, 977, 4, "ana", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "0f" * 16,
    resends=120, why="mended",
)  # fmt: skip
FACT = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/pbx", "ce-type": "call.queued"}


@given(MESSAGES)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    """Whatever stands in ids, sources, actors and the rest survives the journey through the headers."""
    assert message_of("log.acme.intake.c1", headers_of(message), message.data, 7) == message


@given(MESSAGES)
def test_headers_are_such_as_nats_and_cloudevents_allow(message: Message) -> None:
    """Names are lower-case letters and digits after `ce-`; values printable ASCII without blank or quote."""
    for name, value in headers_of(message).items():
        assert re.fullmatch(r"ce-[a-z0-9]{1,20}", name)
        assert re.fullmatch(r"[!-~]*", value)
        assert '"' not in value


def test_every_header_is_published() -> None:
    """What is written is what the AsyncAPI document describes, and the required ones are always there."""
    assert set(headers_of(FULL)) == set(HEADERS)
    assert set(REQUIRED) <= set(headers_of(Message("", "a", b"", "b", "c"))) <= set(OF_FACTS)


def test_a_log_event_says_what_it_is_about() -> None:
    """The subject's last token stands in ce-subject too, but the NATS subject is what counts."""
    assert headers_of(FULL)["ce-subject"] == "c1"
    assert message_of("inbox.acme.call.c2", {**FACT, "ce-subject": "other"}, b"").aggregate == "c2"


@given(st.lists(st.integers(1, 2**31), min_size=2))
def test_sequences_are_in_order_as_texts(numbers: list[int]) -> None:
    """The extension asks for values that sort as texts as the events do."""
    written = [headers_of(FULL._replace(sequence=n))["ce-sequence"] for n in sorted(numbers)]
    assert written == sorted(written)


def test_percent_encoding_is_as_the_binding_has_it() -> None:
    """Blank, quote, percent and all beyond ASCII are encoded, and nothing else; either case is read."""
    headers = headers_of(FULL._replace(actor='Euro € 😀 "5%" ~!/'))
    assert headers["ce-actor"] == "Euro%20%E2%82%AC%20%F0%9F%98%80%20%225%25%22%20~!/"
    read = message_of("a.b", {**FACT, "ce-actor": "caf%c3%a9 %41"}, b"")
    assert read.actor == "café A"
    quoted = message_of("a.b", {**FACT, "ce-actor": r'"a \"b\" %41"'}, b"")
    assert quoted.actor == 'a "b" A'


def test_names_of_headers_in_any_case_are_read() -> None:
    """Other publishers may write Ce-Id and Content-Type."""
    foreign = {name.title(): value for name, value in FACT.items()} | {"Content-Type": "text/plain"}
    assert message_of("inbox.acme.call.c1", foreign, b"{}").content_type == "text/plain"
    mixed = {**FACT, "Ce-Time": "2026-02-02T08:00:00Z", "Nats-Expected-Stream": "X"}
    assert message_of("inbox.acme.call.c1", mixed, b"{}").time == datetime(2026, 2, 2, 8, tzinfo=UTC)
    assert message_of("inbox.acme.call.c1", FACT, b"{}").content_type == "application/json"
    both = {**FACT, "ce-datacontenttype": "text/xml", "content-type": "text/plain"}
    assert message_of("inbox.acme.call.c1", both, b"{}").content_type == "text/xml"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ce-specversion": "0.3"}, "ce-specversion"),
        ({"ce-specversion": ""}, "ce-specversion"),
        ({"ce-id": ""}, "ce-id"),
        ({"ce-id": '""'}, "ce-id"),
        ({"ce-source": ""}, "ce-source"),
        ({"ce-type": ""}, "ce-type"),
        ({"ce-id": "%C0%A0"}, "ce-id"),
        ({"ce-actor": "%ff"}, "ce-actor"),
        ({"ce-time": "yesterday"}, "ce-time"),
        ({"ce-time": "0001-01-01T00:00:00+14:00"}, "ce-time"),
        ({"ce-dataversion": "one"}, "ce-dataversion"),
        ({"ce-dataversion": "-1"}, "ce-dataversion"),
        ({"ce-dataversion": "²"}, "ce-dataversion"),
        ({"ce-sequence": "9" * 5000}, "ce-sequence"),
        ({"ce-place": "3/2"}, "ce-place"),
        ({"ce-place": "0/2"}, "ce-place"),
        ({"ce-place": "²/3"}, "ce-place"),
        ({"ce-place": "1/" + "9" * 5000}, "ce-place"),
        ({"ce-place": "1"}, "ce-place"),
        ({"Content-Type": "application/cloudevents-batch+json"}, "content-type"),
        ({"Content-Type": "application/cloudevents+avro"}, "content-type"),
    ],
)
def test_what_is_no_cloudevent_names_the_header(changes: dict[str, str], field: str) -> None:
    """A header that is missing or wrong is named, and nothing but Malformed is ever raised."""
    with pytest.raises(Malformed) as wrong:
        message_of("inbox.acme.call.c1", FACT | changes, b"{}")
    assert wrong.value.field == field


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=12)))
def test_no_header_breaks_the_reader(headers: dict[str, str]) -> None:
    """Any text in any header is read or Malformed."""
    with suppress(Malformed):
        message_of("inbox.acme.call.c1", FACT | headers, b"{}")


@given(TIMES)
def test_a_time_comes_back_to_the_microsecond(time: datetime) -> None:
    """Times are written in UTC with Z, a fraction only where there is one, and read back equal."""
    written = timestamp(time)
    assert moment(written) == time
    assert written.endswith("Z")
    assert ("." in written) == bool(time.microsecond)


@given(TIMES, st.integers(-23 * 60, 23 * 60))
def test_any_offset_is_the_same_time(time: datetime, minutes: int) -> None:
    """A time with an offset is the time it is in UTC."""
    there = time.astimezone(timezone(timedelta(minutes=minutes)))
    assert moment(there.isoformat()) == time
    assert timestamp(there) == timestamp(time)


@given(st.text("0123456789", min_size=1, max_size=30))
def test_every_fraction_is_read(digits: str) -> None:
    """A fraction may have any number of digits; what is beyond microseconds is cut off."""
    expected = datetime(2026, 2, 2, 8, microsecond=int(digits[:6].ljust(6, "0")), tzinfo=UTC)
    assert moment(f"2026-02-02T08:00:00.{digits}Z") == expected
    assert moment(f"2026-02-02t09:00:00.{digits}+01:00") == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-02-02", "2026-02-02T08:00:00", "2026-02-02T08:00Z", "20260202T080000Z",
        "2026-W06-1T08:00:00Z", "2026-02-02 08:00:00Z", "2026-02-02T08:00:00,5Z", "2026-02-02T08:00:00.Z",
        "2026-02-02T08:00:00+01", "2026-02-02T08:00:00+0100", "2026-02-02T24:00:00Z", "2026-02-30T08:00:00Z",
        "2026-02-02T23:59:60Z", "2026-02-02T08:00:00+24:00", "2026-02-02T08:00:00Z\n",
        " 2026-02-02T08:00:00Z", "٢٠٢٦-02-02T08:00:00Z",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00",
    ],
)  # fmt: skip
def test_what_is_no_rfc_3339_time(text: str) -> None:
    """Other forms of ISO 8601, times without an offset and times that are none are a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        moment(text)
