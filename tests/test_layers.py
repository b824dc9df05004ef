"""Imports go one way: a file imports only from layers above its own in this table, or from its own layer's files that
stand before it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "textrnn"
LAYERS = [
    ["errors"],
    [
        "runtime.signals", "runtime.distributed", "runtime.terminal", "runtime.files", "runtime.alphabets",
        "runtime.encodings", "runtime.decoding", "runtime.live", "runtime.device", "runtime.seeding",
        "runtime.progress", "runtime.process",
    ],
    ["config.aliases", "config.sections", "config.load", "config"],
    [
        "data.records", "data.headers", "data.table", "data.delimiter", "data.jsonl", "data.formats", "data.labels",
        "data.source", "data.reader", "data.folding", "data.tokenizer", "data.vocab", "data.transform", "data.writer",
        "data.rows", "data.corpus", "data.store", "data.checks", "data.findings", "data.misreadings", "data.division",
        "data.splits", "data.raw_texts", "data.repeats", "data.statistics", "data.faults", "data.proportions",
        "data.characters", "data.sampling", "data.near_equal", "data.copies", "data.cleaning", "data.loading",
        "data.vectors",
        "data.build", "data.batching", "data.ngrams",
    ],
    [
        "linear.features", "linear.model", "linear.attribution", "linear.fit", "linear.leaks",
    ],
    [
        "models.dropout", "models.ngrams", "models.embedding", "models.encoder", "models.network",
        "models.thread_pool", "models.threaded", "models.pooling", "models.textrnn", "models.rcnn", "models.tdnn",
        "models.decision", "models.build",
    ],
    ["inference"],
    [
        "evaluation.intervals", "evaluation.comparison", "evaluation.label_errors", "evaluation.metrics",
        "evaluation.report", "evaluation.check_report", "evaluation.gradients", "evaluation.plots", "evaluation.html",
        "evaluation.predictions",
        "evaluation.slices", "evaluation.examples", "evaluation.charts", "evaluation.page_charts",
        "evaluation.page_tables", "evaluation.page", "evaluation.results",
        "evaluation.comparison_report", "evaluation.gradient_report", "evaluation.integrated_gradients",
        "evaluation.explanations", "evaluation.explanation_report",
        "evaluation.intervals", "evaluation.verdict", "evaluation.label_errors", "evaluation.metrics",
        "evaluation.report", "evaluation.check_report", "evaluation.gradients", "evaluation.html",
        "evaluation.predictions", "evaluation.slices", "evaluation.plots", "evaluation.examples", "evaluation.page",
        "evaluation.results",
        "evaluation.differences", "evaluation.comparison", "evaluation.comparison_text", "evaluation.comparison_page",
        "evaluation.comparison_files", "evaluation.gradient_text", "evaluation.gradient_files",
        "evaluation.integrated_gradients", "evaluation.explanations",
        "evaluation.explained_text", "evaluation.explanations_page",
    ],
    [
        "run.tensors", "run.model_config", "run.environment", "run.linear_files", "run.history", "run.folder",
        "run.model", "run.checkpoint", "run.held_out", "run.config_differences",
    ],
    [
        "training.decision", "training.objectives", "training.optim", "training.state", "training.fit",
        "training.plan", "training.linear", "training.networks", "training.recorder", "training.brief",
    ],
    ["classifier", "estimator"],
    [
        "commands.output", "commands.data", "commands.vocab", "commands.suspects", "commands.check", "commands.start",
        "commands.describe", "commands.train", "commands.precision", "commands.eval_data", "commands.eval",
        "commands.compare_data", "commands.compare", "commands.prediction_input", "commands.prediction_output",
        "commands.window", "commands.predict", "commands.explain", "commands.gradients",
    ],
    [
        "cli.options", "cli.vocab", "cli.check", "cli.train", "cli.eval", "cli.compare", "cli.predict",
        "cli.explain", "cli.gradients", "cli.app",
        "cli", "__main__",
    ],
]  # fmt: skip
ORDER = [name for layer in LAYERS for name in layer]
WITHOUT_TORCH = [name for name in ORDER if name.startswith("data.") and name != "data.batching"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# the root's __init__.py imports lazily, from everywhere; empty ones are no modules
FILES = {module_name(path): path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem != "__init__"}
FILES = {name: path for name, path in FILES.items() if path.read_text()}


def imports_of(path: Path) -> set[str]:
    """The modules of textrnn that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.ImportFrom) or node.level == 0, f"{path}: a relative import"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("textrnn"):
            base = node.module.removeprefix("textrnn").removeprefix(".")
            whole = [".".join(filter(None, [base, alias.name])) for alias in node.names]
            found |= {name if name in FILES else base for name in whole}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("textrnn.") for alias in node.names if alias.name.startswith("textrnn.")}
    return found - {""}


def test_every_file_has_its_place() -> None:
    assert sorted(FILES) == sorted(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_a_file_imports_only_what_stands_before_it(name: str) -> None:
    before = set(ORDER[: ORDER.index(name)])
    assert imports_of(FILES[name]) <= before


def test_init_files_only_re_export() -> None:
    inits = [path for path in ROOT.rglob("__init__.py") if path.parent != ROOT]
    assert len(inits) == 10
    for path in inits:
        statements = ast.parse(path.read_text()).body
        kinds = [type(each) for each in statements]
        assert kinds in ([], [ast.Expr, *[ast.ImportFrom] * (len(kinds) - 2), ast.Assign]), path


def test_the_root_holds_the_subject_alone() -> None:
    files = sorted(path.stem for path in ROOT.glob("*.py"))
    assert files == ["__init__", "__main__", "classifier", "errors", "estimator", "inference"]
    rooms = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__")
    assert rooms == [
        "cli",
        "commands",
        "config",
        "data",
        "evaluation",
        "linear",
        "models",
        "run",
        "runtime",
        "training",
    ]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_what_reads_and_tokenizes_does_not_import_torch() -> None:
    loaded = loaded_by("; ".join(f"import textrnn.{name}" for name in WITHOUT_TORCH))
    assert "textrnn.corpus.splits" in loaded
    assert "torch" not in loaded


def test_prediction_and_the_start_of_training_do_without_scikit_learn() -> None:
    loaded = loaded_by("import textrnn.commands.predict, textrnn.commands.train, textrnn.commands.eval")
    assert "torch" in loaded
    assert not loaded & {"sklearn", "matplotlib", "jieba"}


@pytest.mark.parametrize(
    "statement",
    [
        "import textrnn",
        "import textrnn.cli",
        "import contextlib; sys.argv = ['textrnn', '--help']; from textrnn.cli import main\n"
        "with contextlib.suppress(SystemExit): main()\nimport sys",
    ],
)
def test_help_and_import_stay_light(statement: str) -> None:
    loaded = loaded_by(f"exec({statement!r})")
    assert not loaded & {"torch", "sklearn", "pydantic", "matplotlib", "jieba", "numpy"}


def test_files_are_short() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in FILES.items()}
    assert {name: length for name, length in lengths.items() if length > 300} == {}
