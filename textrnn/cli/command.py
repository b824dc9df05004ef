"""A command whose help shows the descriptions of config keys, and which answers an extra argument with a suggestion."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

from typer.core import TyperCommand

from textrnn.cli.completion import first_sentence, short_description
from textrnn.errors import UsageError, command, short

_KEY = re.compile(r"\{([a-z_.]+)\}")


class Command(TyperCommand):
    """In the help of an option, `{section.key}` or `{preset}` stands for the first sentence of the key's description.
    It is filled in when the help is shown: a command that runs need not wait for the import of the config."""

    allow_extra_args = True  # parse_args refuses them

    def format_help(self, *arguments: Any) -> None:
        self.fill_in_descriptions()
        super().format_help(*arguments)

    def shell_complete(self, *arguments: Any) -> Any:
        """Completions with short descriptions: typer breaks longer ones into lines, which confuses fish."""
        self.fill_in_descriptions()
        items = super().shell_complete(*arguments)
        for item in items:
            item.help = short_description(item.help or "")
        return items

    def fill_in_descriptions(self) -> None:
        """Replace the placeholders in the `help` of all parameters. Call this before you read them."""
        for parameter in self.params:
            if text := getattr(parameter, "help", None):
                parameter.help = _KEY.sub(lambda key: _description(key[1]), text)  # type: ignore[attr-defined]

    def parse_args(self, context: Any, arguments: list[str]) -> list[str]:
        """Raises UsageError for more arguments than the command takes."""
        rest = super().parse_args(context, arguments)
        if rest and not context.resilient_parsing:
            raise UsageError(f"unexpected argument {short(rest[0])}; {self._hint(rest[0])}")
        return rest

    def _hint(self, argument: str) -> str:
        """A suggestion for an extra argument."""
        option = "--config" if argument.lower().endswith((".yaml", ".yml")) else "--data"
        looks_like_a_path = os.path.lexists(argument) or "." in argument or "/" in argument
        if looks_like_a_path and any(option in parameter.opts for parameter in self.params):
            return f"did you mean {option} {shlex.quote(argument)}?"
        return f"all options: {command(self.name, '--help')}"


def _description(key: str) -> str:
    from textrnn.config import description

    return first_sentence(description(key)).replace("`", "")
