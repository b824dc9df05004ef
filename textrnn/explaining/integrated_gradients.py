"""Integrated gradients of a model's log-odds (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep
Networks", equation 1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from textrnn.linear.mixture import Mixture
from textrnn.models.layers import padding_mask
from textrnn.models.network import Network, average_logits
from textrnn.models.threaded import training_encode
from textrnn.runtime.device import tf32
from textrnn.runtime.threads import begin_computing
from textrnn.texts.batching import Batch, collate
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD, UNK

STEPS, MOST_STEPS = 16, 1024  # points of a path
TOLERANCE = 0.02  # of the sum of contributions, relative to the difference or 1, whichever is larger
_TEXTS_AT_ONCE = 128  # finished before the next ones begin
_TOKENS_AT_ONCE = 8192  # over the texts and points that are computed together


class Margins(NamedTuple):
    """Margins (n, classes) of the linear model at the baseline, and of the texts."""

    baseline: torch.Tensor
    texts: torch.Tensor


class Attribution(NamedTuple):
    """The contributions in n texts.

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
    columns = classes.unsqueeze(1)
    other_logits = logits.scatter(1, columns, float("-inf"))
    return logits.gather(1, columns).squeeze(1) - other_logits.logsumexp(dim=1)


def unknown_texts(lengths: np.ndarray) -> EncodedTexts:
    """Texts of these lengths in which every token is unknown: the baselines."""
    return EncodedTexts(np.full(int(lengths.max()), UNK), np.zeros(len(lengths), np.int64), lengths)


def allowed_gap(difference: float) -> float:
    """The largest error of the sum of contributions that is allowed for a difference of log-odds."""
    return TOLERANCE * max(1.0, abs(difference))


def integrate(
    networks: Sequence[Network], decision: Mixture, texts: EncodedTexts, classes: np.ndarray, margins: Margins | None,
    odds: tuple[np.ndarray, np.ndarray], *, device: torch.device,
    after_batch: Callable[[int], object] = lambda count: None,
) -> Attribution:  # fmt: skip
    """Follow the straight line from the baseline to each text, for all networks and the linear model at once, and add
    up the gradient of the log-odds of their common output.

    The integral is computed by Gauss-Legendre quadrature with STEPS points. It must equal the difference of the
    log-odds at the ends of the path: while the sum misses it by more than TOLERANCE allows, the piece of the path that
    misses its own difference most is halved, with STEPS points for each half, until MOST_STEPS points are used.

    classes (n,): the class that is explained. odds (n,), (n,): the log-odds of that class at the baseline, and of the
    text. after_batch: called with the number of texts done.
    """
    begin_computing()
    path = _Path([_with_fixed_weights(network) for network in networks], decision, texts, classes, margins, device)
    tokens, slopes, gaps = [np.zeros(0)] * len(texts), np.zeros((len(texts), path.width)), np.zeros(len(texts))
    order = np.argsort(-texts.lengths, kind="stable")
    with torch.inference_mode(False), tf32(device, False):
        for first in range(0, len(order), _TEXTS_AT_ONCE):
            rows = order[first : first + _TEXTS_AT_ONCE].tolist()
            for row, pieces in _accurate_pieces(path, rows, *odds).items():
                tokens[row] = np.sum([piece.tokens for piece in pieces], axis=0)
                slopes[row] = np.sum([piece.slopes for piece in pieces], axis=0)
                gaps[row] = _gaps(pieces, odds[0][row]).sum()
            after_batch(len(rows))
    return Attribution(tokens, slopes, gaps)


class _Piece(NamedTuple):
    """The part [begin, end] of the path of a text: what its tokens (length,) and a unit of each margin (classes,)
    contribute there, the sum of all contributions, and the log-odds at the end."""

    begin: float
    end: float
    tokens: np.ndarray
    slopes: np.ndarray
    total: float
    odds: float


def _gaps(pieces: list[_Piece], begin: float) -> np.ndarray:
    """By how much each piece of a path, in order, misses its difference of log-odds. begin: those at the baseline."""
    return np.array([piece.total for piece in pieces]) - np.diff([begin, *(piece.odds for piece in pieces)])


def _accurate_pieces(path: _Path, rows: list[int], begin: np.ndarray, end: np.ndarray) -> dict[int, list[_Piece]]:
    """The pieces of the path of each row, in order: accurate enough, or as many as are allowed."""
    whole = path.pieces([(row, 0.0, 1.0) for row in rows])
    pieces = {row: [piece._replace(odds=end[row])] for row, piece in zip(rows, whole, strict=True)}
    for _ in range((MOST_STEPS - STEPS) // (2 * STEPS)):
        gaps = {row: _gaps(pieces[row], begin[row]) for row in rows}
        rows = [row for row in rows if abs(gaps[row].sum()) > allowed_gap(end[row] - begin[row])]
        if not rows:
            break
        worst = [int(np.abs(gaps[row]).argmax()) for row in rows]
        spans = [(row, *pieces[row][at][:2]) for row, at in zip(rows, worst, strict=True)]
        halves = path.pieces(
            [(row, first, (first + last) / 2) for row, first, last in spans]
            + [(row, (first + last) / 2, last) for row, first, last in spans]
        )
        for row, at, left, right in zip(rows, worst, halves[: len(rows)], halves[len(rows) :], strict=True):
            pieces[row][at : at + 1] = [left, right._replace(odds=pieces[row][at].odds)]
    return pieces


@dataclass
class _Path:
    """The straight lines from baselines to texts, and the log-odds of a class of each text along them."""

    networks: Sequence[Network]
    decision: Mixture
    texts: EncodedTexts
    classes: np.ndarray
    margins: Margins | None
    device: torch.device

    def __post_init__(self) -> None:
        self.width = 0 if self.margins is None else self.margins.texts.shape[1]
        points, weights = np.polynomial.legendre.leggauss(STEPS)
        # the last point is the end of a piece, for its log-odds
        self.points = torch.from_numpy(np.append((points + 1) / 2, 1.0)).float()
        self.weights = torch.from_numpy(np.append(weights / 2, 0.0)).float()

    def pieces(self, spans: Sequence[tuple[int, float, float]]) -> list[_Piece]:
        """(row, begin, end) of each piece -> the pieces. Texts of similar length are computed together."""
        lengths = self.texts.lengths[[row for row, _, _ in spans]]
        order = np.argsort(-lengths, kind="stable")
        pieces: list[_Piece] = []  # in this order
        while len(pieces) < len(spans):
            first = len(pieces)
            size = max(1, _TOKENS_AT_ONCE // (int(lengths[order[first]]) * len(self.points)))
            pieces += self._batch_of_pieces([spans[at] for at in order[first : first + size]])
        return [pieces[at] for at in np.argsort(order)]

    def _batch_of_pieces(self, spans: Sequence[tuple[int, float, float]]) -> list[_Piece]:
        rows, begins, ends = map(np.asarray, zip(*spans, strict=True))
        batch = collate(self.texts, rows).to(self.device)
        steps, count = batch.token_ids.shape
        unknown = torch.full_like(batch.token_ids, UNK).masked_fill_(padding_mask(batch.lengths, steps), PAD)
        with torch.no_grad():
            changes = [network.embedding(batch.token_ids) - network.embedding(unknown) for network in self.networks]
        begin, length = (torch.from_numpy(values).float() for values in (begins, ends - begins))
        alphas = (begin + self.points[:, None] * length).to(self.device)  # (points, B)
        weights = (self.weights[:, None] * length).to(self.device)
        tokens = torch.zeros(steps, count, dtype=torch.float64, device=self.device)
        slopes = torch.zeros(count, self.width, dtype=torch.float64, device=self.device)
        points_at_once = max(1, _TOKENS_AT_ONCE // (steps * count))
        for alpha, weight in zip(alphas.split(points_at_once), weights.split(points_at_once), strict=True):
            odds, gradients = self._gradients(batch, rows, changes, alpha)
            for gradient, change in zip(gradients[: len(changes)], changes, strict=True):
                contributions = (gradient.view(steps, -1, count, gradient.shape[-1]) * change.unsqueeze(1)).sum(-1)
                tokens += (contributions * weight).sum(dim=1)
            if self.margins is not None:
                slopes += (gradients[-1].view(-1, count, self.width) * weight.unsqueeze(-1)).sum(dim=0)
        totals = tokens.sum(dim=0).cpu()
        if self.margins is not None:
            totals += (slopes.cpu() * (self.margins.texts[rows] - self.margins.baseline[rows])).sum(dim=1)
        columns = zip(
            spans, self.texts.lengths[rows], tokens.t().cpu().numpy(), slopes.cpu().numpy(), totals.tolist(),
            odds[-1].tolist(), strict=True,
        )  # fmt: skip
        return [_Piece(begin, end, values[:length], *rest) for (_, begin, end), length, values, *rest in columns]

    def _gradients(
        self, batch: Batch, rows: np.ndarray, changes: Sequence[torch.Tensor], alphas: torch.Tensor
    ) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """Log-odds (points, B), and their gradients with respect to the embeddings (T, points * B, dim) of each network
        and, last, to the margins (points * B, classes). alphas (points, B)."""
        copies = len(alphas)  # the batch is repeated once for each point
        alpha = alphas.flatten()
        inputs = [((alpha - 1)[:, None] * change.repeat(1, copies, 1)).requires_grad_() for change in changes]
        offsets, on_path = list(inputs), None
        if self.margins is not None:
            first, last = (margins[rows].to(self.device).repeat(copies, 1) for margins in self.margins)
            on_path = (first + alpha[:, None] * (last - first)).requires_grad_()
            inputs.append(on_path)
        ids, lengths = batch.token_ids.repeat(1, copies), batch.lengths.repeat(copies)
        classes = torch.from_numpy(self.classes[rows]).to(self.device).repeat(copies)
        encode = training_encode(self.device)
        with torch.enable_grad():
            calls = zip(self.networks, offsets, strict=True)
            logits = [network(ids, lengths, offset, encode) for network, offset in calls]
            average = average_logits(logits) if logits else None
            odds = log_odds(self.decision.logits(average, on_path), classes)
            gradients = torch.autograd.grad(odds.sum(), inputs)
        return odds.detach().view(copies, -1), gradients


def _with_fixed_weights(network: Network) -> Network:
    """A copy of the network's modules that shares its weights. It computes no gradients of weights, so other threads
    may use the network meanwhile."""
    with torch.inference_mode(False):
        tensors = [*network.parameters(), *network.buffers()]
        shared = {id(tensor): tensor.clone() if tensor.is_inference() else tensor.detach() for tensor in tensors}
        for weight in network.parameters():
            shared[id(weight)] = nn.Parameter(shared[id(weight)], requires_grad=False)
        own = copy.deepcopy(network, shared)
    for module in own.modules():
        if isinstance(module, nn.RNNBase) and module.weight_hh_l0.is_cuda:
            module.train()  # in evaluation mode cuDNN has no gradients; these modules apply no dropout themselves
    return own
