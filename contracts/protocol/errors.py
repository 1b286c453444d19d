"""What is wrong with a protocol, said by its key: what was expected there, and what was found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

LONGEST = 60
"""How many characters of a wrong value are shown."""

_KINDS = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "bool": "true or false",
    "date": "a date as 2026-03-02",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
}
_PATTERNS = {
    r"^[A-Z]{2}$": "two capital letters as ES",
    r"^R\d\d$": "a rule's id as R19",
    r"^[+0-9 ().-]{2,32}$": "a telephone number as +34902",
}
_BOUNDS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "string_too_short": "a text of {min_length} or more characters",
    "string_too_long": "a text of at most {max_length} characters",
    "too_short": "at least {min_length} of them",
    "literal_error": "{expected}",
}


def said(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Every complaint about data for a model as "routing.3.desk: expected …, found …"; rows count from 1."""
    for each in error.errors(include_url=False):
        if not each["loc"] and each["type"] == "value_error":  # several keys together: each names its own
            yield from str(each["ctx"]["error"]).splitlines()
        else:
            yield f"{_key(each['loc'])}: {_complaint(each, model)}"


def unknown(key: str, known: Sequence[str]) -> str:
    """What is said about a key or name that there is not, with the nearest there is."""
    near = get_close_matches(key, known, n=1, cutoff=0.6)
    wanted = f"a known one, perhaps {near[0]!r}" if near else f"one of: {', '.join(known) or 'none'}"
    return f"expected {wanted}, found {key!r}"


def _key(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in loc if part != "[key]")


def _complaint(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, found = error["type"], _shown(error["input"])
    if kind == "missing":
        return "expected a value, found nothing"
    if kind == "extra_forbidden":
        return unknown(str(error["loc"][-1]), _keys(model, error["loc"][:-1]))
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "string_pattern_mismatch":
        pattern = error["ctx"]["pattern"]
        hours = "hours as 09:00-14:00" if "[0-5]" in pattern else f"a text that matches {pattern}"
        return f"expected {_PATTERNS.get(pattern, hours)}, found {found}"
    if kind in _BOUNDS:
        return f"expected {_BOUNDS[kind].format_map(error['ctx'])}, found {found}"
    wanted = _KINDS.get(kind.partition("_")[0])
    return f"expected {wanted}, found {found}" if wanted else error["msg"]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the part of a model at this place has."""
    at: Any = model
    for part in loc:
        fields = at.model_fields if isinstance(at, type) and issubclass(at, BaseModel) else None
        inner = fields[str(part)].annotation if fields else _items(at)
        at = _bare(inner)
    return list(at.model_fields)


def _items(container: Any) -> Any:
    return [each for each in get_args(container) if each is not Ellipsis][-1]


def _bare(annotation: Any) -> Any:
    """The annotation without what it may also be (nothing) or must besides be."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not NoneType)
    return annotation
