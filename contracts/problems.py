"""The kinds of problems that a command, a query or a publish may be answered with."""

from __future__ import annotations

from collections.abc import Mapping

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "the body or a header cannot be read"),
    "<rule>": (409, "a rule forbids it, as things stand"),
    "id-taken": (409, "the `ce-id` stands for something else already"),
    "nothing-to-do": (409, "it is so already"),
    "request-too-large": (413, "the body is larger than a service takes"),
    "answer-too-large": (413, "the answer is larger than the server takes: ask for less of it"),
    "rate-exceeded": (429, "more commands and queries come than are taken; again after `retry_after`"),
    "too-many-waiting": (429, "too many wait for their answers; again after `retry_after`"),
    "too-many-open": (429, "the service has as many cases open as it may"),
    "unavailable": (503, "the log cannot be reached, or it is not known whether it was written"),
    "internal": (500, "a fault of ours; it is in the service's log"),
}
"""The last part of `type` below /problems/, with its status and when it comes."""
