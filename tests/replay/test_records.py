"""Call records: which rows become calls, when things happened in them, and what is refused."""

import gzip
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from centralita.records import CallRecord, Ignored, NotCallRecords, Refused, facts, read
from tests.replay.rows import NO_QUEUE, Made, hung, rows_of, served, text_of


def _record_of(folder: Path, row: Made, zone: tzinfo = UTC) -> CallRecord:
    (read_back,) = rows_of(folder, row, zone=zone)
    assert isinstance(read_back, CallRecord), read_back
    return read_back


def _told(record: CallRecord) -> list[tuple[str, str]]:
    return [(kind, f"{at:%d %H:%M:%S}") for kind, at, _ in facts(record)]


def _on(day: int, clock: str) -> datetime:
    hours, minutes, seconds = map(int, clock.split(":"))
    return datetime(1999, 3, day, hours, minutes, seconds, tzinfo=UTC)


def test_a_served_call_tells_its_life_in_order(tmp_path: Path) -> None:
    """A queued and served row gives every stage at its own time, with queue, customer and agent named."""
    record = _record_of(tmp_path, served(customer_id="445566", priority="2"))
    assert (record.call_id, record.line) == ("990315-XX0901-7001", 2)
    assert facts(record) == [
        ("call.offered", _on(15, "10:00:00"), {"queue": "PS", "special_treatment": True}),
        ("caller.identified", _on(15, "10:00:00"), {"standing": "customer", "customer": "445566"}),
        ("call.queued", _on(15, "10:00:10"), {}),
        ("call.dequeued", _on(15, "10:00:40"), {}),
        ("call.answered", _on(15, "10:00:40"), {"agent": "LUZ"}),
        ("call.ended", _on(15, "10:02:40"), {"by": "unknown", "disposition": "served"}),
    ]


def test_a_caller_who_hangs_up_abandons_at_the_end_of_the_queue(tmp_path: Path) -> None:
    """HANG leaves the queue and is abandoned at the same instant, without answer or end."""
    assert _told(_record_of(tmp_path, hung())) == [
        ("call.offered", "15 10:00:00"),
        ("call.queued", "15 10:00:10"),
        ("call.dequeued", "15 10:00:40"),
        ("call.abandoned", "15 10:00:40"),
    ]


@pytest.mark.parametrize("queue", [NO_QUEUE, {"q_start": "10:00:10", "q_exit": "10:00:10", "q_time": "0"}])
def test_without_time_in_queue_there_was_no_queue(tmp_path: Path, queue: Made) -> None:
    """With q_time 0 nothing is queued, and who hangs up abandons on leaving the voice response unit."""
    waiting = hung(**queue)
    assert _told(_record_of(tmp_path, waiting)) == [
        ("call.offered", "15 10:00:00"),
        ("call.abandoned", "15 10:00:10"),
    ]


def test_an_answer_before_the_queue_was_left_comes_first(tmp_path: Path) -> None:
    """Clocks differ by seconds: an earlier answer precedes call.dequeued, else stages keep order."""
    kinds = [kind for kind, _ in _told(_record_of(tmp_path, served(ser_start="10:00:39")))]
    assert kinds == ["call.offered", "call.queued", "call.answered", "call.dequeued", "call.ended"]
    before_queueing = _record_of(tmp_path, served(ser_start="10:00:09", ser_exit="10:00:12"))
    assert [kind for kind, _ in _told(before_queueing)] == kinds


def test_an_unnamed_agent_answers_without_a_name(tmp_path: Path) -> None:
    """AGENT with NO_SERVER is answered, by nobody in particular."""
    record = _record_of(tmp_path, served(server="NO_SERVER"))
    assert ("call.answered", _on(15, "10:00:40"), {}) in facts(record)


def test_special_treatment_needs_no_identification(tmp_path: Path) -> None:
    """Priority 2 is special treatment though nobody was identified; 0 and 1 are not."""
    records = [_record_of(tmp_path, served(priority=priority)) for priority in "012"]
    assert [record.priority for record in records] == [False, False, True]
    assert {record.customer for record in records} == {None}


def test_ids_hold_what_a_subject_can(tmp_path: Path) -> None:
    """A number rounded by a spreadsheet still identifies a customer, its point written as =2E."""
    assert _record_of(tmp_path, served(customer_id="4.1E+11")).customer == "4=2E1E+11"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"vru_entry": "23:59:30", "vru_exit": "23:59:40", "q_start": "23:59:40", "q_exit": "0:00:10"}
            | {"ser_start": "0:00:10", "ser_exit": "0:02:10"},
            ["15 23:59:30", "15 23:59:40", "16 00:00:10", "16 00:00:10", "16 00:02:10"],
            id="within the queue",
        ),
        pytest.param(
            {"vru_entry": "23:59:54", "vru_exit": "0:00:00", "q_start": "0:00:00", "q_exit": "0:00:30"}
            | {"ser_start": "0:00:31", "ser_exit": "0:02:31"},
            ["15 23:59:54", "16 00:00:00", "16 00:00:30", "16 00:00:31", "16 00:02:31"],
            id="within the voice response unit, the queue from 0:00:00 on",
        ),
        pytest.param(
            {"vru_entry": "23:58:00", "vru_exit": "23:58:10", "q_start": "23:58:10", "q_exit": "23:58:40"}
            | {"ser_start": "23:58:40", "ser_exit": "5:58:39"},
            ["15 23:58:00", "15 23:58:10", "15 23:58:40", "15 23:58:40", "16 05:58:39"],
            id="within service, a second under 6 hours",
        ),
        pytest.param(
            {"ser_start": "4:00:00", "ser_exit": "4:02:00"},
            ["15 10:00:00", "15 10:00:10", "15 04:00:00", "15 10:00:40", "15 04:02:00"],
            id="exactly 6 hours before entry is the same day",
        ),
        pytest.param(
            {"ser_start": "3:59:59", "ser_exit": "4:01:59"},
            ["15 10:00:00", "15 10:00:10", "15 10:00:40", "16 03:59:59", "16 04:01:59"],
            id="a second more is the next",
        ),
    ],
)
def test_past_midnight_is_the_next_day(tmp_path: Path, changes: Made, expected: list[str]) -> None:
    """An exit under 6 hours past midnight, or a stage more than 6 hours before entry, is the next day's."""
    assert [at for _, at in _told(_record_of(tmp_path, served(**changes)))] == expected


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (served(vru_exit="9:59:59", vru_time="-1"), "vru_exit", "exit before entry"),
        (served(q_exit="10:00:09"), "q_exit", "exit before entry"),
        (served(ser_start="23:00:00", ser_exit="5:00:00"), "ser_exit", "exit before entry"),
        (served(ser_start="0:00:00", ser_exit="0:00:00"), "ser_start", "AGENT without a time of service"),
        (hung(ser_time="1"), "ser_time", "HANG with a service time"),
        (served(q_start="0:00:00", q_exit="0:00:00"), "q_start", "time in queue without its start and exit"),
        (served(ser_exit="24:10:00"), "ser_exit", "not a time (h:mm:ss)"),
        (served(vru_entry="10:60:00"), "vru_entry", "not a time (h:mm:ss)"),
        (hung(ser_start=""), "ser_start", "not a time (h:mm:ss)"),
        (served(q_time="half"), "q_time", "not a number of seconds"),
        (served(date="990230"), "date", "not a date (yymmdd)"),
        (served(date="1999-3"), "date", "not a date (yymmdd)"),
        (served(outcome="LOST"), "outcome", "neither AGENT, HANG nor PHANTOM"),
        (served(priority="high"), "priority", "not a number"),
        (served(type=""), "type", "empty"),
        (served(call_id=""), "call_id", "empty"),
        (served(customer_id=""), "customer_id", "empty"),
        (served(customer_id="9" * 81), "customer_id", "too long"),
        (served(call_id="ñ" * 20), "call_id", "too long"),
        (served(type="P" * 81), "type", "too long"),
        (served(server=""), "server", "empty"),
        (served(server="LUZ\tMAR"), "server", "not as many fields as the header"),
        (dict(list(served().items())[:-2]), "ser_time", "not as many fields as the header"),
    ],
)
def test_what_a_row_cannot_support_is_refused(tmp_path: Path, row: Made, field: str, reason: str) -> None:
    """A refusal names line, field and reason and shows the row; the rows around it are read."""
    first, refused, last = rows_of(tmp_path, served(), row, served(call_id="7002"))
    assert refused == Refused(3, field, reason, "\t".join(row.values()))
    assert isinstance(first, CallRecord)
    assert isinstance(last, CallRecord)


def test_an_id_that_comes_twice_is_refused_the_second_time(tmp_path: Path) -> None:
    """Two rows with one id cannot both be a call: the second is refused with its text and the first one's line."""
    again = hung(type="IN")
    first, other, refused = rows_of(tmp_path, served(), served(call_id="7002"), again)
    assert isinstance(first, CallRecord)
    assert isinstance(other, CallRecord)
    assert refused == Refused(4, "call_id", "the id of the call on line 2", "\t".join(again.values()))


def test_a_phantom_is_ignored_whatever_else_it_says(tmp_path: Path) -> None:
    """PHANTOM rows are ignored rather than refused, times readable or not."""
    assert rows_of(tmp_path, served(outcome="PHANTOM", ser_start="?")) == [Ignored(2)]


@pytest.mark.parametrize(
    ("date", "year"), [("690101", 1969), ("991231", 1999), ("000229", 2000), ("680101", 2068)]
)
def test_two_digits_of_a_year(tmp_path: Path, date: str, year: int) -> None:
    """Years 69 to 99 are of the 1900s, the rest of the 2000s."""
    assert _record_of(tmp_path, served(date=date)).offered.year == year


def test_the_zone_places_the_call_and_spans_stay_as_recorded(tmp_path: Path) -> None:
    """Wall-clock times are read in the zone; a span lasts what the row says though clocks change in it."""
    assert _record_of(tmp_path, served(), ZoneInfo("Europe/Madrid")).offered == _on(15, "9:00:00")
    night = {"date": "990328", "vru_entry": "1:59:00", "vru_exit": "1:59:10"} | NO_QUEUE
    record = _record_of(
        tmp_path, served(**night, ser_start="1:59:10", ser_exit="3:01:10"), ZoneInfo("Europe/Madrid")
    )
    assert record.ended is not None
    assert record.answered is not None
    assert record.ended - record.answered == timedelta(minutes=62)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_line_ends_and_compression_make_no_difference(tmp_path: Path, end: str, packed: bool) -> None:
    """LF or CRLF, plain or gzip (by its first bytes, not its name), with a mark, empty lines, bad bytes."""
    text = "\ufeff" + text_of(served(), hung(call_id="7002"), end=end) + end
    data = text.encode() + b"\xff\xfe" + end.encode()
    file = tmp_path / "calls"
    file.write_bytes(gzip.compress(data) if packed else data)
    served_row, hung_row, bad = read(file)
    assert isinstance(served_row, CallRecord)
    assert isinstance(hung_row, CallRecord)
    assert (hung_row.line, hung_row.customer, hung_row.queue) == (3, None, "PS")
    assert isinstance(bad, Refused)
    assert bad.line == 5


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    """A missing column, an empty file and a cut gzip give one clear error each."""
    file = tmp_path / "calls"
    file.write_text(text_of(served()).replace("q_exit", "q_end"))
    with pytest.raises(NotCallRecords, match="no column q_exit in"):
        list(read(file))
    file.write_bytes(b"")
    with pytest.raises(NotCallRecords, match="no column"):
        list(read(file))
    file.write_bytes(gzip.compress(text_of(served()).encode())[:-12])
    with pytest.raises(NotCallRecords, match="damaged after line"):
        list(read(file))


def test_rows_are_read_one_at_a_time(tmp_path: Path) -> None:
    """The first rows come out before the rest is looked at: here the rest cannot even be unpacked."""
    whole = gzip.compress(text_of(*[served(call_id=str(n)) for n in range(50_000)]).encode())
    file = tmp_path / "calls.gz"
    file.write_bytes(whole[: len(whole) // 2])
    assert [row.line for row in islice(read(file), 3)] == [2, 3, 4]
