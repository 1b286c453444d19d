"""`python -m bench.pages`: the table and the pictures in the docs, drawn anew from what was measured last."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import limits, picture, report, table
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
    """The pictures of benchmarks.json, and the tables in benchmarks.md and scale.md where there are such pages."""
    about, rows = report.read(into / "benchmarks.json")
    yield from picture.draw(into / "benchmarks.svg", rows)
    failed = "".join(f"\n\nNot measured: {name}, {why}." for name, why in about["failed"].items())
    figures = f"{told(about)}.{failed}\n\n{table.markdown(rows)}"
    for name, text in (("benchmarks.md", figures), ("scale.md", limits.markdown(rows))):
        if (into / name).exists():
            fill(into / name, text)
            yield into / name


def fill(page: Path, text: str) -> None:
    """Put a text between the marks of a page, instead of what stood there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


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
