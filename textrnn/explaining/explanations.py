"""Which tokens of a text speak for a class, and which against it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

import numpy as np
import torch

from textrnn.explaining.integrated_gradients import Margins, integrate, log_odds, unknown_texts
from textrnn.explaining.linear_attribution import character_contributions
from textrnn.inference import class_probabilities, compute_logits, predicted_classes
from textrnn.linear.features import MOST_CHARACTERS
from textrnn.linear.mixture import Decision
from textrnn.linear.model import LinearModel
from textrnn.models.network import Ensemble, Network
from textrnn.texts.tokenizer import LocatedToken
from textrnn.texts.transform import EncodedTexts, Transform


class Contribution(NamedTuple):
    """A token, its characters [start, end) of the text, and what it adds to the log-odds of the class."""

    token: str
    start: int
    end: int
    value: float


class Explanation(NamedTuple):
    """Why a text has a label.

    label: the class that is explained. probability: of that class. predicted: the likeliest class. log_odds: log(p / (1
    - p)) of that probability. baseline: the log-odds of a text with as many tokens, all of them unknown. The
    contributions of the tokens add up to log_odds - baseline, up to `gap`.

    tokens: those that the model reads. cut: whether the text has more than the networks read, data.max_length.
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


class Parts(NamedTuple):
    """A model: its networks, its linear model or None, how they decide, and what makes ids of texts."""

    networks: Sequence[Network]
    linear: LinearModel | None
    decision: Decision
    transform: Transform
    labels: Sequence[str]


class Answer(NamedTuple):
    """What a model says of n texts. logits (n, classes) float32 on the CPU. is_empty (n,) bool: the texts without a
    token, which get the shares of the classes. encoded: what the networks read. margins (n, classes): of the linear
    model; None if it has no say."""

    logits: torch.Tensor
    is_empty: np.ndarray
    encoded: EncodedTexts
    margins: torch.Tensor | None


def explain(
    parts: Parts, texts: Sequence[str], answer: Answer, classes: np.ndarray | None, *, device: torch.device,
    after_batch: Callable[[int], object] = lambda count: None,
) -> list[Explanation]:  # fmt: skip
    """classes (n,): which class to explain for each text; None: the likeliest."""
    logits, is_empty, encoded, of_texts = answer
    predicted = predicted_classes(logits)
    classes = predicted if classes is None else classes
    margins, empty = None, torch.from_numpy(is_empty)[:, None]  # the logits of an empty text are those of its baseline
    if parts.linear is not None and of_texts is not None:
        of_none = torch.from_numpy(parts.linear.margins([""]))
        margins = Margins(of_none.expand_as(of_texts), torch.where(empty, of_none, of_texts))
    networks = parts.networks if parts.decision.needs_network else []
    of_unknown = None
    if networks:
        of_unknown = compute_logits(Ensemble(networks).eval(), unknown_texts(encoded.lengths), device=device)
    at_baseline = torch.where(empty, logits, parts.decision.logits(of_unknown, margins and margins.baseline))
    wanted = torch.from_numpy(classes)
    end, begin = (log_odds(each.double(), wanted).numpy() for each in (logits, at_baseline))
    found = integrate(
        networks, parts.decision, encoded, classes, margins, (begin, end), device=device, after_batch=after_batch,
    )  # fmt: skip
    of_characters: list[np.ndarray] = [np.zeros(0)] * len(texts)
    if parts.linear is not None and margins is not None:
        of_characters = character_contributions(parts.linear, texts, found.slopes)
    probabilities = class_probabilities(logits)
    explanations = []
    for row, text in enumerate(texts):
        tokens, cut = _read_tokens(parts.transform, text, with_linear=margins is not None)
        values = of_tokens(tokens, found.tokens[row], of_characters[row])
        explanations.append(
            Explanation(
                text,
                label=parts.labels[classes[row]],
                probability=float(probabilities[row, classes[row]]),
                predicted=parts.labels[predicted[row]],
                log_odds=float(end[row]),
                baseline=float(begin[row]),
                tokens=[Contribution(*token, float(value)) for token, value in zip(tokens, values, strict=True)],
                gap=float(found.gaps[row]),
                cut=cut,
            )
        )
    return explanations


def _read_tokens(transform: Transform, text: str, *, with_linear: bool) -> tuple[list[LocatedToken], bool]:
    """The tokens that the networks or the linear model read, and whether there are more than the networks read."""
    located, most = transform.tokenizer.located(text), transform.max_length
    if with_linear:
        tokens = list(takewhile(lambda token: token.start < MOST_CHARACTERS, located))
        return tokens, len(tokens) > most
    tokens = list(islice(located, most + 1))
    return tokens[:most], len(tokens) > most


def of_tokens(tokens: Sequence[LocatedToken], of_network: np.ndarray, of_characters: np.ndarray) -> np.ndarray:
    """(tokens,): the contributions of their embeddings, plus those of their characters.

    Tokens of the same character share it. What lies in no token, which is white space, belongs to the next one, or to
    the last.
    """
    values = np.zeros(len(tokens))
    read = min(len(tokens), len(of_network))
    values[:read] = of_network[:read]
    if not len(tokens) or not len(of_characters):
        return values
    starts, ends = (np.asarray([getattr(token, name) for token in tokens]) for name in ("start", "end"))
    ends = ends.clip(max=len(of_characters))
    size = len(of_characters) + 1
    owners = np.cumsum(np.bincount(starts, minlength=size) - np.bincount(ends, minlength=size))[:-1]
    (free,) = np.nonzero(owners == 0)
    nearest = np.searchsorted(starts, free).clip(max=len(tokens) - 1)
    values += np.bincount(nearest, of_characters[free], minlength=len(tokens))
    sums = np.cumsum([0.0, *np.where(owners > 0, of_characters / owners.clip(1), 0.0)])
    return values + sums[ends] - sums[starts]
