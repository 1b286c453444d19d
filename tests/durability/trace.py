"""What a nats-server did to its files and sockets, as strace saw it, and which acks came before their fsync.

A thread that strace stops goes on only when the stop is written down: what happened because of something else
stands in the trace behind it, also across servers, whose times are of one clock.
"""

from __future__ import annotations

import asyncio
import bisect
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

CALLS = "openat,write,pwrite64,writev,pwritev,sendto,sendmsg,fsync,fdatasync"
SKIPPED = "the server's files are not traced: strace is not installed, or may not trace processes here"


def possible() -> bool:
    """Whether processes can be traced here."""
    strace = shutil.which("strace")
    if strace is None or sys.platform != "linux":
        return False
    tried = subprocess.run(
        [strace, "-D", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0


def traced(directory: Path, *, sync: str = "always") -> Path:
    """A nats-server that leaves `trace.<pid>` in the directory; `sync` is its sync_interval, whatever it is told."""
    server = shutil.which(Path(sys.executable).parent / "nats-server")
    binary = directory / f"traced-{sync}"
    binary.write_text(
        f"""#!/bin/sh
[ "$1" = --version ] && exec {server} --version
sed -i 's/"sync_interval": "always"/"sync_interval": "{sync}"/' "$2"
exec strace -D -f -yy -q -ttt -T --seccomp-bpf -s 4194304 -e signal=none -e trace={CALLS} \\
    -o {directory}/trace.$$ {server} "$@"
"""
    )
    binary.chmod(0o755)
    return binary


class Call(NamedTuple):
    """A system call: its name and arguments as strace writes them, and when it began and ended, in seconds."""

    name: str
    arguments: str
    result: str
    began: float
    ended: float


_WHOLE = re.compile(r"(\d+) +([\d.]+) (\w+)\((.*)\) += ([^<]*(?:<.*>)?[^<]*) <([\d.]+)>")
_BEGUN = re.compile(r"(\d+) +([\d.]+) (\w+)\((.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +([\d.]+) <\.\.\. (\w+) resumed>(.*)\) += (.*) <([\d.]+)>")
_GONE = re.compile(r"\d+ +[\d.]+ \+\+\+")


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of a trace in the order in which they ended; ValueError for a line that is none."""
    begun = dict[str, tuple[float, str]]()
    for line in lines:
        if whole := _WHOLE.fullmatch(line):
            _, at, name, arguments, result, took = whole.groups()
            yield Call(name, arguments, result, float(at), float(at) + float(took))
        elif first := _BEGUN.fullmatch(line):
            begun[first[1]] = float(first[2]), first[4]
        elif last := _ENDED.fullmatch(line):
            began, arguments = begun.pop(last[1])
            yield Call(last[3], arguments + last[4], last[5], began, float(last[2]))
        elif not _GONE.match(line):
            raise ValueError(f"not understood: {line[:200]}")


@dataclass
class Disk:
    """What was safe on one server's disk when, and what the server acknowledged when."""

    safe: dict[str, float] = field(default_factory=dict)
    """When the first fsync ended that began after the event's bytes had been written to a file that stays."""
    nameless: set[str] = field(default_factory=set)
    """Files with events in them whose directory was never fsynced after they were made."""
    acks: list[tuple[float, str, int, int]] = field(default_factory=list)
    """When an ack to a client began: stream, first and last sequence."""
    fsyncs: int = 0


_FILE = re.compile(r"\d+<(/[^>]*)>")
_OPENED = re.compile(r'"([^"]*)", ([A-Z_|]+)')
_ID = re.compile(r"ce-id: ([^\\\"]+)")
_ACK = re.compile(r'\{\\"stream\\":\\"(\w+)\\", ?\\"seq\\":(\d+)([^}]*)\}')
_SPLIT = re.compile(r'", iov_len=\d+\}, \{iov_base="')
_COUNT = re.compile(r'\\"count\\":(\d+)')
_ANSWER = re.compile(r'\\"position\\":(\d+)')


def disk(trace: Iterable[Call], centre: str) -> Disk:
    """What the calls of one server say."""
    found = Disk()
    waiting = defaultdict[str, list[tuple[float, set[str]]]](list)
    synchronous, made = set[str](), dict[str, float]()
    for call in trace:
        if call.name == "openat":
            if (opened := _OPENED.search(call.arguments)) and not call.result.startswith("-1"):
                path, flags = opened.groups()
                if "SYNC" in flags:
                    synchronous.add(path)
                if "O_CREAT" in flags:
                    made.setdefault(path, call.ended)
            continue
        to = _FILE.match(call.arguments)
        if call.name in ("fsync", "fdatasync") and to and call.result.strip() == "0":
            found.fsyncs += 1
            still = []
            for written, ids in waiting[to[1]]:
                if written <= call.began:
                    for id in ids:
                        found.safe.setdefault(id, call.ended)
                else:
                    still.append((written, ids))
            waiting[to[1]] = still
            found.nameless -= {
                file
                for file in found.nameless
                if str(Path(file).parent) == to[1] and made[file] <= call.began
            }
        elif call.name in ("write", "pwrite64", "writev", "pwritev") and to and _stays(to[1]):
            if ids := set(_ID.findall(call.arguments)):
                if to[1] in made:
                    found.nameless.add(to[1])
                if to[1] in synchronous:
                    for id in ids:
                        found.safe.setdefault(id, call.ended)
                else:
                    waiting[to[1]].append((call.ended, ids))
        elif "TCP" in call.arguments[:40]:
            sent = _SPLIT.sub("", call.arguments)
            for stream, seq, rest in _ACK.findall(sent):
                count = _COUNT.search(rest)
                last = int(seq)
                found.acks.append((call.began, stream, last - int(count[1]) + 1 if count else last, last))
            for position in _ANSWER.findall(sent):
                found.acks.append((call.began, f"LOG_{centre}", int(position), int(position)))
    return found


def _stays(path: str) -> bool:
    """Whether it is a file of a stream or of its replication, and not of a batch that is being staged."""
    return path.endswith(".blk") and "/batches/" not in path


@dataclass
class Found:
    """How many acks were looked at, how many messages they acknowledged, and those that came too early."""

    acks: int = 0
    messages: int = 0
    fsyncs: int = 0
    early: list[str] = field(default_factory=list)
    nameless: set[str] = field(default_factory=set)


def judged(traces: Iterable[Path], ids: Mapping[tuple[str, int], str], centre: str, quorum: int = 1) -> Found:
    """Hold every ack of streams whose event ids are known (by stream and sequence) against the fsyncs."""
    disks = [disk(calls(file.read_text(errors="replace").splitlines()), centre) for file in traces]
    found = Found(fsyncs=sum(each.fsyncs for each in disks))
    streams = {stream for stream, _ in ids}
    for at, stream, first, last in (ack for each in disks for ack in each.acks):
        if stream not in streams:
            continue
        found.acks += 1
        for seq in range(first, last + 1):
            found.messages += 1
            safe = sorted(each.safe[ids[stream, seq]] for each in disks if ids[stream, seq] in each.safe)
            if bisect.bisect_right(safe, at) < quorum:
                found.early.append(f"{stream} {seq} acknowledged at {at:.6f}, on disk at {safe}")
    for each in disks:
        found.nameless |= each.nameless
    return found


async def complete(directory: Path) -> list[Path]:
    """The traces of servers that have ended, once strace has written all of them."""
    traces = sorted(directory.glob("trace.*"))
    async with asyncio.timeout(20):
        for trace in traces:
            pid = trace.suffix[1:]
            while not re.search(
                rf"^{pid} .*\+\+\+ (exited|killed)", trace.read_text(errors="replace"), re.MULTILINE
            ):
                await asyncio.sleep(0.05)
    return traces
