"""`python -m bench.pages`: the table and the pictures in the docs, drawn anew from what was measured last."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import picture, report, table
from bench.report import Row

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"


def write(into: Path, rows: Sequence[Row], about: dict[str, Any]) -> Iterator[Path]:
    """Write benchmarks.json, and what is made of it; gives each file once it is written."""
    into.mkdir(parents=True, exist_ok=True)
    figures = into / "benchmarks.json"
    report.write(figures, rows, about)
    yield figures
    yield from draw(into)


def draw(into: Path) -> Iterator[Path]:
    """The pictures of benchmarks.json, and its table in benchmarks.md where there is one."""
    about, rows = report.read(into / "benchmarks.json")
    yield from picture.draw(into / "benchmarks.svg", rows)
    page = into / "benchmarks.md"
    if page.exists():
        fill(page, about, rows)
        yield page


def fill(page: Path, about: dict[str, Any], rows: Sequence[Row]) -> None:
    """Put the table between the marks of a page, instead of what stood there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}{block(about, rows)}{END}{rest.partition(END)[2]}", encoding="utf-8")


def block(about: dict[str, Any], rows: Sequence[Row]) -> str:
    """What stands between the marks of the page."""
    failed = "".join(f"\n\nNot measured: {name}, {why}." for name, why in about["failed"].items())
    return f"\n{told(about)}.{failed}\n\n{table.markdown(rows)}\n\n"


def told(about: dict[str, Any]) -> str:
    """What was measured on, in a line."""
    packages = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    form = "small runs" if about["quick"] else "medians of several runs"
    return (
        f"{about['measured'][:10]}, {about['cpus']} cores, {about['memory_gb']} GB, {about['machine']},"
        f" {about['file_system']}, Python {about['python']}, {packages}; load before {about['load_before']};"
        f" {form}"
    )


if __name__ == "__main__":
    for written in draw(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS):
        print(written)
