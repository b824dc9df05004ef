"""Commands run as on a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios

import pytest

from tests.forked import Forked


def in_terminal(*arguments: object, columns: int, **environment: str) -> tuple[int, str]:
    """(exit code, all that reached the terminal) of a process with its streams on a terminal."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nothing:
        for name in ("COLUMNS", "LINES"):
            patch.delenv(name, raising=False)
        process = Forked(*arguments, stdin=nothing.fileno(), stdout=theirs, stderr=theirs, environment=environment)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
    except OSError:  # of Linux, once the last process has closed its end
        pass
    finally:
        os.close(ours)
    process.communicate()
    return process.wait(), shown.decode()


def lines_of(shown: str) -> list[str]:
    """Each state of each line; what a bar wrote over is among them."""
    return re.split(r"[\r\n]+", shown.replace("\x1b[A", ""))
