"""What the keys of data, tokenizer and vocab change."""

from __future__ import annotations

import re

from tests.commands.effects import Run, effect
from textrnn import TextClassifier


def total(run: Run) -> int:
    return run.count("train") + run.count("dev")


@effect("data.train={}/other.tsv")
def that_file_is_read(before: Run, after: Run) -> None:
    assert (total(before), total(after)) == (40, 39)


@effect("data.dev={}/dev.tsv")
def that_file_is_dev_and_none_is_held_out(before: Run, after: Run) -> None:
    assert (after.count("train"), after.count("dev")) == (40, 12)


@effect("data.test={}/dev.tsv")
def that_file_is_test(before: Run, after: Run) -> None:
    assert (before.count("test"), after.count("test")) == (0, 12)


@effect("data.unlabelled={}/unlabelled.txt", "model.linear=mix")
def texts_without_labels_are_read(before: Run, after: Run) -> None:
    assert "unlabelled: 90 texts of 90" in after.log and "unlabelled" not in before.log


@effect("data.dev_fraction=0.5")
def that_share_is_held_out(before: Run, after: Run) -> None:
    assert (before.count("dev"), after.count("dev")) == (3, 19)


@effect("data.format=tsv", "data.train={}/fasttext.txt")
def fasttext_prefix_becomes_part_of_the_label(before: Run, after: Run) -> None:
    assert after.lines("labels.txt") == [f"__label__{label}" for label in before.lines("labels.txt")]


@effect("data.text_column=2", "data.train={}/columns.tsv")
def words_of_the_other_column_are_not_read(before: Run, after: Run) -> None:
    assert any(re.fullmatch(r"t\d+", token) for token in before.vocab)
    assert not any(re.fullmatch(r"t\d+", token) for token in after.vocab)


@effect("data.label_column=1", "data.train={}/columns.tsv", "data.text_column=2")
def labels_come_from_that_column(before: Run, after: Run) -> None:
    assert before.lines("labels.txt") == ["food", "sport", "travel"]
    assert set(after.lines("labels.txt")) == {f"t{at}" for at in range(40)}


@effect("data.label_names={}/names.txt", "data.train={}/ids.tsv", "data.text_column=0", "data.label_column=1")
def ids_become_names_in_their_order(before: Run, after: Run) -> None:
    assert before.lines("labels.txt") == ["0", "1", "2"]
    assert after.lines("labels.txt") == ["Essen", "Sport", "Reise"]


@effect("data.weight_column=weight", "data.train={}/weights.csv", "data.dev_fraction=0", "train.epochs=6")
def rows_of_weight_0_are_left_out_and_a_heavy_class_is_more_probable(before: Run, after: Run) -> None:
    assert (total(before), total(after)) == (40, 36)
    # the share of food, with ten times the weight of travel, among texts without words of any class
    neutral = ["the very late", "we saw one again", "a good new old"]
    shares = [TextClassifier.load(run.folder).predict_proba(neutral).mean(axis=0) for run in (before, after)]
    assert shares[1][0] - shares[1][2] > shares[0][0] - shares[0][2] + 0.02, shares


@effect("data.delimiter='|'", "data.train={}/two.csv")
def fields_are_divided_there(before: Run, after: Run) -> None:
    assert (before.vocab & {"comma", "pipe"}, after.vocab & {"comma", "pipe"}) == ({"comma"}, {"pipe"})


@effect("data.encoding=cp1251", "data.train={}/bytes.tsv", "data.encoding=latin-1")
def bytes_are_read_so(before: Run, after: Run) -> None:
    assert "salé" in before.vocab and "salй" in after.vocab


@effect("data.max_length=2")
def the_rest_of_a_text_is_not_read(before: Run, after: Run) -> None:
    assert after.vocab < before.vocab
    assert "are cut at data.max_length 2" in after.log


@effect("data.bad_rows=skip", "data.train={}/bad.tsv")
def a_bad_row_stops_nothing(before: Run, after: Run) -> None:
    assert (before.code, after.code, total(after)) == (1, 0, 40)


@effect("data.empty_texts=keep", "data.train={}/empty.tsv")
def texts_without_a_token_are_trained_on(before: Run, after: Run) -> None:
    assert (total(before), total(after)) == (40, 43)


@effect("data.cache_dir={}/elsewhere")
def the_tokenized_corpus_goes_there(before: Run, after: Run) -> None:
    assert list((after.folder.parent / "elsewhere").glob("*/tokens.bin"))


@effect("tokenizer.kind=whitespace")
def tokens_are_what_stands_between_spaces(before: Run, after: Run) -> None:
    assert "stop-now" not in before.vocab and "stop-now" in after.vocab


@effect("tokenizer.lowercase=false")
def capitals_are_kept(before: Run, after: Run) -> None:
    assert "stadium" in before.vocab and "Stadium" in after.vocab


@effect("tokenizer.normalize=false")
def full_width_letters_are_kept(before: Run, after: Run) -> None:
    assert "ticket" in before.vocab and "ｔｉｃｋｅｔ" in after.vocab


@effect("tokenizer.user_dict={}/user_dict.txt", "tokenizer.kind=jieba")
def its_words_are_tokens_and_go_with_the_model(before: Run, after: Run) -> None:
    assert "云计算平台" not in before.vocab and "云计算平台" in after.vocab
    assert after.lines("user_dict.txt") == ["云计算平台"]


@effect("vocab.min_count=2")
def rare_tokens_are_left_out(before: Run, after: Run) -> None:
    assert any(map(str.isdigit, before.vocab)) and not any(map(str.isdigit, after.vocab))  # each stands once


@effect("vocab.max_size=10")
def the_vocabulary_has_no_more_entries(before: Run, after: Run) -> None:
    assert len(after.lines("vocab.txt")) == 10 < len(before.lines("vocab.txt"))
