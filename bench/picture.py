"""The figures as a picture: how far each is above or below what is asked of it, for light and for dark pages."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from bench.report import Bar, Row, asked, figure_of

# colours that are told apart by most eyes, and as grey
LIGHT = {"ink": "#1f2328", "faint": "#d1d9e0", "met": "#0969da", "missed": "#bc4c00"}
DARK = {"ink": "#f0f6fc", "faint": "#3d444d", "met": "#4493f8", "missed": "#f0883e"}
MOST = 20.0
"""Bars end here, however much better or worse a figure is."""
_WIDE = 56
"""Characters of a label in one line."""
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "bench",
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "DejaVu Sans"],
    "font.size": 9,
}


def draw(path: Path, rows: Sequence[Row]) -> Iterator[Path]:
    """Write the picture to `path` for light pages, and beside it as `<name>-dark` for dark ones."""
    entries = list(_entries(rows))
    for target, colours in ((path, LIGHT), (path.with_stem(f"{path.stem}-dark"), DARK)):
        _draw(target, entries, colours)
        yield target


def _entries(rows: Sequence[Row]) -> Iterator[tuple[str, str, Bar, float]]:
    """Of each bar: what is measured, the figure beside the bar, the bar, the figure."""
    units, before = {row.measure: row.unit for row in rows}, ""
    for (measure, peer, bar), figure in asked(rows).items():
        if peer:
            yield (
                f"{'…' if measure == before else f'{measure},'} beside {peer}",
                f"{figure:.3g}× ({bar}×)",
                bar,
                figure,
            )
        else:
            yield measure, f"{figure_of(figure)} {units[measure]} ({bar})", bar, figure
        before = measure


def _draw(path: Path, entries: Sequence[tuple[str, str, Bar, float]], colours: dict[str, str]) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        labels = [fill(what, _WIDE) for what, *_ in entries]
        figure = Figure(figsize=(10, 0.29 * len(labels) + 1.0), layout="constrained")
        axes: Any = figure.add_subplot()
        for place, (_, text, bar, value) in enumerate(entries):
            times = min(max(bar.times(value), 1 / MOST), MOST)
            colour = colours["met" if bar.met(value) else "missed"]
            axes.plot([1, times], [place, place], color=colour, linewidth=7, solid_capstyle="butt")
            axes.plot([times], [place], "o", color=colour, markersize=7)
            axes.annotate(
                text, (max(times, 1), place), (7, 0), textcoords="offset points", va="center",
                color=colours["ink"],
            )  # fmt: skip
        axes.axvline(1, color=colours["ink"], linewidth=1)
        axes.set_yticks(range(len(labels)), labels, color=colours["ink"], linespacing=0.9)
        axes.set_ylim(len(entries) - 0.4, -0.6)
        axes.set_xscale("log")
        axes.set_xlim(1 / 20, 600)
        marks = {0.1: "10× worse", 1: "the bar", 10: "10× better"}
        axes.set_xticks(list(marks), list(marks.values()), color=colours["ink"])
        axes.minorticks_off()
        axes.tick_params(length=0)
        axes.grid(axis="x", color=colours["faint"], linewidth=0.6)
        axes.set_axisbelow(True)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bare = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(path, transparent=True, metadata=bare if path.suffix == ".svg" else None)
