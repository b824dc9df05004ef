"""The program `textrnn`. Heavy imports wait until a command needs them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from textrnn import __version__
from textrnn.cli import (
    check,
    compare,
    config,
    demo,
    embed,
    eval,
    explain,
    gradients,
    info,
    init,
    next,
    predict,
    serve,
    train,
    vocab,
)
from textrnn.cli.command import Command
from textrnn.cli.verbosity import with_verbosity
from textrnn.errors import UsageError
from textrnn.runtime.distributed import check_environment, process_group, single_process
from textrnn.runtime.files import expand_user
from textrnn.runtime.process import exit_on_error, prepare_process
from textrnn.runtime.progress import log, log_to_stderr

_WrongUsage: Any = typer.BadParameter.__base__  # of click, which some versions of typer bring with them


class _Commands(TyperGroup):
    def invoke(self, context: Any) -> Any:
        begin = time.perf_counter()
        with exit_on_error():  # before typer, which has other exit codes, sees the error
            result = super().invoke(context)
        log.debug("the command took %.2f s", time.perf_counter() - begin)
        return result


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
    init.init, config.config, vocab.vocab, check.check, train.train, eval.eval_, predict.predict, explain.explain,
    embed.embed, serve.serve, next.next_, compare.compare, gradients.gradients, info.info, demo.demo,
]  # fmt: skip
for _command in _COMMANDS:
    _processes = process_group() if _command is train.train else single_process()
    app.command(_command.__name__.rstrip("_"), cls=Command)(with_verbosity(_processes(_command)))


def _version(is_given: bool) -> None:
    if is_given:
        print(f"textrnn {__version__}")
        raise typer.Exit()


@with_verbosity
def _main(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.callback()(_main)


def main() -> None:
    """Entry point of `textrnn` and `python -m textrnn`."""
    prepare_process()
    with exit_on_error():
        check_environment()
        log_to_stderr()
        arguments = [expand_user(argument) for argument in sys.argv[1:]]
        try:
            raise SystemExit(app(arguments, prog_name="textrnn", standalone_mode=False))
        except _WrongUsage as error:
            if not arguments:  # then its message is the help
                error.show()
                raise SystemExit(2) from None
            raise UsageError(_usage_message(error)) from None


def _usage_message(error: Any) -> str:
    """The message of click's error, and how to get help."""
    error.message = error.message.removeprefix("Value error, ")  # which pydantic adds to a message of typer's
    message: str = error.format_message()
    if key := _key_of_unknown_option(error):
        message = f"No such option: {error.option_name}; did you mean --set {key}=VALUE?"
    if error.ctx is None:
        return message
    return f"{message}\n{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help."


def _key_of_unknown_option(error: Any) -> str | None:
    """The config key that an unknown option means and that --set of the command takes; None for other errors."""
    if not (hasattr(error, "option_name") and hasattr(error, "possibilities")):
        return None
    from textrnn.config.aliases import key_by_alias
    from textrnn.config.load import known_keys

    options = {option for parameter in error.ctx.command.params for option in parameter.opts}
    keys = [key for key in known_keys() if "--config" in options or key.startswith("data.")]
    key = key_by_alias(error.option_name.lstrip("-"), keys)
    return key if "--set" in options and key in keys else None
