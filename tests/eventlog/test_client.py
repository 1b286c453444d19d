"""The quicker reader of headers reads what nats-py's reads."""

from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from eventlog.client import Connection

_BYTES = st.binary(max_size=12)
_NAMES = st.sampled_from(
    [b"ce-id", b"ce type", b" ce-id", b"Nats-Batch-Id", b"\xff", b"", b"a\tb", b"ce-id "]
)


@given(st.lists(st.tuples(_NAMES | _BYTES, st.sampled_from([b":", b": ", b":\t", b""]), _BYTES), max_size=8))
def test_headers_are_read_as_nats_py_reads_them(lines: list[tuple[bytes, bytes, bytes]]) -> None:
    """Whatever bytes a header block holds, both readers find the same names and values."""
    raw = b"".join(name + colon + value + b"\r\n" for name, colon, value in lines) + b"\r\n"
    assert Connection._parse_header_lines(raw) == Client._parse_header_lines(raw)
