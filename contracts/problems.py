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
    "unknown-type": (400, "over HTTP: a fact of a type or version that is not in the contract"),
    "unauthorised": (401, "over HTTP: the door wants another token"),
    "unknown-centre": (404, "over HTTP: there is no such centre"),
    "unknown-resource": (404, "over HTTP: there is nothing under this path"),
    "unknown-command": (404, "over HTTP: the service has no such command"),
    "unknown-query": (404, "over HTTP: the service has no such query"),
    "unknown-method": (405, "over HTTP: the resource does not know the method"),
    "too-slow": (408, "over HTTP: the body did not come in time"),
    "real-clock": (409, "over HTTP: only a centre on a virtual clock can be removed"),
    "version-taken": (409, "over HTTP: another protocol of this name and version is in force"),
    "unsupported-type": (415, "over HTTP: a body of this type is not read"),
    "inbox-full": (429, "over HTTP: the centre takes no more facts for now"),
    "too-many-readers": (429, "over HTTP: as many follow logs at this door as may"),
    "not-settled": (503, "over HTTP: within the time given not everything was decided and read"),
    "internal": (500, "a fault of ours; it is in the service's log"),
}
"""The last part of `type` below /problems/, with its status and when it comes."""
