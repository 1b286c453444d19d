"""The figures as a table: on a terminal, and in Markdown."""

from collections.abc import Iterable, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.report import Row, asked, figure_of

HEAD = ("measure", "ours", "durability", "beside", "its durability", "ratio", "bar")
RIGHT = ("ours", "ratio")


def cells(row: Row) -> tuple[str, ...]:
    """One line, in the order of HEAD."""
    beside = f"{figure_of(median(row.peers))} {row.peer}" if row.peers else row.peer
    bars = (
        f"{what} {bar}: {'met' if bar.met(figure) else 'missed'}".strip() for what, bar, figure in row.bars
    )
    ratio = f"{row.ratio:.2f}" if row.ratio is not None else ""
    ours = f"{figure_of(row.figure)} {row.unit}"
    return row.measure, ours, row.durability, beside, row.peer_durability, ratio, "; ".join(bars)


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table, and below it the notes and what was missed."""
    table = Table(title="Centralita beside what else one would pick", title_justify="left")
    for name in HEAD:
        table.add_column(name, justify="right" if name in RIGHT else "left", overflow="fold")
    for row in rows:
        table.add_row(*cells(row))
    console.print(table)
    for note in notes(rows):
        console.print(f"· {note}", highlight=False, soft_wrap=True)
    met = [bar.met(figure) for (_, _, bar), figure in asked(rows).items()]
    console.print(f"{sum(met)} of {len(met)} bars met", highlight=False)


def markdown(rows: Sequence[Row]) -> str:
    """The table and its notes."""
    lines = [HEAD, ["---:" if name in RIGHT else "---" for name in HEAD], *map(cells, rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([table, "", *(f"- {note}" for note in notes(rows))])


def notes(rows: Iterable[Row]) -> list[str]:
    """What is said below the table, each once."""
    return list(dict.fromkeys(row.note for row in rows if row.note))
