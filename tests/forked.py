"""The program as a process of its own, forked from this one: what this one has loaded, torch above all, is there."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO, NoReturn

import torch

from textrnn.__main__ import main

SECONDS = 300  # a process that takes longer is ended by SIGALRM, so that no test waits for ever


class Forked:
    """`textrnn` with these arguments; for what only a process has: its own streams, and an end by a signal.

    A stream without a file descriptor is a pipe. `prepare` is called before the program. COMMAND starts an interpreter
    of its own, for what matters before and after the program: the locale, limits, what it imports.
    """

    def __init__(
        self,
        *arguments: object,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        environment: dict[str, str] | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        pipes = [os.pipe() for _ in range(3)]
        theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
        given = [theirs[at] if stream is None else stream for at, stream in enumerate((stdin, stdout, stderr))]
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run([*map(str, arguments)], given, environment or {}, prepare)
        for end in theirs:
            os.close(end)
        self.stdin: BinaryIO = os.fdopen(pipes[0][1], "wb")
        self.stdout: BinaryIO = os.fdopen(pipes[1][0], "rb")
        self.stderr: BinaryIO = os.fdopen(pipes[2][0], "rb")
        self.returncode: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def communicate(self, content: bytes = b"") -> tuple[bytes, bytes]:
        """(stdout, stderr), of what a pipe can hold."""
        with suppress(BrokenPipeError), self.stdin:
            self.stdin.write(content)
        with self.stdout, self.stderr:
            out = self.stdout.read(), self.stderr.read()
        self.wait()
        return out


def _run(
    arguments: list[str], streams: list[int], environment: dict[str, str], prepare: Callable[[], object] | None
) -> NoReturn:
    code = 70
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
        signal.alarm(SECONDS)
        torch.set_num_threads(1)  # the threads of OpenMP that this process may have are not in the fork
        os.environ.update(environment)
        sys.argv = ["textrnn", *arguments]
        if prepare is not None:
            prepare()
        main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)
