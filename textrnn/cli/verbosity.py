"""`--quiet` and `--verbose`, which every command has."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Annotated

import typer

from textrnn.errors import UsageError
from textrnn.runtime.progress import QUIET, log_to_stderr


def _choose(context: typer.Context, parameter: typer.CallbackParam, is_given: bool) -> bool:
    """Raises UsageError if the other one is also given, before or after the command's name."""
    if is_given and not context.resilient_parsing:
        if context.meta.setdefault("verbosity", parameter.name) != parameter.name:
            raise UsageError("--quiet shows less, --verbose more: give one of them")
        log_to_stderr(QUIET if parameter.name == "quiet" else logging.DEBUG)
    return is_given


_OPTIONS = {
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", callback=_choose, help="Print nothing but results and errors.")
    ],
    "verbose": Annotated[
        bool,
        typer.Option("--verbose", "-v", callback=_choose, help="Print details, such as timings and cache folders."),
    ],
}


def with_verbosity(command: Callable[..., None]) -> Callable[..., None]:
    """The command with both options added. Files, stdout and exit codes do not depend on them."""

    @functools.wraps(command)
    def run(*, quiet: bool, verbose: bool, **options: object) -> None:
        command(**options)

    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters += [inspect.Parameter(name, kind, default=False, annotation=type_) for name, type_ in _OPTIONS.items()]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
