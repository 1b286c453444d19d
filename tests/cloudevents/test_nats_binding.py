"""What the NATS protocol binding demands, in both directions and both modes."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from eventlog.codec import Malformed, headers_of, message_of
from tests.cloudevents.judged import EVENT, STRUCTURED, binary, structured
from tests.cloudevents.test_core import WRITTEN

HEADERS = {f"ce-{name}": value for name, value in EVENT.items() if name != "data"}


def test_the_json_format_is_supported() -> None:
    """An event in JSON as the body is a fact."""
    assert structured(EVENT)[0].id == "1"


@pytest.mark.parametrize(
    "kind", [STRUCTURED, "application/cloudevents", "APPLICATION/CloudEvents+JSON; charset=utf-8"]
)
@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
def test_the_content_type_tells_the_mode(kind: str, name: str) -> None:
    """`application/cloudevents…`, in any case and with any parameters, is the structured mode."""
    assert binary({name: kind}, json.dumps(EVENT).encode())[0].id == "1"
    assert binary({name: kind, **HEADERS, "ce-id": "other"}, json.dumps(EVENT).encode())[0].id == "1"


@pytest.mark.parametrize("kind", ["application/json", "text/json+cloudevents", None])
def test_any_other_content_type_is_the_binary_mode(kind: str | None) -> None:
    """Without one too: then the attributes are in headers, and the body is the data."""
    beside = {"Content-Type": kind} if kind else {}
    if kind == "text/json+cloudevents":
        with pytest.raises(Malformed, match="content-type: expected application/json"):
            binary(HEADERS | beside, b"{}")
    else:
        assert binary(HEADERS | beside, b'{"queue": "main"}')[0].data == b'{"queue": "main"}'


@pytest.mark.parametrize(
    "kind",
    ["application/cloudevents-batch+json", "application/cloudevents+avro", "application/cloudevents+xml"],
)
def test_batches_and_other_formats_are_refused(kind: str) -> None:
    """There is no batched mode here, and JSON is the only format: the producer is told what to send."""
    with pytest.raises(Malformed) as wrong:
        structured(json.dumps([EVENT]).encode(), kind)
    assert wrong.value.field == "content-type"
    assert "one event in a message" in wrong.value.expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig", "latin-1"])
def test_a_structured_body_is_utf_8(encoding: str) -> None:
    """Another encoding is refused, and so is what is no JSON at all."""
    with pytest.raises(Malformed) as wrong:
        structured(json.dumps(EVENT | {"actor": "ñ"}, ensure_ascii=False).encode(encoding))
    assert wrong.value.field == "body"


def test_each_attribute_has_a_header_of_its_own() -> None:
    """With the attribute's name behind `ce-`, extensions too; nothing of the event is in any other header."""
    headers = headers_of(WRITTEN)
    assert all(name.startswith("ce-") for name in headers)
    assert headers["ce-traceparent"] == WRITTEN.trace
    assert headers["ce-id"] == "6f1c"


def test_what_is_known_elsewhere_is_in_ce_headers_too() -> None:
    """The type of the data and what it is about stand in headers, though the subject says so as well."""
    headers = headers_of(WRITTEN)
    assert (headers["ce-datacontenttype"], headers["ce-subject"]) == ("application/json", "c-1")


def test_names_of_headers_are_read_in_any_case() -> None:
    """As NATS has it."""
    assert binary({name.upper(): value for name, value in HEADERS.items()})[0].id == "1"


def test_values_are_printable_ascii() -> None:
    """Whatever an attribute holds, a header's value is visible ASCII without a quote."""
    nasty = 'Euro € 😀 "quoted" 100% \u00a0 ~'
    headers = headers_of(WRITTEN._replace(id=nasty, source=nasty, actor=nasty, why=nasty, cause=nasty))
    for value in headers.values():
        assert all("!" <= character <= "~" and character != '"' for character in value)
    assert message_of("log.acme.intake.c-1", headers, b"{}").actor == nasty


@pytest.mark.parametrize(
    ("text", "encoded"),
    [(" ", "%20"), ('"', "%22"), ("%", "%25"), ("é", "%C3%A9"), ("€", "%E2%82%AC"), ("😀", "%F0%9F%98%80"),
     ("\x7f", "%7F"), ("!", "!"), ("~", "~"), ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80")],
)  # fmt: skip
def test_characters_are_percent_encoded_as_utf_8(text: str, encoded: str) -> None:
    """Space, quote, percent and all beyond printable ASCII, a surrogate pair as one; nothing else, in capitals."""
    assert headers_of(WRITTEN._replace(actor=text))["ce-actor"] == encoded


@pytest.mark.parametrize(
    ("value", "text"),
    [("%e2%82%ac", "€"), ("%41%62c", "Abc"), ("%2525", "%25"), ('"a b"', "a b"), (r'"a \"b\" \\ %41"', r'a "b" \ A'),
     ('"', '"'), ("a(b)", "a(b)"), ("100%", "100%")],
)  # fmt: skip
def test_values_are_decoded_once_after_unquoting(value: str, text: str) -> None:
    """Quotes and backslashes as of older versions, then one round of percent-decoding, in either case of letters."""
    assert binary(HEADERS | {"ce-actor": value})[0].actor == text


@pytest.mark.parametrize("value", ["%C0%A0", "%ff", "%ED%A0%80", "%F4%90%80%80", "a%E2%82", '"%C0%A0"'])
def test_bytes_that_are_no_utf_8_are_refused(value: str) -> None:
    """Overlong, cut short, half of a surrogate pair or beyond Unicode: the header is named."""
    with pytest.raises(Malformed) as wrong:
        binary(HEADERS | {"ce-actor": value})
    assert wrong.value.field == "ce-actor"


def test_values_encoded_without_need_are_accepted() -> None:
    """Every character of every attribute may come percent-encoded, and any value in quotes."""
    headers = headers_of(WRITTEN)
    escaped = {
        name: "".join(f"%{byte:02x}" for byte in unquote(value).encode()) for name, value in headers.items()
    }
    quoted = {name: f'"{value}"' for name, value in headers.items()}
    for written in (escaped, quoted):
        for one in headers:
            assert (
                message_of("log.acme.intake.c-1", headers | {one: written[one]}, WRITTEN.data)._replace(
                    subject=""
                )
                == WRITTEN
            ), one
        assert message_of("log.acme.intake.c-1", written, WRITTEN.data)._replace(subject="") == WRITTEN
