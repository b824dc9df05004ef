"""The contribution of each token of a text to a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

import numpy as np
import torch

from textrnn.explaining.integrated_gradients import Margins, integrate, log_odds, unknown_texts
from textrnn.explaining.linear_attribution import character_contributions
from textrnn.inference import class_probabilities, compute_logits, predicted_classes
from textrnn.linear.model import MOST_CHARACTERS
from textrnn.run.model import Model
from textrnn.texts.tokenizer import LocatedToken
from textrnn.texts.transform import EncodedTexts


class Contribution(NamedTuple):
    """A token, its characters [start, end) of the text, and what it adds to the log-odds of the class."""

    token: str
    start: int
    end: int
    value: float


class Explanation(NamedTuple):
    """The contributions of a text's tokens to a class.

    label: the explained class. probability: that of this class. predicted: the likeliest class. log_odds: log(p / (1
    - p)) of that probability. baseline: the log-odds of a text with as many tokens, all of them unknown. tokens: those
    that the model reads; their contributions add up to log_odds - baseline, up to `gap`. cut: whether the text has more
    tokens than the networks read, data.max_length.
    """

    text: str
    label: str
    probability: float
    predicted: str
    log_odds: float
    baseline: float
    tokens: list[Contribution]
    gap: float
    cut: bool


class Answer(NamedTuple):
    """The output of a model for n texts.

    logits (n, classes) float32, on the CPU. is_empty (n,) bool: the texts without a token, which get the shares of the
    classes. encoded: the input of the networks. margins (n, classes): of the linear model; None if it has no weight.
    """

    logits: torch.Tensor
    is_empty: np.ndarray
    encoded: EncodedTexts
    margins: torch.Tensor | None


def explain(
    model: Model, texts: Sequence[str], answer: Answer, classes: np.ndarray | None, *, device: torch.device,
    after_batch: Callable[[int], object],
) -> list[Explanation]:  # fmt: skip
    """Explain each text. model: on the device, in evaluation mode. answer: its output for the texts. classes (n,): the
    class to explain for each text; None: the likeliest. after_batch: called with the number of texts done."""
    predicted, probabilities = predicted_classes(answer.logits), class_probabilities(answer.logits)
    classes = predicted if classes is None else classes
    empty = torch.from_numpy(answer.is_empty)[:, None]  # the logits of an empty text are those of its baseline
    margins = None
    if model.linear is not None and answer.margins is not None:
        no_text = torch.from_numpy(model.linear.margins([""]))
        margins = Margins(no_text.expand_as(answer.margins), torch.where(empty, no_text, answer.margins))
    networks, unknown = [], None
    if model.decision.needs_network:
        networks = list(model.networks.networks)
        unknown = compute_logits(model.networks, unknown_texts(answer.encoded.lengths), device=device)
    baseline = torch.where(empty, answer.logits, model.decision.logits(unknown, margins and margins.baseline))
    columns = torch.from_numpy(classes)
    begin, end = (log_odds(logits.double(), columns).numpy() for logits in (baseline, answer.logits))
    attribution = integrate(
        networks, model.decision, answer.encoded, classes, margins, (begin, end), device=device,
        after_batch=after_batch,
    )  # fmt: skip
    character_values: list[np.ndarray] = [np.zeros(0)] * len(texts)
    if model.linear is not None and margins is not None:
        character_values = character_contributions(model.linear, texts, attribution.slopes)
    explanations, most = [], model.transform.max_length  # tokens that the networks read
    for row, text in enumerate(texts):
        located = model.transform.tokenizer.located(text)
        if margins is None:
            tokens = list(islice(located, most))
            cut = next(located, None) is not None
        else:
            tokens = list(takewhile(lambda token: token.start < MOST_CHARACTERS, located))
            cut = len(tokens) > most
        values = token_contributions(tokens, attribution.tokens[row], character_values[row])
        explanations.append(
            Explanation(
                text,
                label=model.labels[classes[row]],
                probability=float(probabilities[row, classes[row]]),
                predicted=model.labels[predicted[row]],
                log_odds=float(end[row]),
                baseline=float(begin[row]),
                tokens=[Contribution(*token, value) for token, value in zip(tokens, values.tolist(), strict=True)],
                gap=float(attribution.gaps[row]),
                cut=cut,
            )
        )
    return explanations


def token_contributions(tokens: Sequence[LocatedToken], embeddings: np.ndarray, characters: np.ndarray) -> np.ndarray:
    """(tokens,): the contributions of the embeddings of tokens, which may be fewer, plus those of the characters of the
    text, of which there may be none.

    Tokens of the same character share it. What lies in no token, which is white space, belongs to the next one, or to
    the last.
    """
    values = np.zeros(len(tokens))
    values[: len(embeddings)] = embeddings[: len(tokens)]
    if not len(tokens) or not len(characters):
        return values
    starts = np.array([token.start for token in tokens])
    ends = np.array([token.end for token in tokens]).clip(max=len(characters))
    size = len(characters) + 1
    owners = np.cumsum(np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size))[:-1]
    (free,) = np.nonzero(owners == 0)
    nearest = np.searchsorted(starts, free).clip(max=len(tokens) - 1)
    values += np.bincount(nearest, characters[free], minlength=len(tokens))
    sums = np.cumsum([0.0, *np.where(owners > 0, characters / owners.clip(1), 0.0)])
    return values + sums[ends] - sums[starts]
