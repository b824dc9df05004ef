"""Train, judge and use recurrent text classifiers from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textrnn.classifier import TextClassifier

__all__ = ["TextClassifier", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Importing the classifier imports torch, which `textrnn --help` must not pay for.
    if name == "TextClassifier":
        from textrnn.classifier import TextClassifier

        return TextClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
