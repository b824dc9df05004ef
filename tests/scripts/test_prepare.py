"""The scripts that make the sample and prepare public corpora, run as a user runs them."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.conftest import DATASETS, needs_datasets

ROOT = Path(__file__).resolve().parents[2]
CNEWS = "".join(f"{label}\t第{label}条\x85新\u2028闻 \n" for label in "体娱家房教时政游科财")
NEWS = {
    "20news-bydate-train/alt.atheism/49960": b"From: a\r\n\n\xe9t\xe9",
    "20news-bydate-train/sci.space/1": b"From: b",
    "20news-bydate-test/rec.autos/49960": b"From: c",
}
IMDB = {
    "aclImdb/train/pos/0_9.txt": b'Fine, "really" fine.<br />Yes', "aclImdb/train/neg/1_2.txt": "  bad\x85 ".encode(),
    "aclImdb/train/unsup/0_0.txt": b"unused", "aclImdb/test/pos/0_10.txt": b"good", "aclImdb/test/neg/0_3.txt": b"poor",
}  # fmt: skip
TITLES = {
    "train.txt": "甲\t0\n乙\t1\n丙\t2\n".encode(), "dev.txt": "乙\t1\n".encode(), "test.txt": "丁\t9\n".encode(),
    "class.txt": "".join(f"name{number}\n" for number in range(10)).encode(),
}  # fmt: skip


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", str(ROOT / "scripts" / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def pack(archive: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


def prepared(name: str, source: Path) -> dict[str, bytes]:
    """The files that the script writes."""
    output = source.parent / "out"
    done = run_script(f"prepare_{name}", source, "--output", output)
    assert done.returncode == 0, done.stderr
    return {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*") if path.is_file()}


def test_sample_is_reproduced_byte_for_byte(tmp_path: Path) -> None:
    assert run_script("make_sample", "--output", tmp_path).returncode == 0
    for name in ("train.tsv", "test.tsv"):
        assert (tmp_path / name).read_bytes() == (ROOT / "data" / "sample" / name).read_bytes()


def test_cnews(tmp_path: Path) -> None:
    rows = CNEWS.encode()
    files = {"cnews.train.txt.gz": gzip.compress(rows), "cnews.val.txt": rows, "cnews.test.txt": rows.rstrip(b"\n")}
    assert prepared("cnews", write(tmp_path / "in", files)) == dict.fromkeys(("train.tsv", "dev.tsv", "test.tsv"), rows)


def test_thucnews_removes_dev_and_test_titles_from_train(tmp_path: Path) -> None:
    expected = {**TITLES, "train.txt": "甲\t0\n丙\t2\n".encode()}
    assert prepared("thucnews", write(tmp_path / "in", TITLES)) == expected


@pytest.mark.parametrize("packed", [False, True])
def test_imdb(tmp_path: Path, packed: bool) -> None:
    source = pack(tmp_path / "a.tar.gz", IMDB) if packed else write(tmp_path, IMDB) / "aclImdb"
    assert prepared("imdb", source) == {
        "test.csv": b"label,text\nneg,poor\npos,good\n",
        "train.csv": 'label,text\nneg,  bad\x85 \npos,"Fine, ""really"" fine.<br />Yes"\n'.encode(),
    }


@pytest.mark.parametrize("packed", [False, True])
def test_20newsgroups(tmp_path: Path, packed: bool) -> None:
    source = pack(tmp_path / "n.tar.gz", NEWS) if packed else write(tmp_path / "in", NEWS)
    first = NEWS["20news-bydate-train/alt.atheism/49960"]
    assert prepared("20newsgroups", source) == {
        "all/train/alt.atheism/49960": first, "all/train/sci.space/1": b"From: b",
        "all/test/rec.autos/49960": b"From: c", "four/train/religion/alt.atheism.49960": first,
        "four/test/rec/rec.autos.49960": b"From: c",
    }  # fmt: skip
    assert "already exists" in run_script("prepare_20newsgroups", source, "--output", tmp_path / "out").stderr


@pytest.mark.parametrize(
    ("name", "files", "parts"),
    [
        ("cnews", {"cnews.train.txt": b"x"}, ["cnews.train.txt, line 1", "label<TAB>text"]),
        ("cnews", {"cnews.train.txt": CNEWS.encode("utf-16")}, ["cnews.train.txt", "expected UTF-8"]),
        ("cnews", {"cnews.val.txt": b""}, ["expected cnews.train.txt", "found: cnews.val.txt"]),
        ("thucnews", {**TITLES, "test.txt": b"a\t10\n"}, ["test.txt, line 1", "title<TAB>id"]),
        ("thucnews", {**TITLES, "class.txt": b"only\ntwo\n"}, ["class.txt", "10 different names"]),
        ("imdb", {"x": b""}, ["expected the folder train/neg", "found: x"]),
        ("20newsgroups", {"x": b""}, ["20news-bydate-train", "found: x"]),
    ],
)
def test_bad_input_is_one_message_and_no_output(
    name: str, files: Mapping[str, bytes], parts: list[str], tmp_path: Path
) -> None:
    done = run_script(f"prepare_{name}", write(tmp_path / "in", files), "--output", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: ") and all(part in done.stderr for part in parts), done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../escaped", "20news-bydate-train/../../1", None])
def test_a_hostile_or_damaged_archive_is_refused(name: str | None, tmp_path: Path) -> None:
    archive = pack(tmp_path / "n.tar.gz", {**NEWS, name or "x": b"From: d"})
    if name is None:
        archive.write_bytes(archive.read_bytes()[:60])
    done = run_script("prepare_20newsgroups", archive, "--output", tmp_path / "out")
    assert done.returncode == 1 and (name or "damaged") in done.stderr
    assert {path.name for path in tmp_path.rglob("*")} == {"n.tar.gz"}


@needs_datasets
def test_real_corpora(tmp_path: Path) -> None:
    titles, news = Path(DATASETS or "", "thucnews_titles"), Path(DATASETS or "", "20ng", "20news-bydate.tar.gz")
    assert run_script("prepare_thucnews", titles, "--output", tmp_path).returncode == 0
    assert (tmp_path / "train.txt").read_bytes() == (titles / "train.dedup.txt").read_bytes()
    done = run_script("prepare_20newsgroups", news, "--output", tmp_path)
    assert done.stderr == "" and "four/test: 5,563 rows" in done.stdout
