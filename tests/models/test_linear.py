from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.models.small import encoded, padded_batch, random_texts, small_model
from textrnn.models.linear import LinearPath, WithLinearPath
from textrnn.training.linear import inverse_document_frequencies


def filled(num_classes: int = 3, ngrams: int = 2) -> LinearPath:
    path = LinearPath(num_classes, ngrams=ngrams, buckets=1 << 16)
    generator = torch.Generator().manual_seed(1)
    for buffer in (path.weight, path.idf, path.bias):
        buffer.copy_(torch.rand(buffer.shape, generator=generator))
    path.idf[0] = 0
    return path


@pytest.mark.parametrize("ngrams", [1, 2, 3])
def test_features_are_scikit_learns_tfidf_of_ngrams_with_the_texts_beginning(ngrams: int) -> None:
    ids = [[5, 6, 7, 5, 6], [7], [5, 5, 5, 8]]
    begins = ["0"] * (ngrams - 1)
    vectorizer = TfidfVectorizer(
        analyzer=lambda text: [
            " ".join((begins + text)[ngrams - length + at : ngrams + at])
            for length in range(1, ngrams + 1)
            for at in range(len(text))
        ],
        binary=True,
    )  # fmt: skip
    expected = vectorizer.fit_transform([[str(token) for token in text] for text in ids]).toarray()

    path = LinearPath(2, ngrams=ngrams, buckets=1 << 16)
    path.idf.copy_(inverse_document_frequencies(path, encoded(ids)))
    rows, values = path.features(*padded_batch([torch.tensor(text) for text in ids]))

    for text in range(3):
        np.testing.assert_allclose(
            sorted(values[text][values[text] > 0].tolist()), sorted(expected[text][expected[text] > 0]), rtol=1e-5
        )
    assert len(rows[values > 0].unique()) == expected.shape[1]


def test_margins_do_not_depend_on_padding_or_batch_mates() -> None:
    path = filled()
    texts = random_texts([4, 1, 9])
    together = path(*padded_batch(texts))
    for at, text in enumerate(texts):
        torch.testing.assert_close(path(*padded_batch([text]))[0], together[at])


def test_an_ngram_counts_once_however_often_it_occurs() -> None:
    path = filled(ngrams=1)
    torch.testing.assert_close(
        path(*padded_batch([torch.tensor([5, 6])])), path(*padded_batch([torch.tensor([6, 5, 6, 6])]))
    )


def test_logits_are_halfway_between_the_networks_and_the_margins() -> None:
    network, path = small_model().eval(), filled(num_classes=3)
    batch = padded_batch(random_texts([4, 1, 6]))
    expected = (network(*batch) + 7 * path(*batch)) / 2
    torch.testing.assert_close(WithLinearPath(network, path, scale=7).eval()(*batch), expected)
