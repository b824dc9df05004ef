"""Shared by the scripts in this folder: options, reading, atomic writing and one-line errors."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import shutil
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"


class PrepareError(Exception):
    """The script cannot use the input. The message is one line, shown to the user."""


def make_parser(description: str, source: str, output: str) -> argparse.ArgumentParser:
    """A parser with INPUT and --output; `source` is the end of --help and says where to download the data."""
    parser = argparse.ArgumentParser(
        description=description, epilog=source, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="the download, see below")
    add_output_option(parser, output)
    return parser


def add_output_option(parser: argparse.ArgumentParser, name: str) -> None:
    """The default is the project's data folder, where the configs look, regardless of the current folder."""
    default = DATA / name
    parser.add_argument("--output", type=Path, default=default, metavar="DIR", help=f"default: {default}")


def run(work: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run `work`. An error that the user can fix prints one line on stderr and returns exit status 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may contain characters the console cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        work(options)
    except (PrepareError, OSError, EOFError, zlib.error, tarfile.TarError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def warn(message: str) -> None:
    print("warning:", message, file=sys.stderr)


def report(path: Path, rows: int, classes: int) -> None:
    print(f"{path}: {rows:,} rows, {classes} classes")


def listing(folder: Path, limit: int = 8) -> str:
    """The contents of a folder, for messages that say what was found instead."""
    if not folder.is_dir():
        return "no such folder" if not folder.exists() else "not a folder"
    names = sorted(entry.name for entry in folder.iterdir())
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(names[:limit]) + more) or "nothing"


def read_rows(folder: Path, name: str) -> list[str]:
    """The rows of a UTF-8 file (or its .gz), split on \\n only, since texts contain U+0085 and U+2028."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise PrepareError(f"expected {name} (or {name}.gz) in {folder}, found: {listing(folder)}")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PrepareError(f"{path}: expected a gzip file, found a damaged one ({error})") from error
    rows = decode(content.removeprefix(b"\xef\xbb\xbf"), path).split("\n")
    if not rows[-1]:
        rows.pop()
    if not rows:
        raise PrepareError(f"{path}: expected rows, found an empty file")
    return rows


def decode(content: bytes, place: Path | str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise PrepareError(f"{place}: expected UTF-8, found byte 0x{byte:02x} in line {line}") from error


def encode_rows(rows: list[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode("utf-8")


def shown(row: str) -> str:
    """A malformed row, truncated and escaped to keep the message on one readable line."""
    return repr(row if len(row) <= 60 else row[:60] + "...")


def tar_files(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the regular files in a .tar.gz.

    Nothing is unpacked to disk under the names in the archive, so a malicious member name
    cannot escape the output folder.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield member.name.removeprefix("./"), content.read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PrepareError(f"{archive}: expected a complete .tar.gz, found a damaged one ({error})") from error


def files_of(source: Path, archive: str, inner: list[str]) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the files in an archive, or in the subfolders `inner` of the unpacked folder."""
    if source.is_file():
        return tar_files(source)
    if not source.is_dir():
        raise PrepareError(f"expected {archive} or its folder at {source}, found: {listing(source)}")
    return _folder_files(source, inner)


def _folder_files(folder: Path, inner: list[str]) -> Iterator[tuple[str, bytes]]:
    for name in inner:
        if not (folder / name).is_dir():
            raise PrepareError(f"expected the folder {name} in {folder}, found: {listing(folder)}")
        for path in (folder / name).rglob("*"):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write all files or none: each is written next to its target and renamed once all are complete."""
    with _renamed_once_complete(contents) as waiting:
        for target, content in contents.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            waiting[target].write_bytes(content)


def write_trees(trees: Mapping[Path, Mapping[str, bytes]]) -> None:
    """Write all folders or none. An existing one is an error, since merging could leave stale files in it."""
    for target in trees:
        if target.exists():
            raise PrepareError(f"{target} already exists; remove it first")
    with _renamed_once_complete(trees) as waiting:
        for target, files in trees.items():
            for name, content in files.items():
                path = waiting[target] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


@contextmanager
def _renamed_once_complete(targets: Iterable[Path]) -> Iterator[dict[Path, Path]]:
    waiting = {target: target.with_name(f".{target.name}.{os.getpid()}.tmp") for target in targets}
    try:
        yield waiting
        for target, temporary in waiting.items():
            os.replace(temporary, target)
    finally:
        for temporary in waiting.values():
            if temporary.is_dir():
                shutil.rmtree(temporary, ignore_errors=True)
            temporary.unlink(missing_ok=True)
