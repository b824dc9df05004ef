"""A command that is attacked, and what must hold however it ends."""

from __future__ import annotations

import faulthandler
import json
import os
import re
import resource
import signal
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any

from hypothesis import note

from tests.conftest import TINY, sets
from tests.forked import Forked

# A training of a third of a second, with n-grams and a linear path.
SMALL = [
    *TINY, *sets(
        "model.ngrams=2", "model.linear=mix", "model.max_ngrams=64", "train.adversarial_norm=1.5",
        "train.patience=null", "train.epochs=1",
    ),
]  # fmt: skip
OPTIONS = ["--data", "train.tsv", "--set", "data.test=test.tsv", *SMALL]

SECONDS = 60  # a command that takes longer has failed
MORE_MEMORY = 4 << 30  # bytes that a command may take beyond what this process has
LONGEST_LINE, MOST_LINES = 2000, 21  # 20 problems, and how many more there are
NEVER = re.compile(
    r"Traceback|Exception ignored|PanicException|panicked|Fatal Python error"
    r"|^\S+:\d+: \w*Warning: |[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",  # a warning of Python, a control character
    re.MULTILINE,
)

Snapshot = dict[str, "bytes | None"]


@dataclass
class Ended:
    """How a command ended, and all it printed."""

    arguments: list[str]
    code: int
    out: bytes
    err: str


def attack(*arguments: str, **options: Any) -> Ended:
    """Run a command and check how it ended. options: of `run`."""
    usual = " ".join(map(repr, SMALL))
    note(f"{options or ''} textrnn {' '.join(map(repr, arguments))}".replace(usual, "SMALL")[:1000])
    before = files()
    ended = run(*arguments, **options)
    check(ended, before)
    return ended


def run(*arguments: str, prepare: Callable[[], object] = lambda: None, **options: Any) -> Ended:
    """Run a command in a fork, in a session of its own, with limited time and memory. options: the descriptor `stdin`,
    else it is empty; `environment`."""

    def begin() -> None:
        os.setsid()
        faulthandler.dump_traceback_later(SECONDS - 1)
        signal.alarm(SECONDS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_MEMORY, resource.RLIM_INFINITY))
        warnings.resetwarnings()  # pytest has changed what Python shows, and how
        warnings.showwarning = warnings._showwarning_orig  # type: ignore[attr-defined]
        for kind in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", kind)
        prepare()

    with open(os.devnull) as nothing, open("../out", "wb") as out, open("../err", "wb") as err:
        streams = {"stdin": nothing.fileno(), "stdout": out.fileno(), "stderr": err.fileno()}
        process = Forked(*arguments, prepare=begin, **streams | options)
    with process.stdin, process.stdout, process.stderr:
        code = process.wait()
    check_no_process(process.pid)
    return Ended([*arguments], code, Path("../out").read_bytes(), Path("../err").read_text("utf-8", "replace"))


def check_no_process(session: int) -> None:
    """Fail if processes of a session are left. Workers notice within a second that their parent has ended."""
    end = time.monotonic() + 4
    while (left := _members(session)) and time.monotonic() < end:
        time.sleep(0.05)
    if left:
        os.killpg(session, signal.SIGKILL)
    assert not left, f"processes left: {left}"


def _members(session: int) -> list[str]:
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if re.search(rf"\) [^Z] \d+ \d+ {session} ", path.read_text()):  # no zombie
                members.append(path.parent.name)
    return members


def files() -> Snapshot:
    """Every file and folder here, with the content of models, to be compared after a command."""
    return {
        str(path): path.read_bytes() if path.name == "model.safetensors" and path.is_file() else None
        for path in Path().rglob("*")
    }


def check(ended: Ended, before: Snapshot, codes: tuple[int, ...] = (0, 1, 2)) -> None:
    """Fail if anything is wrong with how a command ended."""
    problems = [*_exit_problems(ended, codes), *_file_problems(ended, before), *_output_problems(ended)]
    assert not problems, f"{ended.arguments[:1]}: exit {ended.code}: {problems}; stderr ends with {ended.err[-500:]!r}"


def _exit_problems(ended: Ended, codes: tuple[int, ...]) -> list[str]:
    lines = ended.err.split("\n")
    never = NEVER.search(ended.err)
    problems = [f"{never[0]!r} on stderr"] if never else []
    if ended.code not in codes:
        problems.append(f"expected an exit code among {codes}")
    if max(map(len, lines)) > LONGEST_LINE and ended.code != 2:  # typer repeats what was typed
        problems.append("a very long line on stderr")
    if ended.code == 1:
        errors = [*dropwhile(lambda line: not line.startswith("error: "), lines[:-1])]
        if not 1 <= len(errors) <= MOST_LINES or lines[-1] or not all(line.startswith("error: ") for line in errors):
            problems.append("stderr does not end with lines of `error: `")
    if ended.code == 2 and "error: " not in ended.err and "Usage: " not in ended.err:
        problems.append("no error and no usage on stderr")
    return problems


def _file_problems(ended: Ended, before: Snapshot) -> list[str]:
    now, command = files(), ended.arguments[0] if ended.arguments else ""
    new = set(now) - set(before)
    unfinished = re.compile(r"(^|/)(\.[^/]*\.tmp|\.building-[^/]*|etilqs_[^/]*)$")
    problems = [f"left behind: {name}" for name in new if unfinished.search(name)]
    starts_over = "--force" in ended.arguments and ended.code not in (1, 2)  # in place of the model that was there
    for name, content in before.items():
        if content is None or Path(name).parent.is_symlink() or starts_over:
            continue
        if name not in now or (command != "train" and now[name] != content):
            problems.append(f"{name} has gone or changed")
    # training that began and failed later keeps what it has; one that is refused leaves nothing
    began = re.search(r"^(linear path: fitted|epoch \d)|not finite", ended.err, re.MULTILINE)
    if command == "train" and ended.code in (1, 2) and not began:
        for path in filter(Path.is_dir, map(Path, new)):
            if not any((folder / "digests").is_dir() for folder in (path, *path.parents[:-1])):  # the cache
                problems.append(f"a train that failed left {path}")
    return problems


def _output_problems(ended: Ended) -> list[str]:
    """Rows of another form, and what strict JSON does not allow: NaN and infinite numbers, also as 1e999."""
    words = ended.arguments
    if ended.code != 0 or {"--help", "-h", "--version"} & {*words} or not words:
        return []
    problems, texts = [], [ended.out.decode("utf-8")] if "--json" in words else []
    if words[0] == "predict":
        output = Path(_option(words, "--output") or "")
        *rows, rest = (output.read_bytes() if output.is_file() else ended.out).decode("utf-8").split("\n")
        problems += [f"the last row is cut short: {rest[:100]!r}"] * (rest != "")
        if _option(words, "--output-format") == "jsonl":
            texts += rows
        elif not any(word.startswith("--output-format") for word in words):
            others = [row[:100] for row in rows if not re.fullmatch(r"[^\t]*\t[01]\.\d{4}\t[^\t]*", row)]
            problems += [f"rows that are not label, probability, text: {others[:3]}"] * bool(others)
    if words[0] == "eval":
        texts += [path.read_text("utf-8") for path in Path().rglob("metrics.json")]
    if words[0] == "train":
        histories = [path.read_text("utf-8", errors="replace") for path in Path().rglob("history.jsonl")]
        texts += [line for history in histories for line in history.splitlines()[-1:]]
    for text in texts:
        try:
            json.dumps(json.loads(text), allow_nan=False)
        except ValueError as error:
            problems.append(f"not strict JSON: {error}: {text[:100]!r}")
    return problems


def _option(arguments: list[str], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments[:-1] else None
