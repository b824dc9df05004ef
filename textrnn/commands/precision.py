"""The messages of `eval` and `predict` about the precision of their computation."""

from __future__ import annotations

from textrnn.classifier import TextClassifier
from textrnn.runtime.device import has_bfloat16_units
from textrnn.runtime.progress import log


def describe_precision(classifier: TextClassifier, asked: str, *, is_saved: bool = False) -> None:
    """Log which precision `auto` has chosen, and why; warn if bfloat16 is slower than float32. is_saved: whether
    nothing is computed, since the logits were saved in training."""
    if is_saved:
        if asked != "float32":
            log.warning("--precision %s has no effect: held-out texts were judged during training, in float32", asked)
        return
    agreement, has_units = classifier.model.bfloat16_agreement, has_bfloat16_units(classifier.device)
    if asked == "bfloat16" and not has_units:
        log.warning("--precision bfloat16: this processor has no bfloat16 units; float32 is faster here")
    elif asked == "auto":
        if not has_units:
            reason = "this processor has no bfloat16 units"
        elif agreement is None:
            reason = "bfloat16 was not compared with it when the model was trained"
        else:
            reason = f"bfloat16 gave the same class for {100 * agreement:.2f} % of held-out texts"
        log.info("computing in %s: %s", classifier.precision, reason)
