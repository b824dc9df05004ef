"""What `textrnn eval` tells the page besides scores: the model in a phrase, and how its training went."""

from __future__ import annotations

from collections.abc import Sequence

from textrnn.classifier import TextClassifier
from textrnn.commands.describe import NAMES, files_phrase, layers_line, model_name
from textrnn.commands.eval_data import Texts
from textrnn.data.statistics import unknown_shares
from textrnn.errors import CheckpointError
from textrnn.evaluation.examples import Pieces, pieces
from textrnn.evaluation.metrics import PartTotals, intervals_of_parts
from textrnn.evaluation.page import About, Explain
from textrnn.run.folder import RunFolder
from textrnn.run.history import read_history
from textrnn.runtime.progress import bar
from textrnn.training.recorder import best_epochs


def about_evaluation(
    classifier: TextClassifier, texts: Texts, totals: PartTotals, metrics: dict, data: str, run: RunFolder | None
) -> About:
    """run: where the history is; None for a model folder, which has none."""
    return About(
        model=model_phrase(classifier),
        name=model_name(classifier.config.model, has_linear=classifier.model.linear is not None),
        data=data,
        max_length=classifier.transform.max_length,
        lengths=texts.lengths,
        unknown=unknown_shares(texts.encoded),
        intervals=intervals_of_parts(totals, metrics),
        history=[] if run is None else read_history(run.history),
        best={} if run is None else best_epochs(run),
    )


def explained_by(classifier: TextClassifier, texts: Texts) -> Explain | None:
    """Which words speak for the predicted class of a text; None where the model that judged the texts is not the one at
    hand, or cannot be explained."""
    if texts.judged is not None or classifier.precision != "float32":
        return None
    try:
        classifier.explain([])
    except CheckpointError:
        return None

    def explain(errors: Sequence[str], classes: Sequence[int]) -> list[Pieces | None]:
        with bar("explaining", total=len(errors), unit="text") as shown:
            found = classifier.explain(errors, [classifier.labels[each] for each in classes], after_batch=shown.update)
        return [pieces(each.text, [(token.start, token.end, token.value) for token in each.tokens]) for each in found]

    return explain


def model_phrase(classifier: TextClassifier) -> str:
    """Such as "TextRNN (1-layer GRU, both directions, max pooling, 1,234 parameters) with a linear model beside it"."""
    networks, config = classifier.networks.networks, classifier.config.model
    phrase = f"{NAMES[config.architecture]} ({layers_line(config, networks[0], len(networks))})"
    return phrase if classifier.model.linear is None else f"{phrase} with a linear model beside it"


def data_phrase(paths: Sequence[str], split: str | None) -> str:
    """Such as "test.tsv", "a.csv and 2 more", "train.tsv, dev part"."""
    phrase = files_phrase(paths)
    return phrase if split is None else f"{phrase}, {split} part"
