"""TextClassifier as a library: in forked processes, among threads, and without changing settings of the process."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import TINY, make_rows, sets, train_in, write_tsv
from textrnn import TextClassifier
from textrnn.models import threaded

TEXTS = [text for _, text in make_rows(1500, seed=2)]  # several batches


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a network large enough for OpenMP to share its work among threads, and a linear model."""
    folder = tmp_path_factory.mktemp("classifier")
    write_tsv(folder / "train.tsv", make_rows(60))
    sizes = sets("model.embedding_dim=64", "model.hidden_size=64", "model.linear=mix", "train.folds=2")
    train_in(folder, "--data", "train.tsv", *TINY, *sizes, "--run-dir", "run")
    return folder / "run"


def python(code: str, *arguments: object, seconds: float = 100) -> str:
    """What a program prints that has two cores; it fails rather than waits for ever."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "1000"}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, env=environment,
        timeout=seconds,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


IN_A_PROCESS = """
import multiprocessing, sys
import numpy as np
import torch
from textrnn import TextClassifier

TEXTS = [f"the {word} number {number}" for number in range(400) for word in ("goal", "soup", "hotel")]

def answer(classifier, answers):
    answers.put((classifier.predict(TEXTS), classifier.predict_proba(TEXTS), torch.get_num_threads()))

def ask(classifier, method):
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    process = context.Process(target=answer, args=(classifier, answers), daemon=True)
    process.start()
    found = answers.get(timeout=60)
    process.join()
    return found

if __name__ == "__main__":
    run, method = sys.argv[1:]
    classifier = TextClassifier.load(run)
    loaded = ask(classifier, method)
    labels, probabilities = classifier.predict(TEXTS), classifier.predict_proba(TEXTS)
    used = ask(classifier, method)
    assert loaded[0] == used[0] == labels
    assert np.abs(np.stack([loaded[1], used[1]]) - probabilities).max() < 1e-6
    print(loaded[2], used[2], torch.get_num_threads())
"""


@pytest.mark.parametrize(
    "method",
    ["fork", pytest.param("forkserver", marks=pytest.mark.slow), pytest.param("spawn", marks=pytest.mark.slow)],
)
def test_another_process_answers_alike_whether_this_one_has_loaded_or_used_the_model(
    method: str, run: Path, tmp_path: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(IN_A_PROCESS)
    code = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    threads, _, warnings = python(code, program, run, method).partition("\n")
    # only where the threads of OpenMP are missing is a setting changed
    assert threads == ("2 1 2" if method == "fork" else "2 2 2")
    assert warnings.count("forked") == (method == "fork")


SETTINGS = """
import sys
import torch

def settings():
    return (
        torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.enabled, torch.is_grad_enabled(), torch.initial_seed(), sys.getswitchinterval(),
    )

before = settings()
from textrnn import RNNClassifier, TextClassifier
assert settings() == before, "import"
classifier = TextClassifier.load(sys.argv[1])
assert settings() == before, "load"
TEXTS = [f"the {word} number {number}" for number in range(400) for word in ("goal", "soup", "hotel")]
classifier.predict(TEXTS)
assert settings() == before, "predict"
assert "torch._dynamo" not in sys.modules, "the compiler of torch, whose import takes as long as torch"
classifier.explain(TEXTS[:5])
assert settings() == before, "explain"
RNNClassifier(epochs=1, tf32=True).fit(TEXTS[:40], ["a", "b"] * 20)
assert settings() == before, "fit"
"""


def test_no_call_of_the_library_changes_a_setting_of_the_process(run: Path) -> None:
    python(SETTINGS, run)


@pytest.fixture(params=[1, 2], ids=["1-core", "2-cores"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threaded, "cores_to_share", lambda: request.param)


def contributions(classifier: TextClassifier, texts: list[str]) -> list[list[float]]:
    return [[token.value for token in each.tokens] for each in classifier.explain(texts)]


@pytest.mark.usefixtures("cores")
def test_threads_explain_and_predict_with_one_classifier_at_the_same_time(run: Path) -> None:
    classifier, texts = TextClassifier.load(run), TEXTS[:40]
    expected, probabilities = contributions(classifier, texts), classifier.predict_proba(TEXTS)
    with ThreadPoolExecutor(5) as threads:
        explained = [threads.submit(contributions, classifier, texts) for _ in range(12)]
        predicted = [threads.submit(classifier.predict_proba, TEXTS) for _ in range(4)]
        for each in explained:
            for values, wanted in zip(each.result(), expected, strict=True):
                assert values == pytest.approx(wanted, abs=1e-5)
        for future in predicted:
            assert np.abs(future.result() - probabilities).max() < 1e-6
    assert all(weight.requires_grad for weight in classifier.networks.parameters())
    assert not any(module.training for module in classifier.networks.modules())


@pytest.mark.usefixtures("cores")
def test_a_classifier_loaded_and_used_in_inference_mode_explains_alike(run: Path) -> None:
    texts = TEXTS[:10]
    expected = contributions(TextClassifier.load(run), texts)
    with torch.inference_mode():
        for values, wanted in zip(contributions(TextClassifier.load(run), texts), expected, strict=True):
            assert values == pytest.approx(wanted, abs=1e-5)
