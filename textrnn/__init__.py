"""Train, evaluate and use recurrent text classifiers, from the command line and from Python."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as in `typing`, whose import would take a third of the time until signals are heeded
if TYPE_CHECKING:
    from textrnn.classifier import TextClassifier
    from textrnn.estimator import RNNClassifier

__all__ = ["RNNClassifier", "TextClassifier", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # These import torch, which `textrnn --help` must not pay for.
    if name not in ("RNNClassifier", "TextClassifier"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if "torch" not in sys.modules:
        from textrnn.runtime.process import tune_torch

        tune_torch()
    if name == "TextClassifier":
        from textrnn.classifier import TextClassifier

        return TextClassifier
    from textrnn.estimator import RNNClassifier

    return RNNClassifier
