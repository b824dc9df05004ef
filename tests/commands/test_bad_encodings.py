"""Data in another encoding is refused with the place and the encodings that it may have, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.bad_inputs import GOOD, case, check_refused, option
from tests.conftest import TINY, Cli

CHINESE = "体育\t球队在比赛中获得胜利\n财经\t股票市场今天大幅上涨\n" * 4

ENCODING_CASES = [
    case(
        "gb18030-read-as-utf-8", {"t.tsv": ("sport\ta goal\n" + CHINESE).encode("gb18030")}, "--data t.tsv",
        "t.tsv:2: column 1: byte 0xcc is not valid utf-8; it may be gb18030 (it reads '体育\\t球队在比赛中获得胜利'): "
        "try --set data.encoding=gb18030",
    ),
    case(
        "utf-16-read-as-utf-8", {"t.tsv": GOOD.encode("utf-16")}, "--data t.tsv",
        "t.tsv:1: expected utf-8, found the byte order mark of utf-16: try --set data.encoding=utf-16",
    ),
    option(
        "utf-8-read-as-utf-16", "data.encoding=utf-16",
        "t.tsv:1: column 1: not valid utf-16: …; it may be utf-8: try --set data.encoding=utf-8",
    ),
    case(
        "utf-16-cut-inside-a-character", {"t.tsv": GOOD.encode("utf-16")[:-1]},
        "--data t.tsv --set data.encoding=utf-16",
        "t.tsv:8: column 18: byte 0x0a is not valid utf-16: try --set data.encoding=NAME",
    ),
    case(
        "latin-1-read-as-utf-8", {"t.tsv": "food\tsoup\nfood\tun café à la crème\n".encode("latin-1")},
        "--data t.tsv", "t.tsv:2: column 12: byte 0xe9 is not valid utf-8…--set data.encoding=",
    ),
    case(
        "one-damaged-byte", {"t.tsv": GOOD.encode() + b"food\tso\x80p"}, "--data t.tsv",
        "t.tsv:9: column 8: byte 0x80 is not valid utf-8: try --set data.encoding=NAME",
    ),
    option(
        "unknown-encoding", "data.encoding=utf-9",
        "--set data.encoding: unknown encoding 'utf-9'; for example: utf-8, gb18030",
    ),
    *[
        option(
            f"encoding-{name}", f"data.encoding={name}",
            f"--set data.encoding: '{name}' is not a text encoding; for example: utf-8, gb18030",
        )
        for name in ("utf-7", "unicode_escape", "idna", "base64")
    ],
    case(
        "label-names-in-another-encoding", {"t.tsv": "x\t0\n", "names.txt": ("股票市场\n" * 9).encode("gb18030")},
        "--data t.tsv --set data.label_names=names.txt --text-column 0 --label-column 1",
        "names.txt:1: column 1: byte 0xb9 is not valid utf-8; …gb18030 (it reads '股票市场'): convert the "
        "file to utf-8",
    ),
]  # fmt: skip


@pytest.mark.parametrize("command", ["vocab", "train"])
@pytest.mark.parametrize(("files", "arguments", "messages"), ENCODING_CASES)
def test_another_encoding_is_refused_with_its_place_and_the_remedy(
    command: str, files: dict, arguments: list[str], messages: tuple[str, ...], cli: Cli
) -> None:
    check_refused(cli, command, files, arguments, messages)


REVIEWS = "评论内容,类别\n" + "发货太慢了，等了三个星期,投诉\n客服很好，下次再来,表扬\n" * 30
GERMAN = "Größe,Straße\n" + "schön groß,gut\nzu klein für mich,schlecht\n" * 30


@pytest.mark.parametrize(
    ("content", "encoding", "other"),
    [(REVIEWS, "utf-8", "gb18030"), (REVIEWS, "gb18030", "utf-8"), (GERMAN, "cp1252", "gb18030")],
)
def test_a_header_in_another_encoding_is_an_error_that_names_the_encoding(
    cli: Cli, workplace: Path, content: str, encoding: str, other: str
) -> None:
    Path("t.csv").write_bytes(content.encode(encoding))
    text, label = content.partition("\n")[0].split(",")
    options = ["--text-column", text, "--label-column", label, "--run-dir", "run"]
    options += ["--set", f"data.encoding={encoding}", "--set", "data.bad_rows=skip"]
    assert cli("train", "--data", "t.csv", *TINY, *options).code == 0
    Path("new.csv").write_bytes(REVIEWS.encode(other))
    for command, setting in (("predict", "--encoding "), ("eval", "--set data.encoding=")):
        result = cli(command, "run", "new.csv")
        error = result.err.splitlines()[-1]
        assert (result.code, "-column" in error) == (1, False)
        assert error.startswith("error: new.csv:1: ") and "it reads '评论内容" in error
        assert f"it may be {other} " in error and error.endswith(f": try {setting}{other}")


def test_a_missing_column_is_no_sign_of_another_encoding(cli: Cli, workplace: Path) -> None:
    Path("t.csv").write_bytes(GERMAN.encode("cp1252"))
    options = ["--text-column", "Größe", "--label-column", "Straße", "--set", "data.encoding=cp1252"]
    assert cli("train", "--data", "t.csv", *TINY, *options, "--run-dir", "run").code == 0
    Path("new.csv").write_bytes(GERMAN.replace("Größe", "Höhe").encode("cp1252"))
    assert "Perhaps --text-column Höhe" in cli("predict", "run", "new.csv").err
