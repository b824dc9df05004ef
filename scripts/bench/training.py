"""Whole training, from the raw file to the saved model, of our program and its rivals on one corpus."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from statistics import fmean

from scripts.bench.corpora import Corpus, reviews, titles, work_folder, write_texts
from scripts.bench.programs import Program, available, fasttext, keras, keras_python, ours, rival
from scripts.bench.report import megabytes, number, percent, table, times
from scripts.bench.rivals.corpus import read_labelled, read_texts
from scripts.bench.timing import interleaved, median_run, run_program

REPEATS = 3
KERAS_SIZES = {
    "embedding_dim": 128, "hidden_size": 128, "dropout": 0.5, "batch_size": 64, "learning_rate": 2e-3, "clip_norm": 1.0,
}  # fmt: skip
TITLES_SIZES = {**KERAS_SIZES, "vocab_size": 5000, "max_length": 32, "epochs": 8}
REVIEWS_SIZES = {**KERAS_SIZES, "vocab_size": 30_000, "max_length": 400, "epochs": 1, "dev_fraction": 0.1}
# imdb.yaml without what Keras's model does not have, for one epoch
PLAIN_REVIEWS = {
    "data.max_length": 400, "model.rare_dim": "null", "model.ngrams": 1, "model.linear": "none",
    "train.adversarial_norm": "null", "train.embedding_lr_multiplier": 1.0, "train.epochs": 1,
}  # fmt: skip


def measure_titles() -> list[str]:
    """Short Chinese texts, character by character."""
    programs: dict[str, Callable[[], Program]] = {
        "textrnn, thucnews.yaml": partial(ours, "thucnews"),
        "textrnn, thucnews_fast.yaml": partial(ours, "thucnews_fast"),
        "Keras 3": partial(keras, "char", TITLES_SIZES),
        "fastText": partial(fasttext, "char"),
        "TF-IDF + LinearSVC": partial(rival, "linear_svc", "char"),
    }
    once = programs.keys() - {"fastText", "TF-IDF + LinearSVC"}
    return compare("Training from the raw file to the saved best model", titles(), programs, once)


def measure_reviews() -> list[str]:
    """Long English texts, word by word; one epoch of the recurrent models."""
    programs: dict[str, Callable[[], Program]] = {
        "textrnn, GRU alone": partial(ours, "imdb", PLAIN_REVIEWS),
        "Keras 3, bucketed": partial(keras, "word", REVIEWS_SIZES),
        "Keras 3, padded to 400": partial(keras, "word", {**REVIEWS_SIZES, "padded": True}),
        "fastText": partial(fasttext, "word"),
        "TF-IDF + LinearSVC": partial(rival, "linear_svc", "word"),
    }
    return compare("One epoch from the raw file to the saved model", reviews(), programs, programs.keys())


def compare(
    title: str, corpus: Corpus, makers: Mapping[str, Callable[[], Program]], once: Collection[str]
) -> list[str]:
    """Seconds and memory of training, the first program's as 1, accuracy on the test file, and seconds of predicting
    it. once: programs that train for minutes."""
    programs, missing = available(makers)
    folder = work_folder(corpus.train.parent.name)
    folders = {name: work_folder(folder.name, name) for name in programs}
    truth, texts = read_labelled(corpus.test)
    test = write_texts(folder / "test.txt", texts)
    training = {name: partial(program.run_training, corpus, folders[name]) for name, program in programs.items()}
    trained = {name: median_run(runs) for name, runs in interleaved(training, REPEATS, once=once).items()}
    first = next(iter(trained.values())).seconds
    rows = []
    for name, run in trained.items():
        output = folder / "predicted.txt"
        predicted = programs[name].run_prediction(folders[name], test, output)
        labels = [line.split("\t")[0] for line in read_texts(output)]
        right = fmean(label == true for label, true in zip(labels, truth, strict=True))
        rows.append([
            name, number(run.seconds), times(run.seconds / first), str(1 if name in once else REPEATS),
            megabytes(run.peak_bytes), percent(right), number(predicted.seconds),
        ])  # fmt: skip
    header = ["program", "training, s", "textrnn = 1", "runs", "memory, MB", "test accuracy"]
    paragraphs = [table(title, [*header, "predicting the test file, s"], rows), *missing]
    if any(name.startswith("Keras") for name in programs):
        code = "import keras, tensorflow; print(f'Keras {keras.__version__}, TensorFlow {tensorflow.__version__}.')"
        paragraphs.append(run_program([keras_python(), "-c", code]).out.strip())
    return paragraphs
