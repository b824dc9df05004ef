"""The program `textrnn`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from textrnn import __version__
from textrnn.cli import check, compare, config, eval, explain, gradients, predict, train, vocab
from textrnn.runtime.distributed import alone, check_environment, process_group
from textrnn.runtime.files import expand_user
from textrnn.runtime.process import exit_on_error, prepare_process
from textrnn.runtime.progress import log_to_stderr


class _Commands(TyperGroup):
    def invoke(self, context: Any) -> Any:
        try:
            with exit_on_error():  # before typer, which has other exit codes, sees the error
                return super().invoke(context)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # which pydantic adds to a message of typer's
            raise


app = typer.Typer(
    cls=_Commands,
    name="textrnn",
    help="Train, evaluate and use recurrent text classifiers (TextRNN, RCNN) on text files.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: list[Callable[..., None]] = [
    config.config, vocab.vocab, check.check, train.train, eval.eval_, predict.predict, explain.explain, compare.compare,
    gradients.gradients,
]  # fmt: skip
for _command in _COMMANDS:
    _processes = process_group() if _command is train.train else alone()
    app.command(_command.__name__.rstrip("_"))(_processes(_command))


def _version(asked: bool) -> None:
    if asked:
        print(f"textrnn {__version__}")
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of `textrnn` and `python -m textrnn`."""
    prepare_process()
    with exit_on_error():
        check_environment()
        log_to_stderr()
        app([expand_user(argument) for argument in sys.argv[1:]])
