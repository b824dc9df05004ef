"""How the program starts and ends: streams, signals, exit codes, and at most one error message."""

from __future__ import annotations

import atexit
import contextlib
import errno
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from textrnn.errors import TextRNNError, UsageError
from textrnn.runtime.signals import Interrupted, end_on_signals
from textrnn.runtime.terminal import visible

_MEMORY_REMEDY = (
    "raise the limit (ulimit -v) if there is one, or lower the batch size, data.max_length, model.hidden_size or "
    "model.max_ngrams"
)
_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "Cannot allocate memory")
_WRITE_ERRORS = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # without a file name, they are about stdout


def prepare_process() -> None:
    """Use UTF-8 streams in any locale, let signals end the process, and tune torch.

    A file name on stdout keeps its bytes even if they are not UTF-8.
    """
    end_on_signals()
    tune_torch()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the caller, as in `textrnn ... >&-`
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - open as long as the process lives
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        stream.reconfigure(encoding="utf-8", errors=errors)  # type: ignore[union-attr]
    atexit.register(_ignore_signals)


def tune_torch() -> None:
    """Set the environment variables that OpenMP and torch read when they are loaded, unless the user has
    (docs/explanation/performance.md has the figures)."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # waiting threads must not occupy cores that others need
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # large tensors in huge pages: far fewer page faults


def _ignore_signals() -> None:
    """Keep the exit code: Python restores the default handlers before a process ends, and a second Ctrl-C at that
    moment would replace the exit code with its own."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn every possible end of a command into an exit code and at most one message on stderr."""
    try:
        try:
            yield
        except SystemExit as exiting:
            if not exiting.code:  # --help and --version
                sys.stdout.flush()
            raise
        sys.stdout.flush()
    except UsageError as error:
        _leave(2, f"error: {error}")
    except TextRNNError as error:
        _leave(1, "\n".join(f"error: {line}" for line in str(error).split("\n")))
    except Interrupted as error:
        _leave(error.exit_code)
    except KeyboardInterrupt:
        _leave(130, "interrupted")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that nothing is flushed into it at exit
        _leave(0)
    except OSError as error:
        if error.errno == errno.ENOMEM:
            _leave(1, f"error: out of memory ({error.strerror}); {_MEMORY_REMEDY}")
        place = f"{error.filename}: " if error.filename else "stdout: " if error.errno in _WRITE_ERRORS else ""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(1, f"error: {place}{error.strerror or error}")
    except BaseException as error:
        if not _is_out_of_memory(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        _leave(1, f"error: out of memory ({reason}); {_MEMORY_REMEDY}")


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether the error is one of the many with which libraries report a lack of memory."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ in ("OutOfMemoryError", "PanicException")  # torch's and safetensors', not imported here
        or (isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in _OUT_OF_MEMORY))
        or (isinstance(error, ImportError) and "failed to map segment" in str(error))
    )


def _leave(code: int, message: str = "") -> None:
    if message:
        with contextlib.suppress(OSError):
            print(visible(message), file=sys.stderr)
    raise SystemExit(code)


TORCH_ADDRESS_SPACE = 800 << 20  # bytes that torch, two threads and a tiny model need


def check_memory(size: int) -> None:
    """Raises MemoryError if `size` more bytes of address space are not available, because of a limit (`ulimit -v`) or
    on a machine that does not overcommit memory. Nothing is allocated."""
    if size and os.name == "posix":
        try:
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
        except (OSError, OverflowError):
            raise MemoryError(f"{size:,} bytes") from None
