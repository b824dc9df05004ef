"""A process that has imported the program once, and forks for each command: a command then takes milliseconds to
start, can hang or crash in C code without ending the tests, and leaves nothing behind in memory.

Run as a program by `case.Server`: one request as JSON on a line of stdin, one answer on a line of stdout.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

MORE_MEMORY = 4 << 30  # bytes that a command may take beyond what this process has
_SHOWN_WARNINGS = (UserWarning, RuntimeWarning, SyntaxWarning, FutureWarning)  # those that Python shows users


def serve() -> None:
    from textrnn.runtime.process import tune_torch

    tune_torch()
    import_all()
    answers = os.fdopen(os.dup(1), "w")
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request)
        print(json.dumps({"code": _wait(child, request["seconds"])}), file=answers, flush=True)


def import_all() -> None:
    """What commands import and look up when they need it."""
    import jieba  # noqa: F401
    import sklearn.metrics  # noqa: F401
    import torch._dynamo  # noqa: F401 - an optimizer imports it

    import textrnn.commands.eval
    import textrnn.commands.predict
    import textrnn.commands.train
    import textrnn.commands.vocab  # noqa: F401
    from textrnn.evaluation.metrics import weighted_cells
    from textrnn.evaluation.plots import plot_confusion_matrix, plot_curves

    plot_confusion_matrix(Path(os.devnull), weighted_cells([[1, 0], [0, 1]]), ["a", "b"])
    record = {"epoch": 1, "train_loss": 1.0, "dev_loss": 1.0, "dev_accuracy": 0.5, "dev_macro_f1": 0.5}
    plot_curves(Path(os.devnull), [record])
    gc.collect()
    gc.freeze()  # so that forks share these objects


def _wait(child: int, seconds: float) -> int | None:
    """The exit code, negative for a signal; None where the child had to be killed."""
    end = time.monotonic() + seconds
    pause = 0.001
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def _become(request: dict[str, Any]) -> None:
    """Turn this process into the command, and end with it."""
    code: object = 1
    try:
        os.setsid()
        os.chdir(request["folder"])
        os.environ.update(request["environment"])
        targets = [
            os.open(request["stdin"], os.O_RDONLY),
            *(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for name in ("stdout", "stderr")),
        ]
        for number, target in enumerate(targets):
            os.dup2(target, number)
            os.close(target)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate("rww")
        )
        sys.argv = ["textrnn", *(os.fsdecode(bytes.fromhex(word)) for word in request["arguments"])]
        faulthandler.dump_traceback_later(request["seconds"] - 1, file=os.dup(2))
        _limit_memory()
        _show_warnings()
        if request["stop_at_step"]:
            from tests.stops import send, stop_at_step

            stop_at_step(request["stop_at_step"], send(signal.SIGTERM))
        code = _call_main()
    except BaseException:  # PanicException of a Rust library is no Exception
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError) as error:
                code = 120 if isinstance(error, OSError) else code  # what Python does
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _call_main() -> object:
    from textrnn.cli import main

    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    return 0


def _limit_memory() -> None:
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        size = int(statistics.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MORE_MEMORY, resource.RLIM_INFINITY))


def _show_warnings() -> None:
    """As Python does where nobody has changed its filters."""
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    for kind in _SHOWN_WARNINGS:
        warnings.simplefilter("default", kind)


if __name__ == "__main__":
    serve()
