"""Files of texts without labels that cannot be used are one error before there is a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.bad_inputs import check_refused
from tests.conftest import Cli

BAD_FILES = {
    "empty.txt": (b"", "contains no texts"),
    "binary.txt": (bytes(range(128, 256)) * 20, "utf-8"),
    "columns.csv": (b"id,body\n1,some words\n", "found the columns 'id', 'body'"),
    "columns.jsonl": (b'{"id": 1, "body": "some words"}\n', "found the columns 'id', 'body'"),
    "missing.txt": (None, "no such file"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_it_is_refused(cli: Cli, train_file: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    files = {} if content is None else {name: content}
    arguments = ["--data", "train.tsv", "--preset", "linear", "--unlabelled", name]
    check_refused(cli, "train", files, arguments, (f"…{name}…{message}",))
