"""The scripts that generate the sample and prepare public data sets, run as a user runs them."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
CNEWS_LABELS = ["体育", "娱乐", "家居", "房产", "教育", "时尚", "时政", "游戏", "科技", "财经"]


def run_script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "utf8", str(ROOT / "scripts" / f"{name}.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)


def succeed(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    done = run_script(name, *arguments)
    assert done.returncode == 0, done.stderr
    return done


def fail(name: str, source: Path, *expected: str) -> None:
    """The script prints one line containing all of `expected`, exits with status 1 and leaves no output behind."""
    output = source.parent / "out"
    done = run_script(name, source, "--output", output)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert all(part in lines[0] for part in expected), lines[0]
    assert not output.exists() or not list(output.iterdir())


def write(folder: Path, files: Mapping[str, str | bytes | None]) -> Path:
    """Write the files into the folder; content None means that the file is missing."""
    for name, content in files.items():
        if content is not None:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def pack(archive: Path, files: Mapping[str, str | bytes]) -> Path:
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def dataset(name: str) -> Path:
    folder = os.environ.get("TEXTRNN_DATASETS")
    if not folder:
        pytest.skip("TEXTRNN_DATASETS is not set to a folder with the real data sets")
    return Path(folder) / name


def sample_rows(split: str) -> list[list[str]]:
    content = (SAMPLE / f"{split}.tsv").read_bytes().decode("utf-8")
    assert content.endswith("\n") and "\r" not in content
    return [row.split("\t") for row in content[:-1].split("\n")]


def test_sample_is_reproduced_byte_for_byte(tmp_path: Path) -> None:
    succeed("make_sample", "--output", tmp_path / "again")
    assert tree(tmp_path / "again") == tree(SAMPLE)


def test_sample_has_no_duplicates_and_is_balanced() -> None:
    rows = {split: sample_rows(split) for split in ("train", "test")}
    texts = [text for split in rows.values() for _, text in split]
    assert len(texts) == len(set(texts)) == 2000
    assert not [text for text in texts if re.search(r"[{}~|#/]", text)], "grammar notation left in a text"
    for split, each in (("train", 200), ("test", 50)):
        counts = Counter((label, bool(re.search("[一-鿿]", text))) for label, text in rows[split])
        labels = ("praise", "complaint", "question", "request")
        assert counts == {(label, chinese): each for label in labels for chinese in (True, False)}


def cnews_rows(count: int = 10) -> str:
    return "".join(f"{label}\t第{n}条\x85新\u2028闻 \n" for n, label in enumerate(CNEWS_LABELS[:count]))


def test_cnews(tmp_path: Path) -> None:
    rows = cnews_rows()
    files: dict[str, str | bytes] = {"cnews.train.txt.gz": gzip.compress(rows.encode())}
    files |= {"cnews.val.txt": rows, "cnews.test.txt": rows + rows.rstrip("\n")}
    done = succeed("prepare_cnews", write(tmp_path / "in", files), "--output", tmp_path / "out")
    expected = {"train.tsv": rows.encode(), "dev.tsv": rows.encode(), "test.tsv": (rows + rows).encode()}
    assert tree(tmp_path / "out") == expected
    assert "train.tsv: 10 rows, 10 classes" in done.stdout and "test.tsv: 20 rows" in done.stdout


@pytest.mark.parametrize(
    ("test_file", "expected"),
    [
        (None, ["cnews.test.txt", "found: cnews.train.txt, cnews.val.txt"]),
        (cnews_rows() + "体育 没有制表符\n", ["cnews.test.txt, line 11", "label<TAB>text"]),
        (cnews_rows(9), ["cnews.test.txt", "expected 10 classes, found 9"]),
        (cnews_rows().replace("财经", "股票"), ["cnews.test.txt", "股票"]),
        (cnews_rows() + "体育\t \n", ["cnews.test.txt, line 11"]),
        (cnews_rows().encode("gb18030"), ["cnews.test.txt", "expected UTF-8", "line 1"]),
        (b"", ["cnews.test.txt", "empty"]),
    ],
)
def test_cnews_rejects_bad_input(tmp_path: Path, test_file: str | bytes | None, expected: list[str]) -> None:
    files = {"cnews.train.txt": cnews_rows(), "cnews.val.txt": cnews_rows(), "cnews.test.txt": test_file}
    fail("prepare_cnews", write(tmp_path / "in", files), *expected)


THUCNEWS = {
    "train.txt": "甲\t0\n乙\t1\n丙\t2\n戊\t3\n",
    "dev.txt": "乙\t1\n",
    "test.txt": "丁\t9\n",
    "class.txt": "\n".join(f"name{number}" for number in range(10)),
}


def test_thucnews_removes_dev_and_test_titles_from_train(tmp_path: Path) -> None:
    done = succeed("prepare_thucnews", write(tmp_path / "in", THUCNEWS), "--output", tmp_path / "out")
    made = tree(tmp_path / "out")
    assert made.pop("class.txt").decode().split() == THUCNEWS["class.txt"].split()
    assert made.pop("train.txt").decode() == "甲\t0\n丙\t2\n戊\t3\n"
    assert made == {name: THUCNEWS[name].encode() for name in ("dev.txt", "test.txt")}
    assert "train.txt: 3 rows, 3 classes" in done.stdout and done.stdout.endswith("test.txt: 1\n")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("dev.txt", None, ["expected dev.txt"]),
        ("train.txt", "甲\t0\n乙 1\n", ["train.txt, line 2", "title<TAB>id"]),
        ("test.txt", "甲\t10\n", ["test.txt, line 1"]),
        ("test.txt", "甲\t3\r\n", ["test.txt, line 1"]),
        ("class.txt", "only\ntwo\n", ["class.txt", "10 different names"]),
    ],
)
def test_thucnews_rejects_bad_input(tmp_path: Path, name: str, content: str | None, expected: list[str]) -> None:
    fail("prepare_thucnews", write(tmp_path / "in", {**THUCNEWS, name: content}), *expected)


def test_thucnews_on_the_real_corpus(tmp_path: Path) -> None:
    source = dataset("thucnews_titles")
    succeed("prepare_thucnews", source, "--output", tmp_path)
    assert (tmp_path / "train.txt").read_bytes() == (source / "train.dedup.txt").read_bytes()


IMDB: dict[str, str | bytes] = {
    "train/pos/0_9.txt": 'Fine, "really" fine.<br />Yes',
    "train/neg/10_1.txt": "no",
    "train/neg/1_2.txt": "  bad\x85 ",
    "train/unsup/0_0.txt": "unused",
    "test/pos/0_10.txt": "good",
    "test/neg/0_3.txt": "poor",
    "imdb.vocab": "the\n",
}


@pytest.mark.parametrize("packed", [False, True])
def test_imdb(tmp_path: Path, packed: bool) -> None:
    files = {f"aclImdb/{name}": text for name, text in IMDB.items()}
    source = pack(tmp_path / "a.tar.gz", files) if packed else write(tmp_path, files) / "aclImdb"
    done = succeed("prepare_imdb", source, "--output", tmp_path / "out")
    made = tree(tmp_path / "out")
    assert made.keys() == {"train.csv", "test.csv"}
    assert made["test.csv"] == b"label,text\nneg,poor\npos,good\n"
    quoted = '"Fine, ""really"" fine.<br />Yes"'
    assert made["train.csv"].decode() == f"label,text\nneg,no\nneg,  bad\x85 \npos,{quoted}\n"
    assert "train.csv: 3 rows, 2 classes" in done.stdout and "expected 12,500" in done.stderr


def test_imdb_rejects_bad_input(tmp_path: Path) -> None:
    fail("prepare_imdb", tmp_path / "nowhere", "nowhere", "no such folder")
    without_test = {name: text for name, text in IMDB.items() if not name.startswith("test")}
    fail("prepare_imdb", write(tmp_path / "half", without_test), "test/neg", "imdb.vocab, train")
    fail("prepare_imdb", pack(tmp_path / "half.tar.gz", without_test), "expected reviews", "found none")
    fail("prepare_imdb", write(tmp_path / "odd", {**IMDB, "test/pos/1_8.txt": b"\xff"}), "UTF-8", "1_8")
    cut = write(tmp_path, {"cut.tar.gz": pack(tmp_path / "b.tar.gz", IMDB).read_bytes()[:60]}) / "cut.tar.gz"
    fail("prepare_imdb", cut, "damaged")


NEWS: dict[str, str | bytes] = {
    "20news-bydate-train/alt.atheism/49960": b"From: a\r\n\n\xe9t\xe9",
    "20news-bydate-train/sci.space/1": "From: b",
    "20news-bydate-test/rec.autos/49960": "From: c",
}


@pytest.mark.parametrize("packed", [False, True])
def test_20newsgroups(tmp_path: Path, packed: bool) -> None:
    source = pack(tmp_path / "n.tar.gz", NEWS) if packed else write(tmp_path / "in", NEWS)
    done = succeed("prepare_20newsgroups", source, "--output", tmp_path / "out")
    assert tree(tmp_path / "out") == {
        "all/train/alt.atheism/49960": b"From: a\r\n\n\xe9t\xe9",
        "all/train/sci.space/1": b"From: b",
        "all/test/rec.autos/49960": b"From: c",
        "four/train/religion/alt.atheism.49960": b"From: a\r\n\n\xe9t\xe9",
        "four/test/rec/rec.autos.49960": b"From: c",
    }
    assert "expected 11,314 posts, found 2" in done.stderr
    again = run_script("prepare_20newsgroups", source, "--output", tmp_path / "out")
    assert again.returncode == 1 and "already exists" in again.stderr


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "20news-bydate-train/../../1", "a/b/1"])
def test_20newsgroups_rejects_unexpected_names_in_the_archive(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "n.tar.gz", {**NEWS, name: "From: d"})
    fail("prepare_20newsgroups", archive, "<class>/<number>", name)
    assert not list(tmp_path.rglob("escaped"))


def test_20newsgroups_rejects_bad_input(tmp_path: Path) -> None:
    fail("prepare_20newsgroups", write(tmp_path / "in", {"x": "y"}), "bydate-train", "found: x")
    train = {name: post for name, post in NEWS.items() if "train" in name}
    fail("prepare_20newsgroups", pack(tmp_path / "n.tar.gz", train), "20news-bydate-test")
    plain = write(tmp_path, {"plain.tar.gz": "not an archive"}) / "plain.tar.gz"
    fail("prepare_20newsgroups", plain, "damaged")


def test_20newsgroups_on_the_real_corpus(tmp_path: Path) -> None:
    done = succeed("prepare_20newsgroups", dataset("20ng") / "20news-bydate.tar.gz", "--output", tmp_path)
    counts = ["all/train: 11,314", "all/test: 7,532", "four/train: 8,356", "four/test: 5,563"]
    assert done.stderr == "" and all(f"{count} rows" in done.stdout for count in counts)


@pytest.mark.parametrize("name", ["cnews", "thucnews", "imdb", "20newsgroups"])
def test_help_links_to_the_download(name: str) -> None:
    text = succeed(f"prepare_{name}", "--help").stdout
    assert "http" in text and f"python scripts/prepare_{name}.py" in text
