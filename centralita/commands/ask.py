"""`centralita command` and `centralita query`: all that can be asked, with flags made from the contracts."""

from __future__ import annotations

import inspect
import json as jsonlib
import sys
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from centralita.client import Refusal
from centralita.commands.common import (
    USAGE,
    AsJson,
    Centre,
    Group,
    Nats,
    centre_of,
    connected,
    console,
    fail,
    print_json,
    run,
)
from centralita.commands.tables import figures_table, show
from centralita.short import facts
from contracts import registry
from contracts.base import Data
from contracts.protocol.errors import said

JsonArgs = Annotated[
    str | None,
    typer.Option(
        "--json-args", metavar="JSON", help="The arguments as a JSON object; - reads it from standard input."
    ),
]
Id = Annotated[str | None, typer.Option("--id", help="Said twice with the same id, it is done once.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who asks, if not the one in --by.")]


def commands() -> typer.Typer:
    """`command SERVICE VERB`."""
    app = typer.Typer(cls=Group, no_args_is_help=True, help="Have a service do something.")
    for service, verbs in registry.COMMANDS.items():
        if verbs:
            app.add_typer(_group(service, verbs, _command), name=service, help=f"Commands to {service}.")
    return app


def queries() -> typer.Typer:
    """`query SERVICE NAME`."""
    app = typer.Typer(cls=Group, no_args_is_help=True, help="Ask a service something.")
    for service, names in registry.QUERIES.items():
        app.add_typer(_group(service, names, _query), name=service, help=f"Queries to {service}.")
    return app


Make = Callable[[str, str, type[Data]], Callable[..., None]]


def _group(service: str, models: Mapping[str, type[Data]], make: Make) -> typer.Typer:
    app = typer.Typer(cls=Group, no_args_is_help=True)
    for name, model in models.items():
        app.command(name, help=model.__doc__)(make(service, name, model))
    return app


def _command(service: str, verb: str, model: type[Data]) -> Callable[..., None]:
    def typed(
        json_args: JsonArgs = None,
        centre: Centre = None,
        id: Id = None,
        actor: Actor = None,
        nats: Nats = None,
        json: AsJson = False,
        **flags: Any,
    ) -> None:
        data = _arguments(model, json_args, flags, f"command {service} {verb}")

        async def ask() -> dict[str, Any]:
            name = centre_of(centre)
            async with connected(nats, name, patience=30.0) as client:
                return await client.command(name, service, verb, data, id=id or "", actor=actor or "")

        answer = _answer(ask, json)
        if json:
            print_json(answer)
            return
        print(f"{answer['type']} recorded at position {answer['position']}: {facts(answer['data'])}")

    return _with_flags(typed, model)


def _query(service: str, name: str, model: type[Data]) -> Callable[..., None]:
    def typed(
        json_args: JsonArgs = None,
        centre: Centre = None,
        nats: Nats = None,
        json: AsJson = False,
        **flags: Any,
    ) -> None:
        data = _arguments(model, json_args, flags, f"query {service} {name}")

        async def ask() -> dict[str, Any]:
            where = centre_of(centre)
            async with connected(nats, where, patience=30.0) as client:
                return await client.query(where, service, name, data)

        answer = _answer(ask, json)
        if json:
            print_json(answer)
            return
        if name == "figures":
            console().print(figures_table(answer))
            return
        show(console(), answer)

    return _with_flags(typed, model)


def _answer(ask: Callable[[], Any], as_json: bool) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = run(ask())
    except Refusal as refusal:
        if as_json:
            print_json(refusal.problem.members())
        raise
    return answer


def _with_flags(typed: Callable[..., None], model: type[Data]) -> Callable[..., None]:
    """The same function with a flag for each field of the model, in a signature that Typer reads."""
    signature = inspect.signature(typed, eval_str=True)
    shared = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD
    ]
    flags = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_flag(name, field))
        for name, field in model.model_fields.items()
    ]
    parameters = [*flags, *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in shared)]
    typed.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    typed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return typed


def _flag(name: str, field: FieldInfo) -> Any:
    kind, shown = _kind(field.annotation)
    needed = "Required. " if field.is_required() else ""
    usual = (
        f" Usual: {field.default}." if field.default not in (None, "", ()) and not field.is_required() else ""
    )
    option = f"--{name.replace('_', '-')}"
    text = f"{needed}{field.description or ''}{usual}".strip()
    if kind is bool:
        return Annotated[bool | None, typer.Option(option, help=text)]
    return Annotated[
        list[str] | None if kind is list else str | None, typer.Option(option, metavar=shown, help=text)
    ]


def _kind(annotation: Any) -> tuple[type, str]:
    """What a flag takes (one text, several, or neither but yes or no), and how that is shown."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return _kind(next(part for part in get_args(annotation) if part is not type(None)))
    if origin is Literal:
        return str, "|".join(map(str, get_args(annotation)))
    if origin in (tuple, list):
        return list, _kind(get_args(annotation)[0])[1]
    if annotation is bool:
        return bool, ""
    return str, {int: "NUMBER", float: "NUMBER"}.get(annotation, "TEXT")


def _arguments(
    model: type[Data], json_args: str | None, flags: Mapping[str, Any], typed: str
) -> dict[str, Any]:
    """The arguments: of the JSON, flags over it; checked by the model."""
    given: Any = {}
    if json_args is not None:
        text = sys.stdin.read() if json_args == "-" else json_args
        try:
            given = jsonlib.loads(text)
        except (ValueError, RecursionError) as error:
            fail(USAGE, f"--json-args: expected JSON: {error}")
        if not isinstance(given, dict):
            fail(USAGE, f"--json-args: expected a JSON object, found {type(given).__name__}")
    given |= {name: value for name, value in flags.items() if value not in (None, [])}
    try:
        return model.model_validate(given).model_dump(mode="json", exclude_none=True, by_alias=True)
    except ValidationError as error:
        field, _, wrong = next(said(error, model)).partition(": ")
        fail(USAGE, f"--{field.replace('_', '-')}: {wrong}; centralita {typed} --help shows the fields")
