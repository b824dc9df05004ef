from __future__ import annotations

import numpy as np
import torch

from tests.models.small import encoded, padded_batch, random_texts
from textrnn.data.batching import Batch
from textrnn.inference import compute_logits
from textrnn.models.linear import LinearPath
from textrnn.training.linear import descend, fit

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
