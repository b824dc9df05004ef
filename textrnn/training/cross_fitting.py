"""What cross-fitted networks come to together, on texts that each was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from textrnn.data.splits import Splits
from textrnn.models.network import Network
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import save_held_out
from textrnn.run.history import append_history, cut_history, read_history
from textrnn.runtime.distributed import barrier, is_first
from textrnn.runtime.progress import log
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training.best import BestNetworks
from textrnn.training.decision import Scores, judge
from textrnn.training.events import summing_up
from textrnn.training.interruptible import held_out_logits
from textrnn.training.plan import Part


def judge_all(
    found: Sequence[tuple[np.ndarray, torch.Tensor]], margins: np.ndarray | None, labels: np.ndarray, *, mix: bool
) -> tuple[Scores, torch.Tensor]:
    """Scores on the held-out texts of all folds, and their logits (n, classes). found: the rows of each fold, and the
    logits of the network that was trained without it."""
    logits = torch.empty(len(labels), found[0][1].shape[1])
    for rows, each in found:
        logits[torch.from_numpy(rows.astype(np.int64))] = each
    return judge(logits, None if margins is None else torch.from_numpy(margins), labels, mix=mix), logits


def sum_up(
    run: RunFolder, network: Network, parts: Sequence[Part], margins: np.ndarray | None, best: BestNetworks,
    splits: Splits, *, device: torch.device, stop: StopRequest,
) -> None:  # fmt: skip
    """Learn from the held-out texts of all folds how networks and linear model decide, and save it, the logits, and the
    last line of the history. network: any, on `device`; its weights are overwritten. Raises Interrupted."""
    labels, found = np.asarray(splits.train.labels), []
    try:
        for part, own in zip(parts, best.networks(network), strict=True):
            assert part.held_out is not None and part.held_out_rows is not None
            logits = held_out_logits(own, part.held_out, len(splits.labels), device=device, stop=stop)
            found.append((part.held_out_rows, logits))
    except Interrupted:
        log.info("interrupted; all networks are trained and saved; continue with: %s", run.resume_command())
        barrier()  # torchrun ends the other processes as soon as one has left
        raise
    scores, logits = judge_all(found, margins, labels, mix=best.mix)
    best.save(scores.decision)
    if is_first():
        save_held_out(run, logits, labels, splits.hashes["train"])
        cut_history(run.history, 0, fold=-1)  # an older line that sums up
        append_history(run.history, summing_up(read_history(run.history), scores))
    log.info("on the texts that each was trained without: %s", scores.line())
