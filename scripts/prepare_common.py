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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"


class PrepareError(Exception):
    """The script cannot use the input. The message is one line, shown to the user."""


def main(work: Callable[[argparse.Namespace], None], description: str, output: str, source: str | None = None) -> int:
    """Run `work` with the options of the command line. Returns the exit status: 1 after an error that the user can fix,
    which prints one line on stderr.

    output: the folder in the project's data folder that is the default of --output; the configs look there. source: the
    end of --help, on the file or folder INPUT; a script without it has no INPUT.
    """
    parser = argparse.ArgumentParser(
        description=description, epilog=source, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if source:
        parser.add_argument("input", type=Path, metavar="INPUT", help="the download, see below")
    default = DATA / output
    parser.add_argument("--output", type=Path, default=default, metavar="DIR", help=f"default: {default}")
    options = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):  # a path may contain characters the console cannot show
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        work(options)
    except (PrepareError, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


def warn(message: str) -> None:
    print("warning:", message, file=sys.stderr)


def report(path: Path, rows: int, classes: int) -> None:
    print(f"{path}: {rows:,} rows, {classes} classes")


def listing(folder: Path) -> str:
    """The contents of a folder, for error messages."""
    if not folder.is_dir():
        return "no such folder" if not folder.exists() else "not a folder"
    names = sorted(entry.name for entry in folder.iterdir())
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(names[:8]) + more) or "nothing"


def read_rows(folder: Path, name: str) -> list[str]:
    """The rows of a UTF-8 file (or its .gz), split on \\n only, since texts contain U+0085 and U+2028."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise PrepareError(f"expected {name} (or {name}.gz) in {folder}, found: {listing(folder)}")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PrepareError(f"{path}: expected a gzip file, found a damaged one ({error})") from error
    text = decode(content.removeprefix(b"\xef\xbb\xbf"), path)
    if not text:
        raise PrepareError(f"{path}: expected rows, found an empty file")
    return text.removesuffix("\n").split("\n")


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


def files_of(source: Path, archive: str, inner: list[str]) -> Iterator[tuple[str, bytes]]:
    """The names and contents of the files in a .tar.gz, or in the subfolders `inner` of the folder it was unpacked to.

    The archive is not unpacked to disk, so a malicious member name cannot escape the output folder.
    """
    if source.is_dir():
        for name in inner:
            if not (source / name).is_dir():
                raise PrepareError(f"expected the folder {name} in {source}, found: {listing(source)}")
            for path in (source / name).rglob("*"):
                if path.is_file():
                    yield path.relative_to(source).as_posix(), path.read_bytes()
        return
    if not source.is_file():
        raise PrepareError(f"expected {archive} or its folder at {source}, found: {listing(source)}")
    try:
        with tarfile.open(source, "r:gz") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is not None:
                    yield member.name.removeprefix("./"), content.read()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise PrepareError(f"{source}: expected a complete .tar.gz, found a damaged one ({error})") from error


def write_all(contents: Mapping[Path, bytes | Mapping[str, bytes]]) -> None:
    """Write all files, and folders of files by their names, or none: each is written next to its target and renamed
    once all are complete. A folder that exists is an error, since it could keep stale files."""
    for target, content in contents.items():
        if isinstance(content, Mapping) and target.exists():
            raise PrepareError(f"{target} already exists; remove it first")
    temporary = {target: target.with_name(f".{target.name}.{os.getpid()}.tmp") for target in contents}
    try:
        for target, content in contents.items():
            files = content if isinstance(content, Mapping) else {"": content}
            for name, file_content in files.items():
                path = temporary[target] / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file_content)
        for target, path in temporary.items():
            os.replace(path, target)
    finally:
        for path in temporary.values():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            path.unlink(missing_ok=True)
