"""The same bidirectional GRU in Keras 3 on TensorFlow: masked, its batches bucketed by length and padded no further
than their longest text; or, with the size `padded`, all to the greatest length, as `TextVectorization` does with an
`output_sequence_length`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from scripts.bench.rivals.corpus import Labelled, read_labelled, read_texts, run, write_labels

BATCHES_PER_BUCKET = 50
INFERENCE_BATCH = 128
# Punctuation, and Chinese character by character: as many tokens as our own tokenizers make, within 0.3 %.
# Keras's own would strip punctuation, and split Latin words into letters beside Chinese.
APART = {"word": r"([^\p{L}\p{N}_\s'])", "char": r"([^\p{L}\p{N}_\s']|\p{Han})"}


@keras.saving.register_keras_serializable()
class MaskedMaxPooling(layers.Layer):
    """The greatest state over the real tokens of each text (Keras's own GlobalMaxPooling1D takes in the padding)."""

    def call(self, states, mask=None):
        return ops.max(ops.where(ops.expand_dims(mask, -1), states, -1e9), axis=1)

    def compute_mask(self, states, mask=None):
        return None


def training_rows(lengths: np.ndarray, size: int, random: np.random.Generator) -> list[np.ndarray]:
    """The rows of each batch of an epoch: sorted by length inside windows of many batches, then shuffled."""
    windows = cut(random.permutation(len(lengths)), size * BATCHES_PER_BUCKET)
    batches = [batch for rows in windows for batch in cut(rows[np.argsort(lengths[rows])], size)]
    return [batches[at] for at in random.permutation(len(batches))]


def inference_rows(lengths: np.ndarray) -> list[np.ndarray]:
    """The rows of each batch, the longest texts first."""
    return cut(np.argsort(-lengths, kind="stable"), INFERENCE_BATCH)


def cut(rows: np.ndarray, size: int) -> list[np.ndarray]:
    return [rows[at : at + size] for at in range(0, len(rows), size)]


def dataset(
    ids: list[np.ndarray], labels: np.ndarray, epoch_rows: Callable[[np.ndarray], list[np.ndarray]], width: int | None
) -> tf.data.Dataset:
    """Batches padded to their longest text (or to `width`), made while the model computes. (A PyDataset would give all
    batches the width of the first.)"""
    lengths = np.array([len(text) for text in ids])

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for rows in epoch_rows(lengths):
            padded = np.zeros((len(rows), width or lengths[rows].max()), np.int32)
            for at, row in enumerate(rows):
                padded[at, : len(ids[row])] = ids[row]
            yield padded, labels[rows]

    signature = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)
    generated = tf.data.Dataset.from_generator(batches, output_signature=signature)
    return generated.apply(tf.data.experimental.assert_cardinality(len(epoch_rows(lengths)))).prefetch(2)


def vectorizer(unit: str, vocab_size: int | None, vocabulary: list[str] | None = None) -> layers.TextVectorization:
    def standardize(texts: tf.Tensor) -> tf.Tensor:
        return tf.strings.regex_replace(tf.strings.lower(texts, "utf-8"), APART[unit], r" \1 ")

    return layers.TextVectorization(vocab_size, standardize=standardize, ragged=True, vocabulary=vocabulary)


def encode(texts: list[str], vectorize: layers.TextVectorization, max_length: int) -> list[np.ndarray]:
    """The ids of each text, cut at max_length; a text without tokens is one unknown token, so that it has a length."""
    ids: list[np.ndarray] = []
    for at in range(0, len(texts), 1024):
        ragged = vectorize(tf.constant(texts[at : at + 1024]))[:, :max_length]
        flat, ends = ragged.values.numpy().astype(np.int32), ragged.row_splits.numpy()
        ids += [flat[begin:end] for begin, end in pairwise(ends)]
    return [text if len(text) else np.array([1], np.int32) for text in ids]


def build(sizes: argparse.Namespace, vocab_size: int, classes: int, steps: int) -> keras.Model:
    model = keras.Sequential([
        keras.Input((None,), dtype="int32"),
        layers.Embedding(vocab_size, sizes.embedding_dim, mask_zero=True),
        layers.Dropout(sizes.dropout),
        layers.Bidirectional(layers.GRU(sizes.hidden_size, return_sequences=True)),
        MaskedMaxPooling(),
        layers.Dropout(sizes.dropout),
        layers.Dense(classes),
    ])  # fmt: skip
    rate = keras.optimizers.schedules.PolynomialDecay(sizes.learning_rate, steps, 0.0)
    model.compile(
        keras.optimizers.Adam(rate, global_clipnorm=sizes.clip_norm),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def held_out(corpus: Labelled, fraction: float) -> tuple[Labelled, Labelled]:
    """Training and dev texts, drawn at random."""
    order = np.random.default_rng(0).permutation(len(corpus.texts))
    count = round(fraction * len(order))
    dev, train = (Labelled(*([column[row] for row in rows] for column in corpus)) for rows in np.split(order, [count]))
    return train, dev


def train(options: argparse.Namespace) -> None:
    keras.utils.set_random_seed(0)
    sizes, corpus = options.sizes, read_labelled(options.train)
    corpus, dev = (corpus, read_labelled(options.dev)) if options.dev else held_out(corpus, sizes.dev_fraction)
    names = sorted(set(corpus.labels))
    vectorize = vectorizer(options.unit, sizes.vocab_size)
    vectorize.adapt(tf.data.Dataset.from_tensor_slices(corpus.texts).batch(1024))
    ids, dev_ids = (encode(part.texts, vectorize, sizes.max_length) for part in (corpus, dev))
    labels, dev_labels = (np.array([names.index(label) for label in part.labels], np.int32) for part in (corpus, dev))
    shuffled = partial(training_rows, size=sizes.batch_size, random=np.random.default_rng(0))
    width = sizes.max_length if getattr(sizes, "padded", False) else None
    batches = dataset(ids, labels, shuffled, width)
    vocabulary = vectorize.get_vocabulary()
    model = build(sizes, len(vocabulary), len(names), sizes.epochs * len(batches))
    options.model.mkdir(parents=True, exist_ok=True)
    text = {"vocabulary": vocabulary[2:], "labels": names, "max_length": sizes.max_length, "width": width}
    (options.model / "text.json").write_text(json.dumps(text))
    best = keras.callbacks.ModelCheckpoint(options.model / "best.keras", "val_accuracy", save_best_only=True)
    dev_batches = dataset(dev_ids, dev_labels, inference_rows, width)
    epochs = {"epochs": sizes.epochs, "shuffle": False}
    model.fit(batches, validation_data=dev_batches, callbacks=[best], verbose=2, **epochs)


def predict(options: argparse.Namespace) -> None:
    text = json.loads((options.model / "text.json").read_text())
    model = keras.models.load_model(options.model / "best.keras")
    ids = encode(read_texts(options.input), vectorizer(options.unit, None, text["vocabulary"]), text["max_length"])
    batches = dataset(ids, np.zeros(len(ids), np.int32), inference_rows, text["width"])
    logits = model.predict(batches, verbose=0)
    labels = np.empty(len(ids), dtype=object)
    order = np.concatenate(inference_rows(np.array([len(text) for text in ids])))
    labels[order] = [text["labels"][best] for best in logits.argmax(axis=1)]
    write_labels(options.output, list(labels))


if __name__ == "__main__":
    run(train, predict)
