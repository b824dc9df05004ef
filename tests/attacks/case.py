"""One case: its random numbers, its folder, and the commands it runs."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import COMMAND

SECONDS = 20.0  # a command that takes longer has failed
ROOT = Path(__file__).parents[2]


@dataclass
class Ended:
    """How a command ended, and all it printed."""

    arguments: list[str]
    code: int
    out: bytes
    err: str


class Server:
    """Runs commands in forks of one process (server.py)."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.attacks.server"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
        )
        self._answer()

    def run(
        self, arguments: Sequence[str], environment: dict[str, str], *, stdin: str = os.devnull, stop_at_step: int = 0
    ) -> tuple[int | None, bytes, bytes]:
        """(exit code, stdout, stderr) of a command in the current folder; the code is None for one that hung.

        stop_at_step: `train` gets SIGTERM after this step.
        """
        paths = {"stdout": str(Path("../out").absolute()), "stderr": str(Path("../err").absolute())}
        request = {
            "arguments": [os.fsencode(word).hex() for word in arguments], "folder": os.getcwd(), "stdin": stdin,
            "environment": environment, "seconds": SECONDS, "stop_at_step": stop_at_step, **paths,
        }  # fmt: skip
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        code = self._answer()["code"]
        return code, Path(paths["stdout"]).read_bytes(), Path(paths["stderr"]).read_bytes()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclass
class Case:
    """number: of the case in its family. templates: trained runs to copy. folder: the current one, empty at first."""

    family: str
    number: int
    folder: Path
    templates: Path
    server: Server
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

    def run(
        self, *arguments: str, stdin: Callable[[int], None] | None = None, environment: dict[str, str] | None = None
    ) -> Ended:
        """Run a command in a fork. stdin: writes to a descriptor, in a thread; None: stdin is empty."""
        self.note(" ".join([*map("=".join, (environment or {}).items()), "textrnn", *map(repr, arguments)]))
        if stdin is None:
            code, out, err = self.server.run(arguments, environment or {})
        else:
            fifo = Path("../stdin").absolute()
            fifo.unlink(missing_ok=True)
            os.mkfifo(fifo)
            writer = threading.Thread(target=_write, args=(stdin, fifo), daemon=True)
            writer.start()
            code, out, err = self.server.run(arguments, environment or {}, stdin=str(fifo))
            writer.join()
        said = err.decode("utf-8", "replace")
        if code is None:
            place = [line.strip() for line in said.splitlines() if line.startswith("  File ")][:3]
            self.problems.append(f"did not end within {SECONDS:.0f} s: {'; '.join(place)}")
        elif code < 0:
            self.problems.append(f"killed by signal {-code}: {said[-200:]!r}")
        return Ended(list(arguments), -1 if code is None else code, out, said)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command in a process and session of its own."""
        self.note("process: textrnn " + " ".join(map(repr, arguments)))
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"} | options.pop("env", {})
        return subprocess.Popen([*COMMAND, *arguments], start_new_session=True, env=environment, **options)

    def ended(self, process: subprocess.Popen[bytes], arguments: Sequence[str], seconds: float = 60.0) -> Ended:
        """Wait for a process. One that does not end is killed, and that is a problem of the case."""
        try:
            out, err = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # Python's faulthandler says where it hangs
            time.sleep(1.0)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            place = [line.strip() for line in err.decode("utf-8", "replace").splitlines() if line.startswith("  File ")]
            self.problems.append(f"did not end within {seconds:.0f} s: {'; '.join(place)[:1200]}")
        return Ended(list(arguments), process.returncode, out or b"", (err or b"").decode("utf-8", "replace"))


def _write(stdin: Callable[[int], None], fifo: Path) -> None:
    sink = os.open(fifo, os.O_WRONLY)
    try:
        stdin(sink)
    except BrokenPipeError:
        pass
    finally:
        os.close(sink)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return met
