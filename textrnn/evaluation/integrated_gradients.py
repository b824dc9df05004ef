"""Integrated gradients of a model's log-odds (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep
Networks", equation 1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from textrnn.data.batching import collate
from textrnn.data.transform import EncodedTexts
from textrnn.data.vocab import PAD, UNK
from textrnn.models.decision import Decision
from textrnn.models.encoder import padding_mask
from textrnn.models.network import Network

STEPS, MOST_STEPS = 16, 1024
TOLERANCE = 0.02  # of the sum of contributions, relative to the difference or 1, whichever is larger
_TOKENS_AT_ONCE = 8192  # over the texts and steps that are computed together


class Margins(NamedTuple):
    """Those of the linear model (n, classes), where it decides: at the baseline, and of the texts."""

    baseline: torch.Tensor
    texts: torch.Tensor


class Attribution(NamedTuple):
    """What integration found for n texts.

    tokens: for each text, (length,) float64, the contributions of the embeddings of its tokens, of all networks
    together. slopes (n, classes) float64: mean derivatives, along the path, with respect to the linear model's margins.
    gaps (n,): by how much all contributions miss the difference of the log-odds.
    """

    tokens: list[np.ndarray]
    slopes: np.ndarray
    gaps: np.ndarray


def log_odds(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """(n, C), (n,) -> (n,): log(p / (1 - p)) of the probability p of a class for each text. It is the logit of the
    class less the logarithm of the sum of the exponentials of the others."""
    of_class = logits.gather(1, classes.unsqueeze(1))
    others = logits.scatter(1, classes.unsqueeze(1), float("-inf"))
    return of_class.squeeze(1) - others.logsumexp(dim=1)


def unknown_texts(lengths: np.ndarray) -> EncodedTexts:
    """Texts of these lengths in which every token is unknown: the baselines."""
    return EncodedTexts(np.full(int(lengths.max()), UNK), np.zeros(len(lengths), np.int64), lengths)


def integrate(
    networks: Sequence[Network], decision: Decision, texts: EncodedTexts, classes: np.ndarray, margins: Margins | None,
    differences: np.ndarray, *, device: torch.device, after_batch: Callable[[int], object] = lambda count: None,
) -> Attribution:  # fmt: skip
    """Follow the straight line from the baseline to each text, for all networks and the linear model at once, and add
    up the gradient of the log-odds of their common output.

    The integral is computed by Gauss-Legendre quadrature with STEPS points; for texts whose sum is further from the
    difference than TOLERANCE allows, with twice as many, up to MOST_STEPS.

    classes (n,): the class that is explained. differences (n,): of the log-odds of each text and its baseline.
    after_batch: called with the number of texts done.
    """
    found = Attribution([np.zeros(0)] * len(texts), np.zeros((len(texts), _classes(margins))), np.zeros(len(texts)))
    rows, steps = np.arange(len(texts)), STEPS
    allowed = np.asarray([allowed_gap(each) for each in differences])
    with _only_input_gradients(networks):
        while len(rows):
            nodes = _nodes(steps)
            for part in _batches(texts.lengths, rows, steps):
                tokens, slopes = _integrate_batch(networks, decision, texts, part, classes, margins, nodes, device)
                found.slopes[part] = slopes
                sums = tokens.sum(axis=0) - differences[part]
                if margins is not None:
                    sums += (slopes * (margins.texts[part] - margins.baseline[part]).double().numpy()).sum(axis=1)
                found.gaps[part] = sums
                for column, row in enumerate(part):
                    found.tokens[row] = tokens[: texts.lengths[row], column]
                after_batch(int((np.abs(sums) <= allowed[part]).sum()) if steps < MOST_STEPS else len(part))
            rows = rows[np.abs(found.gaps[rows]) > allowed[rows]] if steps < MOST_STEPS else rows[:0]
            steps *= 2
    return found


def allowed_gap(difference: float) -> float:
    """By how much the contributions may miss a difference of log-odds."""
    return TOLERANCE * max(1.0, abs(difference))


def _classes(margins: Margins | None) -> int:
    return 0 if margins is None else margins.texts.shape[1]


def _nodes(steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Points from 0 to 1 and their weights, which add up to 1."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, weights / 2


def _batches(lengths: np.ndarray, rows: np.ndarray, steps: int) -> Iterator[np.ndarray]:
    """Rows of texts of similar length, the longest first, whose steps are computed together."""
    order = rows[np.argsort(-lengths[rows], kind="stable")]
    begin = 0
    while begin < len(order):
        size = max(1, _TOKENS_AT_ONCE // (int(lengths[order[begin]]) * steps))
        yield order[begin : begin + size]
        begin += size


def _integrate_batch(
    networks: Sequence[Network], decision: Decision, texts: EncodedTexts, rows: np.ndarray, classes: np.ndarray,
    margins: Margins | None, nodes: tuple[np.ndarray, np.ndarray], device: torch.device,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(T, B) contributions of tokens; (B, classes) slopes of margins, (B, 0) without a linear model."""
    batch = collate(texts, rows).to(device)
    steps, count = batch.token_ids.shape
    unknown = torch.full_like(batch.token_ids, UNK).masked_fill_(padding_mask(batch.lengths, steps), PAD)
    with torch.no_grad():
        changes = [network.embedding(batch.token_ids) - network.embedding(unknown) for network in networks]
    tokens = torch.zeros(steps, count, dtype=torch.float64, device=device)
    slopes = torch.zeros(count, _classes(margins), dtype=torch.float64, device=device)
    wanted = torch.from_numpy(classes[rows]).to(device)
    at_once = max(1, _TOKENS_AT_ONCE // (steps * count))
    for begin in range(0, len(nodes[0]), at_once):
        alpha, weight = (torch.from_numpy(each[begin : begin + at_once]).float().to(device) for each in nodes)
        copies = len(alpha)  # of the batch, one after the other, for each point of the path
        alphas = alpha.repeat_interleave(count)
        offsets = [((alphas - 1)[:, None] * each.repeat(1, copies, 1)).requires_grad_() for each in changes]
        inputs = [*offsets]
        on_path = None
        if margins is not None:
            first, last = (each[rows].to(device).repeat(copies, 1) for each in margins)
            on_path = (first + alphas[:, None] * (last - first)).requires_grad_()
            inputs.append(on_path)
        ids, lengths = batch.token_ids.repeat(1, copies), batch.lengths.repeat(copies)
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # cuDNN has no gradients in evaluation
            logits = [network(ids, lengths, each).float() for network, each in zip(networks, offsets, strict=True)]
            together = decision.logits(torch.stack(logits).mean(dim=0), on_path)
            gradients = torch.autograd.grad(log_odds(together, wanted.repeat(copies)).sum(), inputs)
        for gradient, change in zip(gradients, changes, strict=False):
            of_tokens = (gradient.view(steps, copies, count, -1) * change.unsqueeze(1)).sum(-1)  # (T, copies, B)
            tokens += (of_tokens * weight[:, None]).sum(dim=1)
        if margins is not None:
            slopes += (gradients[-1].view(copies, count, -1) * weight[:, None, None]).sum(dim=0)
    return tokens.cpu().numpy(), slopes.cpu().numpy()


@contextmanager
def _only_input_gradients(networks: Sequence[Network]) -> Iterator[None]:
    """Compute no gradients of weights inside the block."""
    required = [parameter for network in networks for parameter in network.parameters() if parameter.requires_grad]
    for parameter in required:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in required:
            parameter.requires_grad_(True)
