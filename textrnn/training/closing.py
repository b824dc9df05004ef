"""What follows the last epoch: the best networks judge the held-out texts, and the model learns how it decides."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import torch

from textrnn.corpus.splits import HeldOut
from textrnn.models.network import Network
from textrnn.run.folder import RunFolder
from textrnn.run.held_out import save_held_out
from textrnn.run.history import append_history, cut_history, read_history
from textrnn.runtime.distributed import barrier, is_first, maximum
from textrnn.runtime.progress import log
from textrnn.runtime.signals import Interrupted, StopRequest
from textrnn.training.best import BestNetworks
from textrnn.training.decision import Scores, judge_trained
from textrnn.training.events import summing_up
from textrnn.training.interruptible import held_out_logits
from textrnn.training.plan import Part
from textrnn.training.precision import bfloat16_agreement


def judge_all(
    by_part: Sequence[tuple[np.ndarray, torch.Tensor]], margins: np.ndarray | None, labels: np.ndarray, *, mix: bool
) -> tuple[Scores, torch.Tensor]:
    """Scores on the held-out texts of all parts, and their logits (m, classes). by_part: the rows of each part, and
    the logits of the network that was trained without them. margins (m, classes), labels (m,)."""
    logits = torch.empty(len(labels), by_part[0][1].shape[1])
    for rows, of_part in by_part:
        logits[torch.from_numpy(rows.astype(np.int64))] = of_part
    return judge_trained(logits, None if margins is None else torch.from_numpy(margins), labels, mix=mix), logits


def close_run(
    run: RunFolder, network: Network, parts: Sequence[Part], margins: np.ndarray | None, best: BestNetworks,
    held_out: HeldOut | None, num_classes: int, *, device: torch.device, stop: StopRequest,
) -> None:  # fmt: skip
    """Learn from all held-out texts how networks and linear model decide, and whether bfloat16 decides alike. Save
    both, a line of the history that sums up cross-fitted networks, and last the held-out logits, which show that the
    run is complete.

    network: any of the run's, on `device`; its weights are overwritten. Raises Interrupted.
    """
    try:
        logits, labels, hashes = torch.zeros(0, num_classes), np.zeros(0, np.int64), np.zeros(0, np.uint64)
        agreement = None
        if held_out is not None:
            labels, hashes = np.asarray(held_out.texts.labels), held_out.hashes
            by_part = []
            for part, trained in zip(parts, best.networks(network), strict=True):
                assert part.held_out is not None and part.held_out_rows is not None
                of_part = held_out_logits(trained, part.held_out, num_classes, device=device, stop=stop)
                by_part.append((part.held_out_rows, of_part))
            scores, logits = judge_all(by_part, margins, labels, mix=best.mix)
            if scores.warning is not None:
                log.warning(scores.warning)
            best.decide(scores.decision)
            if is_first():
                own = margins if best.mix else None
                with suppress(Interrupted):
                    agreement = bfloat16_agreement(
                        best.networks(network), parts, own, best.decision, device=device,
                        after_batch=lambda _: stop.check(),
                    )  # fmt: skip
            (signal_number,) = maximum([stop.signal_number or 0])
            if signal_number:
                raise Interrupted(signal_number)
            if is_first() and len(parts) > 1:
                cut_history(run.history, 0, fold=-1)  # the line of an earlier end, which has no fold
                append_history(run.history, summing_up(read_history(run.history), scores))
            if len(parts) > 1:
                log.info("on held-out texts: %s", scores.line())
        if is_first():
            best.decide(best.decision, agreement)
            save_held_out(run, logits, labels, hashes)
    except Interrupted:
        log.info("interrupted; all networks are trained and saved; continue with: %s", run.resume_command())
        barrier()  # torchrun ends the other processes as soon as one has left
        raise
