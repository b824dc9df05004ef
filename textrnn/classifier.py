"""A trained model as one object: texts in, labels and probabilities out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from textrnn.errors import CheckpointError, NotFiniteError, short
from textrnn.explaining.explanations import Answer, Explanation, explain
from textrnn.inference import DEFAULT_BATCH_SIZE, class_probabilities, compute_logits
from textrnn.models.network import Ensemble, Headless, not_finite
from textrnn.run.folder import model_folder
from textrnn.run.model import Model, load_model
from textrnn.runtime.device import choose_device, cores_to_share, device_name, has_bfloat16_units
from textrnn.runtime.progress import log, timed
from textrnn.runtime.threads import begin_computing, start_in_thread
from textrnn.texts.transform import EncodedTexts

LEAST_AGREEMENT = 0.998  # of predicted classes in bfloat16 and float32, for `precision="auto"` to take bfloat16


def _is_missing(value: Any) -> bool:
    """Whether it is None, NaN or the NA of pandas."""
    return value is None or (isinstance(value, float) and value != value) or type(value).__name__ == "NAType"


def check_none_missing(values: Any, noun: str) -> None:
    """values: a list, or a Series or array of pandas. noun: what a value is. Raises ValueError, with the position."""
    index = None
    if hasattr(values, "isna"):
        missing, index = np.asarray(values.isna()).ravel(), getattr(values, "index", None)
        advice = "fill them with .fillna(...), or drop these rows of texts and labels with .dropna(subset=[...])"
    else:
        missing = np.array([_is_missing(value) for value in values], bool)
        advice = "fill them, or leave out these texts and labels"
    if missing.any():
        first = int(missing.argmax())
        place = "" if index is None else f" (index {short(index[first])})"
        raise ValueError(f"{noun} {first}{place}: missing ({missing.sum():,} of {len(missing):,} are): {advice}")


def check_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list. Raises TypeError or ValueError if they are no list, array or Series of strings."""
    if isinstance(texts, (str, bytes, Set, Mapping)) or not hasattr(texts, "__len__"):
        raise TypeError(f"a list of strings was expected, found {type(texts).__name__}")
    if getattr(texts, "ndim", 1) != 1:
        raise ValueError(f"texts in one dimension were expected, found the shape {texts.shape}")  # type: ignore[attr-defined]
    if hasattr(texts, "isna"):
        check_none_missing(texts, "text")
    checked = list(texts)
    for number, text in enumerate(checked):
        if not isinstance(text, str):
            raise TypeError(f"text {number}: a string was expected, found {type(text).__name__}: {short(text)}")
    return checked


class TextClassifier:
    """A trained classifier.

    labels: in the order of the columns of `predict_proba`. config: the config of its training. trained_on: the format
    of the training files, auto if they had several or there were none.
    """

    def __init__(self, model: Model, *, device: torch.device, precision: str = "float32") -> None:
        self.model = model
        self.networks = model.networks.to(device).eval()
        self.transform = model.transform
        self.labels = model.labels
        self.config = model.config
        self.trained_on = model.trained_on
        self.device = device
        self.precision = precision

    @classmethod
    def load(cls, run: Path | str, *, device: str = "cpu", precision: str = "float32") -> TextClassifier:
        """Load the model in RUN or RUN/model. Raises CheckpointError if it is missing or damaged.

        precision: number format of matrix products: float32, bfloat16, or auto, which is bfloat16 if the processor has
        units for it and the model predicted as in float32 when it was trained, else float32.
        """
        if precision not in ("float32", "bfloat16", "auto"):
            raise ValueError(f"precision must be float32, bfloat16 or auto, not {short(precision)}")
        folder = model_folder(run)
        with timed(f"reading the model in {folder}"):
            model, chosen = load_model(folder), choose_device(device)
        if not model.has_network:
            precision = "float32"
        elif precision == "auto":
            agrees = (model.bfloat16_agreement or 0.0) >= LEAST_AGREEMENT
            precision = "bfloat16" if agrees and has_bfloat16_units(chosen) else "float32"
        log.debug("device: %s, precision %s", device_name(chosen), precision)
        return cls(model, device=chosen, precision=precision)

    def predict(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        return [self.labels[column] for column in self.predict_proba(texts).argmax(axis=1)]

    def predict_proba(self, texts: Sequence[str], *, batch_size: int = DEFAULT_BATCH_SIZE) -> np.ndarray:
        """(n, classes) float32 probabilities, columns as in `labels`; the rows sum to 1."""
        return class_probabilities(self.predict_logits(texts, batch_size=batch_size))

    def predict_logits(self, texts: Sequence[str], *, batch_size: int = DEFAULT_BATCH_SIZE) -> torch.Tensor:
        """(n, classes) float32 on the CPU. Raises TypeError or ValueError if `texts` are no strings, NotFiniteError."""
        texts = check_texts(texts)
        return self.answer(texts, batch_size=batch_size).logits if texts else torch.empty(0, len(self.labels))

    def answer(self, texts: list[str], *, batch_size: int = DEFAULT_BATCH_SIZE) -> Answer:
        """The output of the model for one or more texts. Raises NotFiniteError."""
        begin_computing()
        decision, linear, network = self.model.decision, self.model.linear, None
        future = None
        if linear is not None and decision.needs_linear:  # beside the networks
            future = start_in_thread(partial(linear.margins, texts), cores=cores_to_share())
        encoded = self.transform.encode(texts)
        if decision.needs_network:
            network = self.network_logits(encoded, batch_size=batch_size)
        margins = None if future is None else torch.from_numpy(future.result())
        logits = self.model.decide(network, margins, encoded)
        if not_finite({"logits": logits}):
            raise NotFiniteError.of("logits are")
        return Answer(logits, self.model.without_token(encoded), encoded, margins)

    def network_logits(self, texts: EncodedTexts, *, batch_size: int = DEFAULT_BATCH_SIZE, **options) -> torch.Tensor:
        """(n, classes) float32 of the networks alone, for texts already encoded by this classifier's transform."""
        return compute_logits(
            self.networks, texts, device=self.device, precision=self.precision, batch_size=batch_size, **options
        )

    def embed(self, texts: Sequence[str], *, batch_size: int = DEFAULT_BATCH_SIZE) -> np.ndarray:
        """(n, d) float32: the vector of each text, the states of the encoder pooled over time, before the head; the
        mean over the networks. d depends on the model. A text without a token has the vector of an unknown token.

        Raises: TypeError or ValueError if `texts` are no strings, CheckpointError if the model has no network,
        NotFiniteError.
        """
        texts = check_texts(texts)
        if not self.model.has_network:
            raise CheckpointError(
                "vectors are states of a network, and this model is a linear one alone (preset: linear); train a model "
                "with another preset"
            )
        headless = Ensemble(map(Headless, self.networks.networks)).eval()
        encoded = self.transform.encode(texts or [""])
        vectors = compute_logits(
            headless, encoded, device=self.device, precision=self.precision, batch_size=batch_size
        ).numpy()
        return vectors[: len(texts)]

    def explain(
        self,
        texts: Sequence[str],
        label: str | Sequence[str] | None = None,
        *,
        after_batch: Callable[[int], object] = lambda count: None,
    ) -> list[Explanation]:
        """The contribution of each token of each text to the log-odds of a label. label: one for all texts, or a
        list with one per text; None means the likeliest. after_batch: called with the number of texts done.

        Raises: as predict_logits; ValueError for a label that the model lacks, or another number of labels than of
        texts.
        """
        texts = check_texts(texts)
        classes = None
        if label is not None:
            labels = [label] * len(texts) if isinstance(label, str) else list(label)
            if len(labels) != len(texts):
                raise ValueError(f"a label for each text was expected: {len(texts)} texts, {len(labels)} labels")
            for name in {label} if isinstance(label, str) else set(labels):
                if name not in self.labels:
                    raise ValueError(f"the model has no label {short(name)}")
            classes = np.asarray([self.labels.index(name) for name in labels], np.int64)
        if self.precision != "float32":
            raise ValueError("explanations are computed in float32: load the model without another precision")
        if not texts:
            return []
        return explain(self.model, texts, self.answer(texts), classes, device=self.device, after_batch=after_batch)
