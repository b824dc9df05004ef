"""One case: its random numbers, its folder, and commands run in this process or in one of their own."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import COMMAND
from textrnn.cli import main

SECONDS = 20.0  # a command in this process that takes longer has failed
MORE_MEMORY = 4 << 30  # bytes that such a command may take beyond what this process has
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOWN_WARNINGS = (UserWarning, RuntimeWarning, SyntaxWarning, FutureWarning)  # those that Python shows users


class TooSlow(BaseException):
    """A command did not end in time."""


@dataclass
class Ended:
    """How a command ended, and all it printed."""

    arguments: list[str]
    code: int
    out: bytes
    err: str


@dataclass
class Case:
    """number: of the case in its family. templates: trained runs to copy. folder: the current one, empty at first."""

    family: str
    number: int
    folder: Path
    templates: Path
    rng: random.Random = field(init=False)
    notes: list[str] = field(default_factory=list)  # what was done, to be printed when the case fails
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.family} {self.number}")

    def note(self, text: str) -> None:
        self.notes.append(text)

    def copy(self, *names: str) -> None:
        """Bring files and runs of the templates here."""
        for name in names:
            source = self.templates / name
            if source.is_dir():
                shutil.copytree(source, name)
                config = Path(name, "config.yaml")
                config.write_text(config.read_text().replace(str(self.templates), str(self.folder)))
            else:
                shutil.copy2(source, name)

    def run(self, *arguments: str, stdin: Callable[[int], None] | None = None) -> Ended:
        """Run a command in this process. stdin: writes to a descriptor, in a thread; None: stdin is empty."""
        self.note("textrnn " + " ".join(map(repr, arguments)))
        with _own_streams(stdin) as (out, err), _everything_restored():
            code = _call_main(list(arguments))
        return Ended(list(arguments), code, out.read_bytes(), err.read_bytes().decode("utf-8", "replace"))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command in a process and session of its own."""
        self.note("process: textrnn " + " ".join(map(repr, arguments)))
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])} | options.pop("env", {})
        return subprocess.Popen([*COMMAND, *arguments], start_new_session=True, env=environment, **options)

    def ended(self, process: subprocess.Popen[bytes], arguments: Sequence[str], seconds: float = 60.0) -> Ended:
        """Wait for a process. One that does not end is killed, and that is a problem of the case."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.problems.append(f"did not end within {seconds:.0f} s")
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        return Ended(list(arguments), process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))


def _call_main(arguments: list[str]) -> int:
    """The exit code, with a traceback on stderr where one would be printed."""
    sys.argv = ["textrnn", *arguments]
    signal.signal(signal.SIGALRM, _too_slow)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        main()
        code: object = 0
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        raise
    except BaseException:  # PanicException of a Rust library is no Exception
        print(traceback.format_exc(), file=sys.stderr)
        code = 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
    return code if isinstance(code, int) else 0 if code is None else 1


def _too_slow(number: int, frame: object) -> None:
    raise TooSlow(f"the command took more than {SECONDS:.0f} s")


@contextmanager
def _own_streams(stdin: Callable[[int], None] | None) -> Iterator[tuple[Path, Path]]:
    """Inside the block stdout and stderr, as descriptors too, are files beside the case's folder."""
    saved_streams, saved_descriptors = (sys.stdin, sys.stdout, sys.stderr), [os.dup(number) for number in range(3)]
    paths = Path("../out"), Path("../err")
    writer: threading.Thread | None = None
    if stdin is None:
        source = os.open(os.devnull, os.O_RDONLY)
    else:
        source, sink = os.pipe()
        writer = threading.Thread(target=_write, args=(stdin, sink), daemon=True)
    targets = [source, *(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for path in paths)]
    for number, target in enumerate(targets):
        os.dup2(target, number)
        os.close(target)
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, encoding="utf-8", closefd=False) for number, mode in enumerate("rww")  # noqa: SIM115
    )
    if writer is not None:
        writer.start()
    try:
        yield paths[0].absolute(), paths[1].absolute()
    finally:
        sys.stdin, sys.stdout, sys.stderr = saved_streams
        for number, descriptor in enumerate(saved_descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        if writer is not None:
            writer.join()  # the last reader is closed, so that it cannot wait any longer


def _write(stdin: Callable[[int], None], sink: int) -> None:
    try:
        stdin(sink)
    except BrokenPipeError:
        pass
    finally:
        os.close(sink)


@contextmanager
def _everything_restored() -> Iterator[None]:
    """Put back what a command changes in its process, and limit its memory. Warnings go to stderr as in a process."""
    handlers, arguments, environment = {number: signal.getsignal(number) for number in SIGNALS}, sys.argv, dict(os.environ)
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _IS_LINUX else 0
    if size:
        resource.setrlimit(resource.RLIMIT_AS, (size + MORE_MEMORY, before[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for kind in _SHOWN_WARNINGS:
                warnings.simplefilter("default", kind)
            warnings.showwarning = _show_warning
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.argv = arguments
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)


_IS_LINUX = sys.platform.startswith("linux")


def _show_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
    sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return met
