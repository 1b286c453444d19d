"""What is read at speed is what nats-py and the codec read, whatever comes and however it is cut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from eventlog.blocks import message_in
from eventlog.client import Connection
from eventlog.codec import Malformed, Message, headers_of, message_of
from eventlog.headers import block_of, parsed, value
from eventlog.reading import Frame, Reader
from tests.cloudevents.judged import SUBJECT

TAKEN = b"7"
STORED = datetime(2026, 3, 2, tzinfo=UTC)

_words = st.text("abc.$_-09é", min_size=1, max_size=12).map(str.encode)
_sids = st.sampled_from([TAKEN, TAKEN, TAKEN, b"8", b"12"])
_blocks = st.binary(max_size=30).map(b"NATS/1.0\r\n".__add__) | st.binary(max_size=9)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message as the server sends it, with anything for a header block."""
    words = [draw(_words), draw(_sids), *draw(st.lists(_words, max_size=1))]
    data = draw(st.binary(max_size=40) | st.sampled_from([b"\r\n", b"PING\r\n", b"MSG a 7 1\r\n"]))
    if block := draw(st.none() | _blocks.filter(len)):
        head = b"HMSG %s %d %d\r\n" % (b" ".join(words), len(block), len(block) + len(data))
    else:
        head = b"MSG %s %d\r\n" % (b" ".join(words), len(data))
    return head + (block or b"") + data + b"\r\n"


_others = st.sampled_from(
    [
        b"PING\r\n",
        b"PONG\r\n",
        b"+OK\r\n",
        b"-ERR 'Unknown'\r\n",
        b"-ERR 'Stale Connection'\r\n",
        b'INFO {"a":1}\r\n',
        b"MSG  a\t7  1\r\nx\r\n",
        b"NO\r\n",
        b"MSG a 7 1 \r\n",
        b"HMSG a 7 x 1\r\ny\r\n",
    ]
)


class Heard:
    """What a parser tells its client."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.parser: Parser | None = None
        self.lost = False

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, block: bytes | None
    ) -> None:
        self.told.append((sid, bytes(subject), bytes(reply), block or b"", data))

    async def _process_err(self, said: str) -> None:
        self.told.append(("error", said))
        if self.parser and "stale" in said:
            self.lost = True
            self.parser.reset()  # as the client does when it has lost its connection

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.told.append(("info", info))

    async def _process_ping(self) -> None:
        self.told.append(("ping",))

    async def _process_pong(self) -> None:
        self.told.append(("pong",))

    def take(self, frames: list[Frame]) -> None:
        """As one who takes messages by himself."""
        self.told += [(int(TAKEN), *frame) for frame in frames]


async def _parsed(heard: Heard, parts: Sequence[bytes]) -> str:
    """What is wrong with them; those behind the loss of a connection never come."""
    assert heard.parser
    try:
        for part in parts:
            if not heard.lost:
                await heard.parser.parse(part)
    except ProtocolError as error:
        return str(error)
    return ""


def _both(parts: Sequence[bytes]) -> None:
    ours, theirs = Heard(), Heard()
    ours.parser = reader = Reader(ours)  # type: ignore[arg-type]
    reader.takers[TAKEN] = ours.take
    theirs.parser = Parser(theirs)
    assert asyncio.run(_parsed(ours, parts)) == asyncio.run(_parsed(theirs, parts))
    assert ours.told == theirs.told


@given(st.lists(messages() | _others, max_size=12), st.data())
def test_a_stream_cut_anywhere_is_read_as_nats_py_reads_it(sent: list[bytes], data: st.DataObject) -> None:
    """The same messages, signs of life and errors in the same order, whoever takes them."""
    stream = b"".join(sent)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    _both([stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)])


def test_a_cut_at_any_byte_changes_nothing() -> None:
    """Within a line, before a line's end, within it, before, in and behind what a message holds."""
    stream = (
        b"MSG a 7 5\r\nhello\r\nHMSG b 7 r.1 12 14\r\nNATS/1.0\r\n\r\nhi\r\nPING\r\nMSG c 8 x 2\r\n\r\n\r\n"
        b"HMSG d 7 12 12\r\nNATS/1.0\r\n\r\n\r\n-ERR 'Stale Connection'\r\nMSG e 7 1\r\nx\r\n"
    )
    for cut in range(len(stream)):
        _both([stream[:cut], stream[cut:]])
    _both([stream[at : at + 1] for at in range(len(stream))])


def test_what_nats_py_waits_behind_is_waited_behind() -> None:
    """A line that is none, too long for nats-py to say so, holds up all that follows."""
    _both([b"x" * 5000 + b"\r\nMSG a 7 1\r\nx\r\n", b"MSG b 7 1\r\nx\r\n"])


async def test_what_came_before_a_connection_was_lost_is_not_joined_to_what_follows() -> None:
    """Half a message is forgotten when the parser is reset, and what is new is read from its beginning."""
    heard = Heard()
    reader = Reader(heard)  # type: ignore[arg-type]
    reader.takers[TAKEN] = heard.take
    await reader.parse(b"MSG a 7 5\r\nhel")
    reader.reset()
    await reader.parse(b"MSG b 7 1\r\nx\r\n")
    assert heard.told == [(7, b"b", b"", b"", b"x")]


async def test_a_taker_gets_what_nats_py_has_parsed() -> None:
    """Also a message that came as no server writes it reaches who listens, and nobody after he has left."""
    connection, heard = Connection(), Heard()
    connection._reader.takers[TAKEN] = heard.take
    weird = b"MSG  a\t7  1\r\nx\r\n"
    await connection._ps.parse(weird)
    connection._remove_sub(int(TAKEN))
    await connection._ps.parse(weird)
    assert heard.told == [(7, b"a", b"", b"", b"x")]


_pieces = st.sampled_from([b"a:b", b"\r\n", b"\r\na: c", b"\r\na: d\r\n", b" a :e\r\n", b"Status: 1"])
_status = st.sampled_from([b" 503", b" 100 Idle Heartbeat", b" 4\xff", b" \xb2", b"", b"\r\n", b" "])


@given(_status, st.lists(st.binary(max_size=8) | _pieces, max_size=6))
@example(b"", [b"\r\na: c", b"\r\n a :e\r\n"])
def test_a_header_block_is_read_as_nats_py_reads_it(status: bytes, pieces: list[bytes]) -> None:
    """The same names and values, the server's own status among them; nothing where nats-py would break off."""
    block = b"NATS/1.0" + status + b"".join(pieces)
    try:
        theirs = asyncio.run(Client()._process_headers(block)) or {}
    except (IndexError, ValueError):
        theirs = {}
    assert parsed(block) == theirs
    for name in ("a", "Status", "Description"):
        assert value(block, name.encode()) == theirs.get(name, "")


_texts = st.text(max_size=6) | st.sampled_from(["a", '"', '"a"', "%41", "é", "a b", "\ufffd"])
_numbers = st.integers(0, 10**19)
_times = st.none() | st.datetimes(timezones=st.just(UTC))
_written = st.builds(
    Message, aggregate=_texts, name=_texts, data=st.just(b"{}"), id=_texts, source=_texts, version=_numbers,
    sequence=_numbers, time=_times, cause=_texts, cause_source=_texts, place=st.tuples(_numbers, _numbers),
    inbox=_numbers, log=_numbers, protocol=_numbers, actor=_texts, trace=_texts, chain=_texts,
    resends=_numbers, why=_texts, content_type=_texts,
)  # fmt: skip


@given(
    _written, st.lists(st.tuples(st.integers(0, 600), st.binary(max_size=3), st.integers(0, 20)), max_size=2)
)
def test_a_block_is_read_at_one_go_as_it_is_header_by_header(
    message: Message, changes: list[tuple[int, bytes, int]]
) -> None:
    """Whatever was written, and whatever became of it: the same message, or the same about what is wrong with it."""
    block = block_of(headers_of(message) | {"Nats-Msg-Id": "1"})
    for at, new, cut in changes:
        block = block[:at] + new + block[at + cut :]

    def read(whole: bool) -> Message | str:
        try:
            if whole:
                return message_in(SUBJECT, block, b"{}", 7, STORED)
            return message_of(SUBJECT, parsed(block), b"{}", 7, STORED)
        except Malformed as malformed:
            return str(malformed)

    assert read(True) == read(False)


@pytest.mark.parametrize("when", ["2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z"])
def test_a_time_that_never_was_is_malformed(when: str) -> None:
    """Also where it looks like one."""
    headers = headers_of(Message("c-1", "call.offered", b"", "1", "/test", time=STORED)) | {"ce-time": when}
    with pytest.raises(Malformed, match="ce-time"):
        message_in(SUBJECT, block_of(headers), b"{}", 7, STORED)
