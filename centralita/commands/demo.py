"""`centralita demo`: five centres at work, in half a minute."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from centralita.commands.common import console, run


def demo(
    seconds: Annotated[float, typer.Option(min=1.0, help="How long the story takes, about.")] = 20.0,
) -> None:
    """Show five call centres at work, a call each, on an embedded server that leaves nothing behind."""
    from centralita import logs  # late, like what follows: these take a second to load
    from centralita.demo import demo as story

    logs.configure(logging.WARNING)
    if code := run(story(console(), seconds=seconds)):
        raise typer.Exit(code)
