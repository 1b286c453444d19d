"""CloudEvents in the JSON format: one object with the attributes and the data, the structured mode of a message."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import unquote

from eventlog.headers import Malformed, escaped

__all__ = ["JSON", "STRUCTURED", "event_in", "is_structured", "packed", "unpacked"]

JSON, STRUCTURED = "application/json", "application/cloudevents+json"
_OCTETS = "application/octet-stream"
_KIND = "application/cloudevents"
_NAME = re.compile(r"[a-z0-9]+")
_INTEGERS = range(-(2**31), 2**31)


def is_structured(content_type: str) -> bool:
    """Whether a message's content type says that it is one event in JSON; Malformed for a batch or another format."""
    media = content_type.partition(";")[0].strip().lower()
    if not media.startswith(_KIND):
        return False
    if media not in (_KIND, STRUCTURED):
        raise Malformed("content-type", f"{STRUCTURED} or {JSON}, with one event in a message", content_type)
    return True


def event_in(body: bytes) -> Any:
    """The JSON value that the body of a structured event is; Malformed where it is none."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_Object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        why = "too many brackets within each other" if isinstance(error, RecursionError) else str(error)
        raise Malformed("body", "a CloudEvent in JSON, in UTF-8", why) from None


def unpacked(event: Any) -> tuple[dict[str, str], bytes]:
    """An event's attributes as the headers of the binary mode have them, and its data.

    Malformed names an attribute as its header would be called, and data by its member.
    """
    if not isinstance(event, dict):
        raise Malformed("body", "an object, a CloudEvent in JSON")
    if twice := getattr(event, "twice", ""):
        raise Malformed(_field(twice), "to be there once")
    if event.get("data_base64") is not None and "data" in event:
        raise Malformed("data_base64", "either data or data_base64")
    headers = {
        f"ce-{name}": _text(name, value)
        for name, value in event.items()
        if name not in ("data", "data_base64") and value is not None
    }
    encoded = event.get("data_base64")
    # of bytes without a type nothing may be assumed; what is there as JSON is JSON
    content_type = headers.setdefault("ce-datacontenttype", JSON if encoded is None else _OCTETS)
    return headers, _data(event, encoded, content_type)


def packed(headers: Mapping[str, str], data: bytes) -> dict[str, Any]:
    """A message of the binary mode, with the headers that `eventlog.codec.headers_of` gives, as an event in JSON."""
    event: dict[str, Any] = {name.removeprefix("ce-"): unquote(value) for name, value in headers.items()}
    if not _is_json(event.get("datacontenttype", JSON)):
        return event | {"data_base64": b64encode(data).decode()}
    return event | {"data": json.loads(data)}


class _Object(dict[str, Any]):
    """A JSON object that remembers a name that it had twice; the last value counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = set[str]()
        self.twice = ""
        if len(self) < len(pairs):
            self.twice = next(name for name, _ in pairs if name in names or names.add(name))  # type: ignore[func-returns-value]


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def _field(name: str) -> str:
    return f"ce-{name.encode('ascii', 'backslashreplace').decode()}"


def _text(name: str, value: object) -> str:
    """An attribute's value in its canonical form, as a header's."""
    field = _field(name)
    if not _NAME.fullmatch(name):
        raise Malformed(field, "a name of lower-case letters and digits")
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int) and value in _INTEGERS:
        return str(value)
    if not isinstance(value, str):
        raise Malformed(field, "a text, a boolean or a whole number of 32 bits")
    try:
        return escaped(value)
    except UnicodeEncodeError:
        raise Malformed(field, "a text of whole characters") from None


def _is_json(content_type: str) -> bool:
    subtype = content_type.partition(";")[0].strip().lower().partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")


def _data(event: Mapping[str, Any], encoded: object, content_type: str) -> bytes:
    if encoded is not None:
        try:
            return b64decode(encoded if isinstance(encoded, str) else "-", validate=True)
        except ValueError:
            raise Malformed("data_base64", "bytes in base64") from None
    if "data" not in event:
        return b"{}"
    try:
        if isinstance(data := event["data"], str) and not _is_json(unquote(content_type)):
            return data.encode()
        return json.dumps(data, allow_nan=False).encode()  # ASCII: half of a surrogate pair stays what it is
    except (ValueError, RecursionError):
        raise Malformed("data", "JSON that can be told again") from None
