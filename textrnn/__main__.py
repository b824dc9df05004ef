"""The program: `textrnn` and `python -m textrnn`."""

from __future__ import annotations

from textrnn.runtime.signals import end_on_signals


def main() -> None:
    end_on_signals()  # before the imports below, which take some time
    from textrnn.cli import main as run

    run()


if __name__ == "__main__":  # tokenizing workers import this module again under another name
    main()
