"""What is made of the figures of the benchmark: bars, the page, the picture."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import limits, pages, picture, report, table
from bench.report import Row, asked, at_least, at_most

ROWS = [
    Row("commit", "events/s", [40_000, 30_000, 36_000], "fsync", "a peer", [50_000], at_least(35_000), "how",
        "none", at_least(0.9)),
    Row("start", "s", [1.5], "fsync", bar=at_most(2)),
    Row("early", "of all", [0], "fsync", bar=at_most(0)),
    Row("idle", "MB", [100], "fsync"),
]  # fmt: skip
ABOUT = {
    "measured": "2026-11-22T21:00", "cpus": 2, "memory_gb": 8.0, "machine": "Linux", "file_system": "ext4",
    "python": "3.11", "packages": {"nats-py": "2"}, "load_before": 0.1, "quick": False, "failed": {"x": "it hung"},
}  # fmt: skip


def test_bars_are_for_medians_and_ratios() -> None:
    """A bar is met by the median or missed; of nothing measured there is no bar; a bar of 0 is met by 0."""
    found = {(measure, peer): bar.met(figure) for (measure, peer, bar), figure in asked(ROWS).items()}
    assert found == {
        ("commit", ""): True,
        ("commit", "a peer"): False,
        ("start", ""): True,
        ("early", ""): True,
    }
    assert at_most(50).times(25) == at_least(50).times(100) == 2
    assert at_most(0).times(1) == 0


def test_the_page_gets_the_table_between_its_marks(tmp_path: Path) -> None:
    """What stands around the marks stays, what stood between them goes; figures come back from JSON as they were."""
    report.write(tmp_path / "benchmarks.json", ROWS, ABOUT)
    about, rows = report.read(tmp_path / "benchmarks.json")
    assert about == ABOUT
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{pages.BEGIN}old\n{pages.END}after\n")
    for _ in range(2):
        pages.fill(page, table.markdown(rows))
        text = page.read_text()
        assert text.startswith(f"before\n{pages.BEGIN}")
        assert text.endswith(f"{pages.END}after\n")
        assert "old" not in text
        assert "| commit | 36,000 events/s | fsync | 50,000 a peer | none | 0.72 |" in text
        assert "≥ 35,000: met; ratio ≥ 0.9: missed" in text


def test_what_is_worked_out_names_what_it_comes_from() -> None:
    """Arithmetic is done on what was measured, and nothing is said of what was not."""
    idle = [Row(f"idle, each further centre, {what}", "", [5], "fsync") for what in ("CPU", "memory")]
    worked_out = limits.markdown([*ROWS, *idle])
    assert "| 20 a core, 200 a GB | 5 % of a core and 5 MB each, measured |" in worked_out
    assert "disk" not in worked_out


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    """It is drawn for light and for dark pages, with each figure as text, and names no address but SVG's own."""
    pytest.importorskip("matplotlib", reason="only the benchmark needs it: make bench installs it")
    drawn = list(picture.draw(tmp_path / "one.svg", ROWS))
    again = list(picture.draw(tmp_path / "two.svg", ROWS))
    assert [path.name for path in drawn] == ["one.svg", "one-dark.svg"]
    for path, same in zip(drawn, again, strict=True):
        text = path.read_text()
        assert text == same.read_text()
        assert "36,000 events/s" in "".join(ElementTree.fromstring(text).itertext())
        assert "://" not in text.replace("http://www.w3.org/", "")
