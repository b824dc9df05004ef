"""What must hold however a command ends."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from tests.attacks.case import Case, Ended

NEVER = ("Traceback", "Exception ignored", "PanicException", "panicked", "Fatal Python error")
_WARNING_OF_PYTHON = re.compile(r"^\S+:\d+: \w*Warning: ", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LONGEST_LINE, MOST_LINES = 2000, 21  # 20 problems, and how many more there are


def check(case: Case, ended: Ended, before: dict[str, bytes | None], *, codes: tuple[int, ...] = (0, 1, 2)) -> None:
    """Add to the case's problems whatever is wrong with how a command ended. before: what `files` said before it."""
    if ended.code < 0 and codes == (0, 1, 2):
        return  # a command that hung or was killed; the case knows already
    found = [*_exit_problems(ended, codes), *_file_problems(ended, before)]
    if ended.code == 0:
        found += _output_problems(ended)
    case.problems += [f"{ended.arguments[0] if ended.arguments else ''}: exit {ended.code}: {each}" for each in found]


def files() -> dict[str, bytes | None]:
    """Every file and folder here, with the content of models, to be compared after a command."""
    return {str(path): path.read_bytes() if is_model(path) else None for path in Path().rglob("*")}


def is_model(path: Path) -> bool:
    return path.name == "model.safetensors" and path.is_file()


def temporary_files(names: Any) -> list[str]:
    return [name for name in names if re.search(r"(^|/)(\.[^/]*\.tmp|\.building-[^/]*|etilqs_[^/]*)$", name)]


def said(err: str) -> str:
    """The beginning of what a command said last, for a list of failures."""
    lines = [line for line in err.splitlines() if line.strip()]
    return f"{lines[-1][:300]!r}" if lines else "nothing on stderr"


def _exit_problems(ended: Ended, codes: tuple[int, ...]) -> list[str]:
    err = ended.err
    found = [f"{word!r} on stderr, {said(err)}" for word in NEVER if word in err][:1]
    if found:
        return found
    if ended.code not in codes:
        found.append(f"expected an exit code among {codes}; {said(err)}")
    if warning := _WARNING_OF_PYTHON.search(err):
        found.append(f"a warning of Python: {err[warning.start() :][:300]!r}")
    if _CONTROL.search(err):
        found.append(f"control characters on stderr: {_CONTROL.findall(err)[:5]} in {said(err)}")
    long = [line for line in err.splitlines() if len(line) > LONGEST_LINE]
    if long and ended.code != 2:  # typer repeats what was typed
        found.append(f"a line of {len(long[0])} characters on stderr: {long[0][:100]!r}")
    if ended.code == 1:
        found += _error_problems(err)
    if ended.code == 2 and "Error" not in err and "Usage" not in err:
        found.append(f"neither Error nor Usage on stderr: {said(err)}")
    return found


def _error_problems(err: str) -> list[str]:
    lines = err.split("\n")[:-1]
    first = next((at for at, line in enumerate(lines) if line.startswith("error: ")), len(lines))
    if first == len(lines):
        return [f"no line begins with 'error: ': {said(err)}"]
    others = [line for line in lines[first:] if not line.startswith("error: ")]
    found = [f"a line after the error that is none: {others[0][:200]!r}"] if others else []
    if len(lines) - first > MOST_LINES:
        found.append(f"{len(lines) - first} lines of errors")
    return found


def _file_problems(ended: Ended, before: dict[str, bytes | None]) -> list[str]:
    now = files()
    left = sorted(set(temporary_files(now)) - set(before))
    found = [f"left behind: {', '.join(left[:5])}"] if left else []
    starts_over = "--force" in ended.arguments and ended.code not in (1, 2)  # in place of the model that was there
    for name, content in before.items():
        if content is None or Path(name).parent.is_symlink() or starts_over:
            continue
        if name not in now:
            found.append(f"{name} has gone")
        elif ended.arguments[0] != "train" and now[name] != content:
            found.append(f"{name} has changed")
    # training that began and failed later keeps what it has; one that is refused leaves nothing
    began = re.search(r"^(linear path: fitted|epoch \d)", ended.err, re.MULTILINE) or "not finite" in ended.err
    if ended.arguments and ended.arguments[0] == "train" and ended.code in (1, 2) and not began:
        new = sorted(name for name in set(now) - set(before) if Path(name).is_dir() and not _is_in_cache(Path(name)))
        if new:
            found.append(f"a train that failed left the folder {new[0]!r}")
    return found


def _is_in_cache(folder: Path) -> bool:
    return any((each / "digests").is_dir() for each in (folder, *folder.parents) if each != Path())


def _output_problems(ended: Ended) -> list[str]:
    try:
        out = ended.out.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f"stdout is not UTF-8: {error}"]
    command = ended.arguments[0] if ended.arguments else ""
    if "--help" in ended.arguments or "-h" in ended.arguments or "--version" in ended.arguments:
        return []
    if command == "predict":
        output = option(ended.arguments, "--output")
        text = out if output is None or not Path(output).is_file() else Path(output).read_bytes().decode("utf-8")
        return row_problems(text, option(ended.arguments, "--output-format") or "tsv")
    if command == "eval":
        found = [problem for path in Path().rglob("metrics.json") for problem in json_problems(path.read_text("utf-8"))]
        return found + (json_problems(out) if "--json" in ended.arguments else [])
    if command == "train":
        return [
            problem
            for path in Path().rglob("history.jsonl")
            for line in path.read_text("utf-8", errors="replace").splitlines()[-1:]
            for problem in json_problems(line)
        ]
    return []


def option(arguments: list[str], name: str) -> str | None:
    """The value that follows an option."""
    return arguments[arguments.index(name) + 1] if name in arguments[:-1] else None


def row_problems(text: str, format: str) -> list[str]:
    """What is wrong with the rows of `predict`."""
    if text and not text.endswith("\n"):
        return ["the last row is cut short"]
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        if format == "jsonl":
            if problems := json_problems(line):
                return [f"row {number}: {problems[0]}"]
            continue
        columns = line.split("\t")
        if len(columns) != 3 or not re.fullmatch(r"[01]\.\d{4}", columns[1]):
            return [f"row {number} is not label, probability, text: {line[:100]!r}"]
    return []


def json_problems(text: str) -> list[str]:
    """What strict JSON does not allow."""

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not JSON")

    try:
        content = json.loads(text, parse_constant=refuse)
    except ValueError as error:
        return [f"not strict JSON: {error}: {text[:100]!r}"]
    numbers = [value for value in content.values() if isinstance(value, float)] if isinstance(content, dict) else []
    return [] if all(map(math.isfinite, numbers)) else ["a number that is not finite"]
