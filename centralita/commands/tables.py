"""Answers as tables: the figures, and whatever else a query gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from centralita.short import facts

__all__ = ["figures_table", "show"]


def figures_table(answer: Mapping[str, Any]) -> Table:
    """The figures: a row for each queue or day and one for all; rates in percent, times in seconds."""
    by = "queue" if "queues" in answer else "day"
    counted = f"{answer['ignored']} rows ignored, {answer['refused']} refused"
    table = Table(caption=counted if answer["ignored"] or answer["refused"] else None, caption_justify="left")
    table.add_column(by)
    for heading in (
        "offered",
        "answered",
        "abandoned",
        "answered %",
        "abandoned %",
        "AHT s",
        "ASA s",
        "SL %",
        "ACW s",
        "FCR %",
    ):
        table.add_column(heading, justify="right")
    for name, part in answer[f"{by}s"].items():
        if name == "all":
            table.add_section()
        table.add_row(
            name,
            *(f"{part[key]:,}" for key in ("offered", "answered", "abandoned")),
            *(_number(part[key], 100) for key in ("answer_rate", "abandonment_rate")),
            *(_number(part[key]) for key in ("aht_s", "asa_s")),
            _number(part["service_level"], 100),
            _number(part["acw_s"]),
            _number(part["fcr"], 100),
        )
    return table


def show(console: Console, answer: Mapping[str, Any]) -> None:
    """Any answer: lists of objects as tables, the rest as name and value."""
    for name, value in answer.items():
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            console.print(_table(name, value))
        elif isinstance(value, dict):
            console.print(f"{name:<12} {facts(value) or '-'}", soft_wrap=True)
        elif isinstance(value, list):
            console.print(f"{name:<12} {', '.join(map(_text, value)) or 'none'}", soft_wrap=True)
        else:
            console.print(f"{name:<12} {_text(value)}", soft_wrap=True)


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    columns = list(
        dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, [], {}))
    )
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    return table


def _text(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def _number(value: float | None, times: float = 1) -> str:
    return "-" if value is None else f"{value * times:.1f}"
