from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from textrnn.errors import CheckpointError
from textrnn.run.environment import (
    compare_environment,
    describe_environment,
    is_environment,
    load_environment,
    save_environment,
)

NOW = describe_environment(torch.device("cpu"))
compare = partial(compare_environment, restart="textrnn train --force")
DIGESTS = {"data.train": "ab", "data.dev": "cd"}


def test_what_was_saved_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    assert not is_environment(path)
    path.write_text('{"torch": "2.1", "data_sha256": {}}')  # of another program
    assert not is_environment(path)
    save_environment(path, NOW | {"threads": 99}, DIGESTS)
    assert is_environment(path)
    before = load_environment(path)
    assert compare(before, NOW, DIGESTS) == [f"threads was 99, is {NOW['threads']}"]
    with pytest.raises(CheckpointError, match=r"^data.dev: the content has changed"):
        compare(before, NOW, DIGESTS | {"data.dev": "ef"})


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\xfe\x00", b"[]", b"3", b"null", b"[" * 100_000, b'{"a":' * 100_000, b"{", b'{"data_sha256": null}',
        b'{"data_sha256": [1]}', b'{"data_sha256": {"data.train": ["ab"], "data.dev": null}}', b'{"textrnn": [1]}',
        b'{"threads": {"x": [null]}, "torch": null, "processes": 1' + b"0" * 9000 + b"}", b'{"threads": NaN}',
    ],
)  # fmt: skip
def test_what_is_damaged_is_not_compared(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "environment.json"
    path.write_bytes(content)
    assert not is_environment(path)
    assert compare(load_environment(path), NOW, DIGESTS) == []
    assert load_environment(path).get("data_sha256", {}).get("data.train") is None
