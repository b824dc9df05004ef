from __future__ import annotations

import importlib

import pytest

from scripts.theory import __main__ as theory


@pytest.mark.parametrize("topic", theory.TOPICS)
def test_every_topic_is_a_file_with_a_report(topic: str) -> None:
    assert callable(importlib.import_module(f"scripts.theory.{topic.replace('-', '_')}").report)


@pytest.mark.parametrize("topic, expected", [("bptt", "|dL/dW| 0.4"), ("rcnn", "with two layers: the same")])
def test_a_topic_prints_its_report_and_on_stderr_its_time(
    topic: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["theory", topic])
    theory.main()
    printed = capsys.readouterr()
    assert expected in printed.out
    assert max(map(len, printed.out.splitlines())) <= 80
    assert printed.err.endswith(" s\n")


def test_an_unknown_topic_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["theory", "gate"])
    with pytest.raises(SystemExit, match="2"):
        theory.main()
    assert "reading-order" in capsys.readouterr().err
