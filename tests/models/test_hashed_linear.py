from __future__ import annotations

import torch

from tests.models.small import padded_batch, random_texts, small_model
from textrnn.models.hashed_linear import LinearPath, WithLinearPath, first_occurrences


def random_path(num_classes: int = 3, ngrams: int = 2) -> LinearPath:
    path = LinearPath(num_classes, ngrams=ngrams, buckets=1 << 16)
    generator = torch.Generator().manual_seed(1)
    for buffer in (path.weight, path.idf, path.bias):
        buffer.copy_(torch.rand(buffer.shape, generator=generator))
    path.idf[0] = 0  # row 0 is that of padding
    return path


def test_margins_are_the_weighted_sum_of_the_features_plus_the_bias() -> None:
    path = random_path()
    token_ids, lengths = padded_batch(random_texts([4, 1, 9]))
    rows, values = path.features(token_ids, lengths)

    expected = (path.weight[rows] * values.unsqueeze(-1)).sum(1) + path.bias

    torch.testing.assert_close(path(token_ids, lengths), expected)


def test_features_have_length_one() -> None:
    _, values = random_path().features(*padded_batch(random_texts([4, 1, 9])))
    torch.testing.assert_close(values.square().sum(1), torch.ones(3))


def test_margins_do_not_depend_on_padding_or_on_other_texts() -> None:
    path = random_path()
    texts = random_texts([4, 1, 9])
    together = path(*padded_batch(texts, extra=3))
    for at, text in enumerate(texts):
        torch.testing.assert_close(path(*padded_batch([text]))[0], together[at])


def test_an_ngram_counts_once_for_each_text() -> None:
    path = random_path(ngrams=1)
    torch.testing.assert_close(
        path(*padded_batch([torch.tensor([5, 6])])), path(*padded_batch([torch.tensor([6, 5, 6, 6])]))
    )


def test_first_occurrences() -> None:
    found = first_occurrences(torch.tensor([[0, 0, 2, 2, 2], [1, 2, 3, 3, 9]]))
    assert found.tolist() == [[True, False, True, False, False], [True, True, True, False, True]]


def test_logits_are_the_mean_of_the_networks_logits_and_the_scaled_margins() -> None:
    network, path = small_model().eval(), random_path(num_classes=3)
    batch = padded_batch(random_texts([4, 1, 6]))

    expected = (network(*batch) + 7 * path(*batch)) / 2

    torch.testing.assert_close(WithLinearPath(network, path, scale=7).eval()(*batch), expected)


def test_logits_are_float32_under_autocast() -> None:
    model = WithLinearPath(small_model().eval(), random_path(num_classes=3), scale=7).eval()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert model.network(*padded_batch(random_texts([4, 1, 6]))).dtype == torch.bfloat16
        assert model(*padded_batch(random_texts([4, 1, 6]))).dtype == torch.float32
