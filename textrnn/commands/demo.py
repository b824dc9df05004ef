"""`textrnn demo`: train on the sample that the package brings, evaluate the model, and predict a few texts."""

from __future__ import annotations

import time
from pathlib import Path

import textrnn
from textrnn.classifier import TextClassifier
from textrnn.commands.eval import evaluate
from textrnn.commands.train import train
from textrnn.config import load_config
from textrnn.corpus.build import with_absolute_paths
from textrnn.errors import CheckpointError
from textrnn.reports.text import report_text
from textrnn.run.folder import RunFolder
from textrnn.run.records import load_environment
from textrnn.runtime.progress import log
from textrnn.runtime.terminal import aligned, stdout_columns

RUN = Path("runs", "demo")
TEXTS = [
    "where is my parcel?",
    "I do not want to complain, just send a new charger.",
    "the soup was cold and nobody apologized.",
    "说实话，房间又小又暗，早餐也凉透了。",
    "到地铁站要走多久？",
    "店员很热情，下次还来！",
]


def sample_root() -> Path:
    """The folder with configs/sample.yaml and data/sample/: the installed package or, in a checkout, the repository."""
    package = Path(textrnn.__file__).parent
    return package if (package / "data").is_dir() else package.parent


def demo() -> str:
    """Train, evaluate and predict in runs/demo; returns the report and the predictions. Raises CheckpointError if
    runs/demo holds anything but an earlier demo."""
    root, run = sample_root(), RunFolder(RUN)
    files = [(f"data.{part}", str(root / "data" / "sample" / f"{part}.tsv")) for part in ("train", "test")]
    config = with_absolute_paths(load_config(root / "configs" / "sample.yaml", files))
    earlier = load_environment(run.environment).get("config", {}).get("data")
    is_demo = isinstance(earlier, dict) and earlier.get("train") == config.data.train
    if run.path.exists() and not run.is_empty() and not is_demo:
        raise CheckpointError(
            f"{RUN}: exists, and is not an earlier demo of this installation; rename or remove it, or start the demo "
            f"in another folder"
        )
    log.info("training on the sample: short messages in English and Chinese, four classes")
    train(config, run, resume=False, force=is_demo, device_name="auto", begin=time.monotonic())
    folder, metrics = evaluate(
        RUN, None, split=None, overrides=[], output=None, device="auto", precision="float32", begin=time.perf_counter()
    )
    classifier = TextClassifier.load(RUN)
    answers = zip(classifier.predict(TEXTS), classifier.predict_proba(TEXTS).max(axis=1), TEXTS, strict=True)
    rows = [[label, f"{probability:.4f}", text] for label, probability, text in answers]
    report = report_text(metrics, stdout_columns(), file=folder / "report.txt")
    return "\n".join([report, "Predictions", *aligned(rows, left=3), ""])
