"""The command line: options in, a function of `commands/` called, errors out."""

from textrnn.cli.app import app, main

__all__ = ["app", "main"]
