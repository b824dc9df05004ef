"""The command line: parses options, calls functions of `commands/`, and reports errors."""

from textrnn.cli.app import app, main

__all__ = ["app", "main"]
