"""Real corpora, read and trained on as a user would; small parts of them, so that it takes seconds."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import DATASETS, TINY, Cli, needs_datasets, sets

pytestmark = needs_datasets
FOLDER = Path(DATASETS or "")


def part(name: str, lines: int) -> None:
    """The first lines of a file, in the current folder, under its own name and packed as it is."""
    kind: Any = gzip if name.endswith(".gz") else io
    with kind.open(FOLDER / name, "rb") as stream, kind.open(Path(name).name, "wb") as copy:
        copy.writelines(islice(stream, lines))


def judged(cli: Cli, *options: object) -> dict:
    trained = cli("train", "--run-dir", "run", *TINY, *options)
    assert trained.code == 0, trained.err
    result = cli("eval", "run", "--json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_titles_with_ids(cli: Cli) -> None:
    part("thucnews_titles/train.dedup.txt", 600)
    part("thucnews_titles/test.txt", 100)
    names = FOLDER / "thucnews_titles/class.txt"
    options = ["data.test=test.txt", "data.text_column=0", "data.label_column=1", f"data.label_names={names}"]
    metrics = judged(cli, "--data", "train.dedup.txt", *sets(*options))
    assert metrics["labels"][0] == "finance"
    assert metrics["n"] == 100
    result = cli("predict", "run", "test.txt", "--format", "tsv")
    assert result.code == 0, result.err
    assert result.out.count("\n") == 100


def test_quoted_csv_packed(cli: Cli) -> None:
    options = ["data.text_column=review", "data.label_column=cat"]
    part("online_shopping/train.csv.gz", 6000)
    part("online_shopping/test.csv", 600)
    result = cli("vocab", "--data", "train.csv.gz", *sets(*options), "--set", "data.dev_fraction=0")
    assert result.code == 0, result.err
    assert "label 热水器: 56 training texts" in result.out
    metrics = judged(cli, "--data", "test.csv", *sets(*options))
    assert len(metrics["labels"]) == 10


def test_a_folder_per_class_in_latin_1(cli: Cli) -> None:
    with tarfile.open(FOLDER / "20ng/20news-bydate.tar.gz") as archive:
        archive.extractall(".", members=list(islice(archive, 420)), filter="data")  # one class, part of another
    options = ["--set", "data.encoding=latin-1", "--set", "tokenizer.kind=word", "--set", "data.max_length=50"]
    metrics = judged(cli, "--data", "20news-bydate-test", *options)
    assert metrics["labels"] == ["alt.atheism", "comp.graphics"]


def test_long_chinese_documents_packed(cli: Cli) -> None:
    part("cnews_sample/cnews.test.txt.gz", 200)
    options = ["--set", "data.max_length=60", "--set", "tokenizer.kind=jieba"]
    metrics = judged(cli, "--data", "cnews.test.txt.gz", *options)
    assert 18 <= metrics["n"] <= 22
    assert "体育" in metrics["labels"]


def test_windows_text_is_refused_with_its_encoding(cli: Cli) -> None:
    labels = (FOLDER / "mr/raw/label_train.txt").read_bytes().split(b"\n")
    texts = (FOLDER / "mr/raw/text_train.txt").read_bytes().split(b"\n")
    rows = [b"%d\t%s" % (number % 2, text) for number, (_, text) in enumerate(zip(labels, texts, strict=False)) if text]
    Path("mr.tsv").write_bytes(b"\n".join(rows))
    refused = cli("train", "--data", "mr.tsv")
    assert refused.code == 1
    assert "mr.tsv:" in refused.err
    assert "is not valid utf-8" in refused.err
    accepted = cli("vocab", "--data", "mr.tsv", "--set", "data.encoding=cp1252")
    assert accepted.code == 0, accepted.err


@pytest.mark.parametrize("freeze", [True, False])
def test_pretrained_characters(cli: Cli, freeze: bool) -> None:
    part("thucnews_titles/train.dedup.txt", 600)
    vectors = FOLDER / "vectors/tencent_char_200d.vec.gz"
    options = ["data.text_column=0", "data.label_column=1", f"model.pretrained={vectors}", "model.embedding_dim=null"]
    options += [f"model.freeze_embedding={str(freeze).lower()}"]
    result = cli("train", "--data", "train.dedup.txt", *TINY, *sets(*options))
    assert result.code == 0, result.err
    assert "pretrained vectors: " in result.err
