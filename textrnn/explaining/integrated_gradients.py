"""Integrated gradients of a model's log-odds (Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep
Networks", equation 1)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from textrnn.linear.mixture import Decision
from textrnn.models.encoder import padding_mask
from textrnn.models.network import Network, average_logits
from textrnn.models.threaded import training_encode
from textrnn.runtime.device import tf32
from textrnn.runtime.threads import begin_computing
from textrnn.texts.batching import Batch, collate
from textrnn.texts.transform import EncodedTexts
from textrnn.texts.vocab import PAD, UNK

STEPS, MOST_STEPS = 16, 1024  # points of a path
TOLERANCE = 0.02  # of the sum of contributions, relative to the difference or 1, whichever is larger
_TEXTS_AT_ONCE = 128  # that are taken to the end before the next ones
_TOKENS_AT_ONCE = 8192  # over the texts and points that are computed together


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


class _Piece(NamedTuple):
    """The part [begin, end] of the path of a text: the log-odds at its ends, what its tokens (length,) and a unit of
    each margin (classes,) contribute there, and by how much that misses the difference of the log-odds."""

    begin: float
    end: float
    odds: tuple[float, float]
    tokens: np.ndarray
    slopes: np.ndarray
    gap: float


def integrate(
    networks: Sequence[Network], decision: Decision, texts: EncodedTexts, classes: np.ndarray, margins: Margins | None,
    odds: tuple[np.ndarray, np.ndarray], *, device: torch.device,
    after_batch: Callable[[int], object] = lambda count: None,
) -> Attribution:  # fmt: skip
    """Follow the straight line from the baseline to each text, for all networks and the linear model at once, and add
    up the gradient of the log-odds of their common output.

    The integral is computed by Gauss-Legendre quadrature with STEPS points. The log-odds at the ends of a piece of the
    path tell what it must be there: so where the sum misses the difference by more than TOLERANCE allows, the piece
    that misses most is halved, with STEPS points for each half, until the sum fits or MOST_STEPS points are used.

    classes (n,): the class that is explained. odds (n,), (n,): the log-odds of that class at the baseline, and of the
    text. after_batch: called with the number of texts done.
    """
    begin_computing()
    own = [_for_input_gradients(network) for network in networks]
    path = _Path(own, decision, texts, classes, margins, device)
    found = Attribution([np.zeros(0)] * len(texts), np.zeros((len(texts), path.width)), np.zeros(len(texts)))
    order = np.argsort(-texts.lengths, kind="stable")
    with torch.inference_mode(False), tf32(device, False):
        for first in range(0, len(order), _TEXTS_AT_ONCE):
            rows = order[first : first + _TEXTS_AT_ONCE].tolist()
            for row, pieces in _pieces_that_fit(path, rows, *odds).items():
                found.tokens[row] = np.sum([piece.tokens for piece in pieces], axis=0)
                found.slopes[row] = np.sum([piece.slopes for piece in pieces], axis=0)
                found.gaps[row] = sum(piece.gap for piece in pieces)
            after_batch(len(rows))
    return found


def allowed_gap(difference: float) -> float:
    """By how much the contributions may miss a difference of log-odds."""
    return TOLERANCE * max(1.0, abs(difference))


def _pieces_that_fit(path: _Path, rows: list[int], begin: np.ndarray, end: np.ndarray) -> dict[int, list[_Piece]]:
    """The pieces of the path of each row, whose sum fits, or which are as many as there may be."""
    whole = path.integrate([(row, 0.0, 1.0) for row in rows])
    pieces = {
        row: [path.piece(row, 0.0, 1.0, (float(begin[row]), float(end[row])), *each[:2])]
        for row, each in zip(rows, whole, strict=True)
    }
    for _ in range((MOST_STEPS - STEPS) // (2 * STEPS)):
        unfit = [
            row
            for row in rows
            if abs(sum(piece.gap for piece in pieces[row])) > allowed_gap(float(end[row] - begin[row]))
        ]
        if not unfit:
            break
        worst = [max(pieces[row], key=lambda piece: abs(piece.gap)) for row in unfit]
        middles = [(piece.begin + piece.end) / 2 for piece in worst]
        parts = path.integrate(
            [(row, piece.begin, middle) for row, piece, middle in zip(unfit, worst, middles, strict=True)]
            + [(row, middle, piece.end) for row, piece, middle in zip(unfit, worst, middles, strict=True)]
        )
        lefts, rights = parts[: len(unfit)], parts[len(unfit) :]
        for row, piece, middle, left, right in zip(unfit, worst, middles, lefts, rights, strict=True):
            between = left[2]  # the log-odds in the middle
            pieces[row].remove(piece)
            pieces[row].append(path.piece(row, piece.begin, middle, (piece.odds[0], between), *left[:2]))
            pieces[row].append(path.piece(row, middle, piece.end, (between, piece.odds[1]), *right[:2]))
    return pieces


class _Path:
    """The straight lines from baselines to texts, and the log-odds of a class of each text along them.

    width: the number of margins.
    """

    def __init__(
        self, networks: Sequence[Network], decision: Decision, texts: EncodedTexts, classes: np.ndarray,
        margins: Margins | None, device: torch.device,
    ) -> None:  # fmt: skip
        self.networks, self.decision, self.texts, self.classes = networks, decision, texts, classes
        self.margins, self.device = margins, device
        self.width = 0 if margins is None else margins.texts.shape[1]
        points, weights = np.polynomial.legendre.leggauss(STEPS)
        # the end of a piece, too: its log-odds are wanted
        self.points = torch.from_numpy(np.append((points + 1) / 2, 1.0)).float()
        self.weights = torch.from_numpy(np.append(weights / 2, 0.0)).float()

    def piece(
        self, row: int, begin: float, end: float, odds: tuple[float, float], tokens: np.ndarray, slopes: np.ndarray
    ) -> _Piece:
        total = float(tokens.sum())
        if self.margins is not None:
            total += float(slopes @ (self.margins.texts[row] - self.margins.baseline[row]).double().numpy())
        return _Piece(begin, end, odds, tokens, slopes, total - (odds[1] - odds[0]))

    def integrate(self, spans: Sequence[tuple[int, float, float]]) -> list[tuple[np.ndarray, np.ndarray, float]]:
        """(row, begin, end) of some pieces -> for each, the contributions of tokens (length,), the slopes (classes,),
        and the log-odds at its end. Texts of similar length are computed together."""
        lengths = self.texts.lengths[[row for row, _, _ in spans]]
        order = np.argsort(-lengths, kind="stable")
        found: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}
        while len(found) < len(spans):
            longest = int(lengths[order[len(found)]])
            size = max(1, _TOKENS_AT_ONCE // (longest * len(self.points)))
            part = order[len(found) : len(found) + size].tolist()
            tokens, slopes, odds = self._integrate_batch([spans[at] for at in part])
            for column, at in enumerate(part):
                found[at] = tokens[: lengths[at], column], slopes[column], float(odds[column])
        return [found[at] for at in range(len(spans))]

    def _integrate_batch(self, spans: Sequence[tuple[int, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Contributions of tokens (T, B), slopes (B, classes), log-odds at the ends (B,)."""
        rows, begins, ends = (np.asarray(each) for each in zip(*spans, strict=True))
        batch = collate(self.texts, rows).to(self.device)
        steps, count = batch.token_ids.shape
        unknown = torch.full_like(batch.token_ids, UNK).masked_fill_(padding_mask(batch.lengths, steps), PAD)
        with torch.no_grad():
            changes = [network.embedding(batch.token_ids) - network.embedding(unknown) for network in self.networks]
        begin, length = (torch.from_numpy(each).float() for each in (begins, ends - begins))
        alphas = (begin + self.points[:, None] * length).to(self.device)  # (points, B)
        weights = (self.weights[:, None] * length).to(self.device)
        tokens = torch.zeros(steps, count, dtype=torch.float64, device=self.device)
        slopes = torch.zeros(count, self.width, dtype=torch.float64, device=self.device)
        at_once = max(1, _TOKENS_AT_ONCE // (steps * count))
        for first in range(0, len(alphas), at_once):
            some = slice(first, first + at_once)
            odds, gradients = self._gradients(batch, rows, changes, alphas[some])
            weight = weights[some]
            for gradient, change in zip(gradients, changes, strict=False):
                of_tokens = (gradient.view(steps, -1, count, gradient.shape[-1]) * change.unsqueeze(1)).sum(-1)
                tokens += (of_tokens * weight).sum(dim=1)
            if self.margins is not None:
                slopes += (gradients[-1].view(-1, count, self.width) * weight.unsqueeze(-1)).sum(dim=0)
        return tokens.cpu().numpy(), slopes.cpu().numpy(), odds[-1].double().cpu().numpy()

    def _gradients(
        self, batch: Batch, rows: np.ndarray, changes: Sequence[torch.Tensor], alphas: torch.Tensor
    ) -> tuple[torch.Tensor, Sequence[torch.Tensor]]:
        """Log-odds (points, B), and their gradients with respect to the embeddings (T, points * B, dim) of each network
        and, last, to the margins (points * B, classes). alphas (points, B)."""
        copies, alpha = len(alphas), alphas.flatten()  # of the batch, one after the other, for each point
        inputs = [((alpha - 1)[:, None] * each.repeat(1, copies, 1)).requires_grad_() for each in changes]
        offsets, on_path = list(inputs), None
        if self.margins is not None:
            first, last = (each[rows].to(self.device).repeat(copies, 1) for each in self.margins)
            on_path = (first + alpha[:, None] * (last - first)).requires_grad_()
            inputs.append(on_path)
        ids, lengths = batch.token_ids.repeat(1, copies), batch.lengths.repeat(copies)
        classes = torch.from_numpy(self.classes[rows]).to(self.device).repeat(copies)
        encode = training_encode(self.device)
        with torch.enable_grad():
            logits = [network(ids, lengths, each, encode) for network, each in zip(self.networks, offsets, strict=True)]
            average = average_logits(logits) if logits else None
            odds = log_odds(self.decision.logits(average, on_path), classes)
            gradients = torch.autograd.grad(odds.sum(), inputs)
        return odds.detach().view(copies, -1), gradients


def _for_input_gradients(network: Network) -> Network:
    """The network, with the same weights in memory, as modules of its own that compute no gradients of weights: other
    threads may use the network at the same time."""
    with torch.inference_mode(False):
        tensors = [*network.parameters(), *network.buffers()]
        shared = {id(each): each.clone() if each.is_inference() else each.detach() for each in tensors}
        parameters = {id(each): nn.Parameter(shared[id(each)], requires_grad=False) for each in network.parameters()}
        own = copy.deepcopy(network, {**shared, **parameters})
    for module in own.modules():
        if isinstance(module, nn.RNNBase) and module.weight_hh_l0.is_cuda:
            module.train()  # in evaluation cuDNN has no gradients; dropout is not among what these modules do here
    return own
