"""How far back the gradient of the loss reaches: its norm at the input k steps before the last token of a text (Bengio,
Simard and Frasconi 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult"; Pascanu, Mikolov and
Bengio 2013, "On the difficulty of training recurrent neural networks", section 2). Also trains networks for a few
steps, without held-out texts and without writing anything."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from textrnn.config import TrainConfig
from textrnn.errors import TextRNNError
from textrnn.models.encoder import reversal_index, reverse
from textrnn.models.network import Network
from textrnn.models.textrnn import TextRNN
from textrnn.texts.batching import collate, inference_batches
from textrnn.texts.rows import rows_where
from textrnn.texts.transform import EncodedTexts
from textrnn.training.plan import Part, build_fit, build_settings
from textrnn.training.state import Step, TrainingState, check_weights, flush_metrics

MOST_TEXTS, LEAST_TEXTS = 256, 10  # in total, and for each value
_TEXTS_AT_ONCE = 64
_AS_MUCH_AS_INFERENCE = 16  # times the memory: the states of all steps are kept, in float64


class Curve(NamedTuple):
    """Quantiles of the norms over the texts at k = 0, 1, ..., each (K,): 10, 50 and 90 %."""

    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


class Training(NamedTuple):
    """A short training. limit: of the norm of the whole gradient, None if nothing is clipped. losses: mean per text.
    norms: before clipping. Both of each step that was finite. diverged_at: the step at which a loss, gradient or weight
    was not; None if all were."""

    limit: float | None
    losses: list[float]
    norms: list[float]
    diverged_at: int | None


class Clipping(NamedTuple):
    """The gradients in the recorded training of a network. mean, largest: of the norm of the whole gradient. clipped:
    the share of steps. limit: None if nothing is clipped."""

    mean: float
    largest: float
    clipped: float
    limit: float | None


class Panel(NamedTuple):
    """Curves shown in one plot, by name."""

    title: str
    curves: dict[str, Curve]


def long_texts(texts: EncodedTexts, seed: int) -> EncodedTexts:
    """At most MOST_TEXTS of the longer half of the texts, drawn at random: the same ones stand for small and large k,
    and a curve does not bend because other texts take over."""
    longer = rows_where(texts.lengths >= np.median(texts.lengths))
    drawn = np.random.default_rng([seed, 0x6AD]).permutation(longer)[:MOST_TEXTS]
    return texts.rows(np.sort(drawn))


def texts_behind(lengths: np.ndarray) -> np.ndarray:
    """lengths (n,) -> (K,): the number of texts longer than k = 0, 1, ..., K - 1 steps, as long as that is LEAST_TEXTS
    or more, or all texts if there are fewer."""
    longer = np.count_nonzero(lengths > np.arange(lengths.max())[:, None], axis=1)
    return longer[longer >= min(LEAST_TEXTS, len(lengths))]


def gradient_norms(
    network: Network, texts: EncodedTexts, *, last_step: bool = False, device: torch.device,
    after_batch: Callable[[int], object] = lambda count: None,
) -> np.ndarray:  # fmt: skip
    """(n, length of the longest text) float64: at [i, k] the 2-norm of the gradient of the cross-entropy of text i
    with respect to the vector that the first recurrent layer reads k steps before the last token; NaN before the
    text's beginning.

    Computed on a copy of the network, without dropout, in float64, which holds norms down to 1e-154. last_step: as
    `last_step_logits`. after_batch: called with the number of texts done.
    """
    network = copy.deepcopy(network).to(device, torch.float64).eval().requires_grad_(False)
    dim = network.embedding.table.embedding_dim
    norms = np.full((len(texts), int(texts.lengths.max())), np.nan)
    for rows in inference_batches(texts.lengths, _TEXTS_AT_ONCE, at_once=_AS_MUCH_AS_INFERENCE):
        batch = collate(texts, rows).to(device)
        steps = len(batch.token_ids)
        offset = torch.zeros(*batch.token_ids.shape, dim, dtype=torch.float64, device=device, requires_grad=True)
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):  # cuDNN has no gradients in evaluation
            if last_step:
                assert isinstance(network, TextRNN)
                logits = last_step_logits(network, batch.token_ids, batch.lengths, offset)
            else:
                logits = network(batch.token_ids, batch.lengths, offset)
            assert batch.targets is not None
            # summed, so that the gradient at a text's inputs is that of its own loss
            (gradient,) = torch.autograd.grad(cross_entropy(logits, batch.targets, reduction="sum"), offset)
        from_the_end = reverse(gradient.norm(dim=-1), reversal_index(batch.lengths, steps)).t().cpu().numpy()
        is_real = np.arange(steps) < texts.lengths[rows, None]
        norms[rows, :steps] = np.where(is_real, from_the_end, np.nan)
        after_batch(len(rows))
    return norms


def last_step_logits(
    network: TextRNN, token_ids: torch.Tensor, lengths: torch.Tensor, embedding_offset: torch.Tensor
) -> torch.Tensor:
    """As `Network.forward`, but read from the state of the forward direction after the last token, whatever the
    pooling: then k steps are the least that lie between an input and the loss. The last state of the backward direction
    takes its place in the input of the head, as a constant."""
    outputs = network.encoder.direction_outputs(network.embedding(token_ids) + embedding_offset, lengths)
    columns = torch.arange(len(lengths), device=lengths.device)
    forward, *backward = (states[lengths - 1, columns] for states in outputs)
    return network.head(torch.cat([forward, *(state.detach() for state in backward)], dim=-1))


def curve_of(norms: np.ndarray, steps: int) -> Curve:
    """Quantiles over the texts. norms (n, K or more): from `gradient_norms`. steps: K."""
    return Curve(*np.nanquantile(norms[:, :steps], (0.1, 0.5, 0.9), axis=0))


def no_curve(steps: int) -> Curve:
    """The curve of a network whose training diverged."""
    return Curve(*np.full((3, steps), np.nan))


def steps_to_hundredth(median: np.ndarray) -> int | None:
    """(K,) -> the first k from which on the values stay below a hundredth of the first one; None if they end above, are
    0 or are not numbers."""
    above = np.flatnonzero(~(median < median[0] / 100))
    return None if above[-1] == len(median) - 1 else int(above[-1]) + 1


def train_briefly(
    settings: TrainConfig, network: Network, texts: EncodedTexts, *, steps: int, class_weights: np.ndarray | None,
    seed: int, after_step: Callable[[], object],
) -> Training:  # fmt: skip
    """Take `steps` optimizer steps; the schedule of the learning rate spans the whole epochs that they begin.
    class_weights: see `Part`."""
    part = Part(seed, texts, None, torch.arange(0), len(texts), class_weights)
    needed = steps * build_settings(settings, part).batch_size * settings.accumulate
    if len(texts) > needed:  # an epoch of all texts would be longer than the training, and so would the schedule
        texts = texts.rows(np.sort(np.random.default_rng([seed, 0xB1EF]).permutation(len(texts))[:needed]))
        part = part._replace(train=texts)
    epochs = math.ceil(steps / build_settings(settings, part).steps_per_epoch)
    state, losses, norms, diverged_at = TrainingState(), list[float](), list[float](), None
    _, _, events = build_fit(settings.model_copy(update={"epochs": epochs}), network, part, state)
    try:
        for step in islice((event for event in events if isinstance(event, Step)), steps):
            flush_metrics(state)
            losses.append(float(step.loss) / step.documents)
            norms.append(float(step.grad_norm))
            after_step()
        check_weights(state, network)
    except TextRNNError:  # without an evaluation, `fit` raises it only for numbers that are not finite
        diverged_at = state.step
    return Training(settings.grad_clip_norm, losses, norms, diverged_at)
