from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.small import encoded, padded_batch, random_texts
from textrnn.data.batching import Batch
from textrnn.inference import compute_logits
from textrnn.models.linear import LinearPath
from textrnn.training import linear
from textrnn.training.linear import descend, fit
from textrnn.training.objectives import balanced_weights

LABELS = [text % 3 for text in range(60)]
# the word 2, 3 or 4 tells the class, among words that tell nothing
TEXTS = [[5 + text % 7, 2 + text % 3, 5 + text % 11] for text in range(60)]


def fitted(
    texts: list[list[int]] = TEXTS, labels: list[int] = LABELS, *, seed: int = 1, classes: int = 3
) -> LinearPath:
    path = LinearPath(classes, ngrams=2, buckets=1 << 12)
    fit(path, encoded(texts, labels), seed=seed)
    return path


def test_it_learns_which_ngram_tells_the_class() -> None:
    path = fitted()
    new = encoded([[16, 2, 17], [17, 3, 16], [18, 4, 19]])
    margins = compute_logits(path, new, device=torch.device("cpu"))
    assert margins.argmax(dim=1).tolist() == [0, 1, 2]
    assert (margins.max(dim=1).values > 0).all()


def test_a_text_of_which_nothing_is_known_is_judged_by_the_classes_shares() -> None:
    path = fitted([[5], [5], [5], [6]], [0, 0, 0, 1], classes=2)
    unknown = compute_logits(path, encoded([[9]]), device=torch.device("cpu"))
    np.testing.assert_allclose(unknown[0], [0.5, -0.5])


def test_a_seed_gives_the_same_weights_again_and_another_others() -> None:
    assert torch.equal(fitted().weight, fitted().weight)
    assert not torch.equal(fitted().weight, fitted(seed=2).weight)


def test_a_step_goes_down_the_gradient_of_the_squared_hinge_losses() -> None:
    path = LinearPath(3, ngrams=2, buckets=50)
    path.idf.uniform_(1, 3, generator=torch.Generator().manual_seed(1))[0] = 0
    path.weight.normal_(generator=torch.Generator().manual_seed(2))[0] = 0
    token_ids, lengths = padded_batch(random_texts([4, 1, 6]))
    labels, class_weights = torch.tensor([2, 0, 2]), torch.tensor([0.5, 1.0, 2.0])

    weight = path.weight.clone().requires_grad_()
    rows, values = path.features(token_ids, lengths)
    margins = (weight[rows] * values.unsqueeze(2)).sum(1) + path.bias
    sides = 2 * torch.nn.functional.one_hot(labels, 3) - 1
    losses = (1 - sides * margins).clamp(min=0).square().sum(dim=1) / 2
    (losses * class_weights[labels]).sum().backward()

    before = path.weight.clone()
    descend(path, Batch(token_ids, lengths, labels), 0.3, class_weights)
    torch.testing.assert_close(path.weight, before - 0.3 * weight.grad)


ALIKE = [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 2 + text % 2] for text in range(300)]
MANY_TIMES_THE_SAME = [[2] if text % 3 else [5 + text % 7] for text in range(300)]


@pytest.mark.parametrize("texts", [ALIKE, MANY_TIMES_THE_SAME])
def test_texts_that_are_alike_are_not_overshot_together(texts: list[list[int]]) -> None:
    wrong_every_tenth = [text % 2 if text % 10 else 1 - text % 2 for text in range(300)]
    path = fitted(texts, wrong_every_tenth, classes=2)
    margins = compute_logits(path, encoded(texts), device=torch.device("cpu"))
    assert margins.abs().max() < 2
    if texts is ALIKE:
        assert margins.argmax(dim=1).tolist() == [text % 2 for text in range(300)]


@pytest.mark.parametrize("share", [0.1, 0.01])
def test_a_rare_class_is_learnt_with_weights_that_balance_it(share: float) -> None:
    rare = [text % round(1 / share) == 0 for text in range(1000)]
    texts = [[5 + text % 7, 2 if rare[text] else 3, 5 + text % 11] for text in range(1000)]
    labels = np.array(rare, dtype=int)
    path = LinearPath(2, ngrams=2, buckets=1 << 12)
    fit(path, encoded(texts, labels.tolist()), seed=1, class_weights=balanced_weights(labels, 2))
    margins = compute_logits(path, encoded([*texts, [12, 14]]), device=torch.device("cpu"))
    assert margins[:-1].argmax(dim=1).tolist() == labels.tolist()
    assert margins.abs().max() < 3
    np.testing.assert_allclose(path.bias, [0, 0], atol=1e-6)


def test_an_update_in_parts_is_that_of_all_texts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted().weight
    monkeypatch.setattr(linear, "_NUMBERS_AT_ONCE", 1)
    torch.testing.assert_close(fitted().weight, whole)
