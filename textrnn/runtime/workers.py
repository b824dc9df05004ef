"""Processes beside this one, each of which calls a function that is sent to it and exchanges messages with this one.

multiprocessing is not used, because its spawned processes import the caller's main module again, which a script
without a main guard, a notebook or a program on stdin does not survive. Each process has its own two pipes, because a
killed one could leave anything shared locked. If this process ends, however it does, they find their pipe closed and
end, too.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

from textrnn.runtime.process import TORCH_ADDRESS_SPACE, check_memory, tune_torch
from textrnn.runtime.signals import StopRequest, clean_up, cleanup, signals_held

_SECONDS_TO_END = 2.0  # a worker that takes longer to end is killed


class _Stop(NamedTuple):
    signal_number: int


class Failed(NamedTuple):
    """The error that ended a worker's function, and its traceback."""

    error: BaseException
    traceback: str

    def reraise(self) -> None:
        raise self.error from _WorkerTraceback(f"in a worker process:\n{self.traceback}")


class Died(NamedTuple):
    """A worker has ended without an error: it was killed."""


class _WorkerTraceback(Exception):
    pass


class Parent:
    """The process that started this worker. stop: has received a signal once the parent calls `Workers.stop`."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self.stop = StopRequest()
        self._incoming, self._outgoing = incoming, outgoing
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: Any) -> None:
        pickle.dump(message, self._outgoing, protocol=pickle.HIGHEST_PROTOCOL)
        self._outgoing.flush()

    def receive(self) -> Any:
        """The next message."""
        return self._inbox.get()

    def _listen(self) -> None:
        try:
            while True:
                message = pickle.load(self._incoming)
                if isinstance(message, _Stop):
                    self.stop.signal_number = message.signal_number
                else:
                    self._inbox.put(message)
        finally:  # the parent has ended, or closed the pipe
            clean_up()
            os._exit(1)


class Workers:
    """Running workers, by number, from 0. Their number is `len(workers)`."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._are_called = False
        self._inbox: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()

    def __len__(self) -> int:
        return len(self._processes)

    def start(self, count: int, module: str) -> None:
        # sys.path as it is here, because Python would put the current folder first
        code = f"import sys; sys.path[:] = {sys.path!a}; from textrnn.runtime.workers import main; main({module!r})"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with signals_held():  # a worker interrupted while it starts would print a traceback
            for number in range(count):
                process = subprocess.Popen(
                    [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
                )
                self._processes.append(process)
                threading.Thread(target=self._listen, args=(number, process), daemon=True).start()

    def call(self, function: Callable[[Parent], None]) -> None:
        """Let each worker call the function, which is pickled, with its parent. It can call one only."""
        self._are_called = True
        content = pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL)
        for number in range(len(self)):
            self._write(number, content)

    def send(self, number: int, message: Any) -> None:
        self._write(number, pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL))

    def stop(self, number: int, signal_number: int) -> None:
        """Let the worker know of a signal."""
        self.send(number, _Stop(signal_number))

    def receive(self, seconds: float) -> tuple[int, Any] | None:
        """The number of a worker and its next message, Failed or Died; None after some seconds without any."""
        with contextlib.suppress(queue.Empty):
            return self._inbox.get(timeout=seconds)
        return None

    def end(self) -> None:
        """End all workers at once."""
        for process in self._processes:
            with contextlib.suppress(OSError, RuntimeError):  # it has ended, or a signal has interrupted a `_write`
                process.stdin.close()  # type: ignore[union-attr]
            if not self._are_called:  # it has nothing to clean up
                process.kill()
        for process in self._processes:
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _write(self, number: int, content: bytes) -> None:
        stream = self._processes[number].stdin
        with contextlib.suppress(OSError):  # if the worker has died, the end of its messages shows it
            stream.write(content)  # type: ignore[union-attr]
            stream.flush()  # type: ignore[union-attr]

    def _listen(self, number: int, process: subprocess.Popen[bytes]) -> None:
        # it ends with the end of the stream, perhaps in the middle of a message
        with process.stdout as stream, contextlib.suppress(EOFError, pickle.UnpicklingError):  # type: ignore[union-attr]
            while True:
                self._inbox.put((number, pickle.load(stream)))
        self._inbox.put((number, Died()))


@contextmanager
def start_workers(count: int, module: str) -> Iterator[Workers]:
    """Inside the block, `count` processes run, in which torch uses one core. While they wait for a function to call,
    they import `module`."""
    workers = Workers()
    with cleanup(workers.end):
        workers.start(count, module)
        yield workers


def main(module: str) -> None:
    """A worker's main function. Signals to the whole process group, such as Ctrl-C, are for the parent to handle."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if os.name == "posix":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what libraries may print
    tune_torch()
    try:
        check_memory(TORCH_ADDRESS_SPACE)
        importlib.import_module(module)
        function = pickle.load(incoming)
    except EOFError:
        return
    except Exception as error:
        _send_failure(outgoing, error)
        return
    parent = Parent(incoming, outgoing)
    try:
        function(parent)
    except BaseException as error:
        _send_failure(outgoing, error)
    parent.receive()  # for ever: the parent ends this process


def _send_failure(outgoing: BinaryIO, error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    try:
        content = pickle.dumps(Failed(error, text))
        pickle.loads(content)
    except Exception:  # an error that cannot be pickled
        content = pickle.dumps(Failed(RuntimeError(f"{type(error).__name__}: {error}"), text))
    with contextlib.suppress(OSError):
        outgoing.write(content)
        outgoing.flush()
