"""The package that others install, and the files around it that no program reads until it is too late."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
import yaml

from textrnn import __version__

ROOT = Path(__file__).parents[1]
NAME = f"textrnn-{__version__}"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(distributions: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(distributions / f"{NAME}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"{NAME}.dist-info/METADATA"))


def test_the_wheel_has_the_package_and_its_sample(wheel: zipfile.ZipFile) -> None:
    for name in ("data/sample/train.tsv", "data/sample/test.tsv", "configs/sample.yaml"):
        assert wheel.read(f"textrnn/{name}") == (ROOT / name).read_bytes()
    own = {path.relative_to(ROOT).as_posix() for path in (ROOT / "textrnn").rglob("*") if path.is_file()}
    expected = {path for path in own if "__pycache__" not in path}
    assert {"textrnn/py.typed", "textrnn/reports/templates/page.css"} < expected <= set(wheel.namelist())
    assert {name.split("/")[0] for name in wheel.namelist()} == {"textrnn", f"{NAME}.dist-info"}


def test_the_source_distribution_has_what_tests_and_pages_need(distributions: Path) -> None:
    with tarfile.open(distributions / f"{NAME}.tar.gz") as archive:
        names = {name.removeprefix(f"{NAME}/") for name in archive.getnames()}
    folders = {name.split("/")[0] for name in names}
    assert {"textrnn", "tests", "docs", "configs", "data", "scripts", "Makefile", "constraints.txt"} <= folders
    assert (ROOT / "schema").is_dir() == ("schema" in folders)
    assert {name for name in names if name.startswith("data/")} == {
        "data/README.md", "data/sample/test.tsv", "data/sample/train.tsv"
    }  # fmt: skip


def test_the_metadata_name_authors_licence_and_versions_and_no_address(metadata: Message) -> None:
    assert metadata["Author"] == "The textrnn authors"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("Project-URL") is None and metadata["Home-page"] is None
    classifiers = metadata.get_all("Classifier") or []
    assert not any(classifier.startswith("License") for classifier in classifiers)  # beside an expression: an error
    minors = [int(found[1]) for line in classifiers if (found := re.search(r"Python :: 3\.(\d+)$", line))]
    assert metadata["Requires-Python"] == f">=3.{min(minors)}"


LINKS = """# Title

[![picture](docs/light.png)](docs/how-to/report.md) ![another](docs/x.png) <img src="docs/y.png" alt="y">
<picture>
  <source media="(prefers-color-scheme: dark)" srcset="docs/dark.png"><img src="docs/light.png">
</picture>

| [the seed](docs/how-to/seed.md#fixed) | [below](#title) | [index](https://example.org/) |
"""
RELATIVE = r"\]\((?!https?:)|(?:src|srcset|href)=.(?!https?:)|^\[[^\]]+\]: (?!https?:)"


def test_a_description_has_no_link_that_leads_nowhere(metadata: Message, tmp_path: Path) -> None:
    description = str(metadata.get_payload())
    assert "pip install" in description
    assert re.findall(RELATIVE, description, re.MULTILINE) == []
    for name in ("pyproject.toml", "LICENSE", "textrnn/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").write_text(LINKS)
    command = [sys.executable, "-m", "hatchling", "metadata", "readme"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.findall(RELATIVE, LINKS, re.MULTILINE) != []
    assert re.findall(RELATIVE, result.stdout, re.MULTILINE) == []
    assert "the seed (docs/how-to/seed.md#fixed) | below | [index](https://example.org/)" in result.stdout


def test_the_oldest_constraints_are_the_lower_bounds(metadata: Message) -> None:
    def bounds(lines: list[str], sign: str) -> set[tuple[str, str]]:
        found = [line.lower().split(sign) for line in lines]
        return {(name, re.sub(r"(\.0)+$", "", version)) for name, version in found}

    required = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    pins = [line for line in (ROOT / "constraints-oldest.txt").read_text().splitlines() if not line.startswith("#")]
    assert bounds(pins, "==") == bounds(required, ">=")


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["authors"] == [{"name": "The textrnn authors"}]
    assert citation["version"] == __version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.search(rf"^## {re.escape(__version__)} \((.+)\)$", changelog, re.MULTILINE)
    assert released is not None
    date = citation.get("date-released")
    assert released[1] == ("unreleased" if date is None else str(date))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.findall(r"^([a-z]+):.*## \S", text, re.MULTILINE)
    phony = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split()
    assert make_targets() == set(listed) == set(phony)


def test_the_workflow_runs_commands_that_exist() -> None:
    text = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {word for command in commands if (words := command.split())[0] == "make" for word in words[1:]}
    assert len(called) > 2
    assert {word for word in called if "=" not in word} <= make_targets()
    for file in re.findall(r"[\w-]+\.txt", text):
        assert (ROOT / file).is_file()
    pythons = {*jobs["linux"]["strategy"]["matrix"]["python"], "3.10"}
    assert pythons == {"3.10", "3.11", "3.14"}
    assert jobs["other-systems"]["continue-on-error"] is True
