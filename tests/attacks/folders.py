"""A folder of classes with things in it that are no documents."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.attacks.case import Case
from tests.attacks.hostile import mutate
from tests.conftest import make_rows


def make_folder(case: Case) -> str:
    root = Path("classes")
    for number, (label, text) in enumerate(make_rows(24, seed=case.number)):
        (root / label).mkdir(parents=True, exist_ok=True)
        (root / label / f"{number}.txt").write_text(text)
    for _ in range(case.rng.choice([0, 1, 1, 2, 3])):
        odd = case.rng.choice(_ODDITIES)
        place = root if case.rng.random() < 0.3 else root / case.rng.choice(["food", "sport", "travel"])
        case.note(f"{odd.__name__.strip('_')} in {place}")
        with contextlib.suppress(FileExistsError):
            odd(case, place)
    return str(root)


def _broken_link(case: Case, place: Path) -> None:
    (place / "broken").symlink_to("nowhere")


def _link_to_itself(case: Case, place: Path) -> None:
    (place / "loop").symlink_to("loop")


def _link_to_a_folder(case: Case, place: Path) -> None:
    (place / "up").symlink_to(case.rng.choice(["..", ".", "/", "../food"]))


def _link_to_a_file(case: Case, place: Path) -> None:
    (place / "again").symlink_to("/etc/hostname")


def _fifo(case: Case, place: Path) -> None:
    os.mkfifo(place / case.rng.choice(["fifo", "fifo.txt", ".fifo"]))


def _socket(case: Case, place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        before = os.getcwd()
        os.chdir(place)  # the name of a socket may not be long
        try:
            one.bind("socket")
        finally:
            os.chdir(before)


def _unreadable_file(case: Case, place: Path) -> None:
    (place / "secret").write_text("x")
    (place / "secret").chmod(0)


def _unreadable_folder(case: Case, place: Path) -> None:
    (place / "closed").mkdir()
    (place / "closed").chmod(0)


def _long_name(case: Case, place: Path) -> None:
    (place / ("n" * 255)).write_text("a long name")


def _name_of_other_bytes(case: Case, place: Path) -> None:
    Path(os.fsdecode(os.fsencode(place) + b"/\xff\xfe" + case.rng.choice([b"", b"\n", b"\x1b[31m"]))).write_text(
        "bytes"
    )


def _name_with_a_line_end(case: Case, place: Path) -> None:
    (place / "two\nlines\r\t.txt").write_text("a name")


def _class_of_other_bytes(case: Case, place: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(place) + b"/\xffclass"))
    folder.mkdir()
    (folder / "a").write_text("a text")


def _class_with_a_line_end(case: Case, place: Path) -> None:
    (place / "two\nlines").mkdir()
    (place / "two\nlines" / "a").write_text("a text")


def _empty_class(case: Case, place: Path) -> None:
    (place / "empty").mkdir()


def _hidden_file(case: Case, place: Path) -> None:
    (place / ".DS_Store").write_bytes(b"\xff\0")


def _empty_file(case: Case, place: Path) -> None:
    (place / "0").write_bytes(b"")


def _damaged_file(case: Case, place: Path) -> None:
    content, what = mutate(case.rng, b"some text of a document\nand more\n")
    case.note(what)
    (place / "damaged").write_bytes(content)


def _damaged_gzip(case: Case, place: Path) -> None:
    (place / "damaged.gz").write_bytes(b"\x1f\x8b\x08" + case.rng.randbytes(20))


def _huge_file(case: Case, place: Path) -> None:
    (place / "huge").write_text("word " * 200_000)


def _deep_folder(case: Case, place: Path) -> None:
    deep = place / "/".join(["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "a").write_text("a deep text")


def _no_class_at_all(case: Case, place: Path) -> None:
    for file in sorted(place.rglob("*")):
        if file.is_file() and not file.is_symlink():
            file.unlink()


_ODDITIES: list[Callable[[Case, Path], None]] = [
    _broken_link, _link_to_itself, _link_to_a_folder, _link_to_a_file, _fifo, _socket, _unreadable_file,
    _unreadable_folder, _long_name, _name_of_other_bytes, _name_with_a_line_end, _class_of_other_bytes,
    _class_with_a_line_end, _empty_class, _hidden_file, _empty_file, _damaged_file, _damaged_gzip, _huge_file,
    _deep_folder, _no_class_at_all,
]  # fmt: skip
