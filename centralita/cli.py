"""The command `centralita`: its verbs, and how each failure is told in one line."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence

import typer
from nats.errors import Error as NatsError

from centralita.client import Refusal
from centralita.commands import (
    ask,
    attachment,
    backup,
    call,
    centre,
    clock,
    crm,
    deadletters,
    demo,
    explain,
    figures,
    play,
    protocol,
    publish,
    replay,
    tail,
    up,
    verify,
    webhook,
)
from centralita.commands.common import OK, REFUSED, UNREACHABLE, Group, Interrupted, complain
from centralita.process import ServerError
from centralita.settings import Settings
from eventlog import errors
from eventlog.codec import Malformed

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="The backend of a call centre: four services over one event log.",
    epilog="Exit codes: 0 done, 1 refused or partly failed, 2 wrongly typed, 3 not reachable.",
)
VERBS: tuple[Callable[..., None], ...] = (
    up.up,
    demo.demo,
    play.play,
    replay.replay,
    publish.publish,
    clock.clock,
    tail.tail,
    call.call,
    explain.explain,
    figures.history,
    figures.figures,
    verify.verify,
    attachment.attach,
    backup.backup,
    backup.restore,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(centre.app, name="centre")
app.add_typer(protocol.app, name="protocol")
app.add_typer(deadletters.app, name="deadletters")
app.add_typer(attachment.app, name="attachment")
app.add_typer(webhook.app, name="webhook")
app.add_typer(crm.app, name="crm")
app.add_typer(ask.commands(), name="command")
app.add_typer(ask.queries(), name="query")


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was typed; the exit code."""
    try:
        code = app(args=argv, prog_name="centralita", standalone_mode=False)
        return code if isinstance(code, int) else OK
    except typer.TyperException as wrong:
        return _wrong(wrong)
    except (typer.Abort, KeyboardInterrupt):
        return _interrupted(130)
    except Interrupted as interrupted:
        return _interrupted(128 + interrupted.number)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the last flush is silent too
        return 128 + 13
    except Exception as error:  # noqa: BLE001  told in one line, whatever it is
        return _failed(error)


def _wrong(wrong: typer.TyperException) -> int:
    text = wrong.format_message()
    context = getattr(wrong, "ctx", None)
    if context is not None and text.strip():  # without a text the help was shown, for nothing was typed
        complain(f"{text.replace('Value error, ', '').rstrip('.')}; see {context.command_path} --help")
    elif text.strip():
        complain(text)
    return wrong.exit_code


def _interrupted(code: int) -> int:
    complain("interrupted; what was begun may be run again, nothing is recorded twice")
    return code


def _failed(error: Exception) -> int:
    match error:
        case Refusal():
            problem = error.problem
            rule = f" [{problem.rule}]" if problem.rule else ""
            field = f"{problem.field}: " if problem.field else ""
            complain(f"refused{rule}: {field}{problem.detail or problem.title}")
            return UNREACHABLE if problem.status >= 500 else REFUSED
        case errors.Unavailable() | ServerError():
            complain(f"{error}")
            return UNREACHABLE
        case errors.LogError():
            complain(f"{error}")
            return REFUSED
        case Malformed():
            complain(f"the log holds what no service wrote: {error}")
            return REFUSED
        case NatsError() | OSError():
            complain(f"{type(error).__name__}: {error}")
            return UNREACHABLE
    if Settings().trace:
        traceback.print_exception(error)
    complain(f"unexpected {type(error).__name__}: {error}; CENTRALITA_TRACE=1 shows where")
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
