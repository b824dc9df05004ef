"""`textrnn init`: writes a commented config that suits a file of labelled texts."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textrnn.checking.faults import FEW_TEXTS, IMBALANCED
from textrnn.commands.data import warn_of_dead_keys
from textrnn.commands.output import check_output, check_writable
from textrnn.config import Config, is_of_network, load_config
from textrnn.config.commented import comment, commented_yaml
from textrnn.config.sections import DEFAULT_EMBEDDING_DIM
from textrnn.corpus.build import build_source, build_tokenizer, check_classes, other_files
from textrnn.corpus.resample import Sample
from textrnn.corpus.splits import DEV_FRACTION, SMALL
from textrnn.corpus.statistics import cut_share, enough_tokens, length_quantiles
from textrnn.errors import DataError, TextRNNError, UsageError, command, short
from textrnn.reading.columns import Columns, guess_columns
from textrnn.reading.decoding import find_encoding
from textrnn.reading.reader import Skipped, read_examples
from textrnn.reading.source import DEFAULT_COLUMNS, Source, folder_entries
from textrnn.runtime.files import data_name, strip_gz, write_text
from textrnn.runtime.progress import bar, log
from textrnn.runtime.terminal import aligned, one_line, visible
from textrnn.texts.tokenizer import share_unspaced

_TEXTS, _CHARACTERS = 100_000, 60_000_000  # of a larger file, only the first ones are looked at
_DOCUMENTS, _BYTES = 20_000, 64_000_000  # whose encoding is looked at, at most: of a folder, and of each file
_DRAWN = (10_000, 10_000_000)  # texts and characters, at most, drawn at random for lengths and scripts
_MANY_BAD = 0.05  # a larger share of bad rows means that the file is of another kind
_MOST_TOKENS = 1000  # of a text that are read, unless the user says so: time and memory grow with them
_SHOWN = 12  # classes and columns
_SOME_UNSPACED = 0.01  # share of the letters from which on texts count as having scripts without spaces
_SPLITS = {"dev": ("dev", "val", "valid", "validation"), "test": ("test",)}  # names of files
# A course's recurrent network, all of which a config with `preset: plain` states.
_PLAIN_KEYS = [
    "model.cell", "model.embedding_dim", "model.hidden_size", "model.num_layers", "model.bidirectional",
    "model.dropout", "model.pooling", "train.epochs", "train.learning_rate", "train.grad_clip_norm",
]  # fmt: skip
_OFFERED = [
    "model.cell", "model.hidden_size", "train.epochs", "train.learning_rate",
    "train.class_weights", "train.seed",
]  # fmt: skip


class _Texts(NamedTuple):
    """Statistics of a file's texts. is_all: whether the file has no more than these. sizes: the number of texts of each
    class, the largest first. unspaced: the share of letters that are written without spaces between words. lengths
    (n,): in tokens, of texts drawn at random."""

    number: int
    is_all: bool
    sizes: list[tuple[str, int]]
    skipped: Skipped
    unspaced: float
    lengths: np.ndarray


class _Draft:
    """A config in the making: the keys that the user has set, those detected in the file, and the reasons. offered:
    keys to show without effect."""

    def __init__(self, file: str, overrides: Sequence[tuple[str, Any]], preset: str | None) -> None:
        self.file, self.overrides, self.preset = file, overrides, preset
        self.given = {key for key, _ in overrides}
        self.detected: dict[str, Any] = {}
        self.offered: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    def set(self, key: str, value: Any, reason: str) -> None:
        """Set a key to a detected value, unless the user has set it."""
        if key not in self.given:
            self.detected[key], self.reasons[key] = value, reason

    def offer(self, key: str, value: Any, reason: str = "") -> None:
        """Offer a key that has an effect in this config, unless it is set."""
        has_effect = self.config.model.has_network or not is_of_network(key)
        if has_effect and key not in self.given and key not in self.detected:
            self.offered[key], self.reasons[key] = value, reason

    @property
    def config(self) -> Config:
        return load_config(None, [("data.train", self.file), *self.overrides, *self.detected.items()], self.preset)

    def source(self, **changes: Any) -> Source:
        return build_source(self.file, self.config.replaced(data=changes).data, weighted=True)


def init(
    file: str, overrides: Sequence[tuple[str, Any]], preset: str | None, output: Path | None, *, force: bool
) -> str:
    """The config of a file, a glob or a folder, also written to `output`. overrides: keys that the user has set.

    Raises: TextRNNError as `train` does if it could not begin with these texts, and for an output that exists, unless
    `force` is set; UsageError for an output that is an input.
    """
    draft = _Draft(file, overrides, preset)
    if "data.train" in draft.given:
        raise UsageError("--set data.train: FILE names the training texts; give one of them")
    config = draft.config
    paths = [path for path, _ in Source([file], labelled=False, format=config.data.format).files()]
    if output is not None:
        check_output("--output", output, [*paths, *other_files(config).values()])
        if output.is_file() and not force:
            raise TextRNNError(f"{output}: exists; to replace it, add --force, or name another file")
        check_writable(output)
    if "data.encoding" not in draft.given and (encoding := _encoding(paths)) is not None:
        draft.set("data.encoding", encoding, "A guess: the bytes are not UTF-8, and fit this encoding best.")
    columns = _find_columns(draft)
    warn_of_dead_keys(draft.config)
    texts = _examine(draft.source(bad_rows="skip"), draft.config)
    _choose_settings(draft, texts)
    if draft.config.preset == "plain" and draft.config.model.pretrained is None:
        draft.set("model.embedding_dim", DEFAULT_EMBEDDING_DIM, "")
    config = draft.config
    keys = commented_yaml(
        config, stated=_PLAIN_KEYS * (config.preset == "plain"), offered=draft.offered, reasons=draft.reasons
    )
    name = output or Path(f"{data_name(file)}.yaml")
    text = "\n".join([_description(draft, columns, texts), keys, _commands(file, name)])
    text = text.encode("utf-8", "backslashreplace").decode()  # names of files may hold halves of characters
    if output is not None:
        write_text(output, text)
        log.info("train with it: %s", command("train", "--config", output))
    return text


def _encoding(paths: Sequence[str]) -> str | None:
    """The first encoding of a file that is clear and not UTF-8; None without any."""
    encodings = (find_encoding(path, _BYTES) for path in islice(_documents(paths), _DOCUMENTS))
    return next((encoding for encoding in encodings if encoding not in (None, "utf-8")), None)


def _documents(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if os.path.isdir(path):
            yield from (file for file, problem in folder_entries(path, follow_links=True) if problem is None)
        else:
            yield path


def _find_columns(draft: _Draft) -> Columns | None:
    """The columns of the first file, None if the format has none, or no column can hold labels."""
    (path, kind), *_ = draft.source().files()
    if kind not in DEFAULT_COLUMNS:
        return None
    columns = guess_columns(path, kind, draft.source(), rows=_TEXTS, characters=_CHARACTERS)
    if columns is None:
        return None
    if columns.format != kind:
        draft.set("data.format", columns.format, "The fields are in quotes, which csv removes and tsv does not.")
    text, label = DEFAULT_COLUMNS[columns.format]
    guessed = "Guessed from the column's name and"
    numbers = " Without a header, columns have numbers, from 0." * isinstance(columns.label, int)
    if columns.text != text:
        draft.set("data.text_column", columns.text, f"{guessed} the length of its fields.{numbers}")
    if columns.label != label:
        draft.set("data.label_column", columns.label, f"{guessed} its repeated values.{numbers}")
    return columns


def _examine(source: Source, config: Config) -> _Texts:
    """Raises DataError if `train` could not begin with these texts, or if many rows are bad."""
    sample, sizes, skipped = Sample(*_DRAWN, config.train.seed), Counter[str](), Skipped()
    count, characters, is_all = 0, 0, True
    examples = read_examples(source, skipped)
    with bar("reading") as shown:
        for count, example in enumerate(examples, start=1):
            sizes[str(example.label)] += 1
            characters += len(example.text)
            sample.add(example)
            shown.update()
            if count == _TEXTS or characters >= _CHARACTERS:
                is_all = next(examples, None) is None
                break
    rows = count + skipped.count
    if skipped.count > _MANY_BAD * rows:
        raise DataError(
            f"{skipped.shown[0]} ({skipped.count:,} of {rows:,} rows cannot be read; {source.options.bad_rows})"
        )
    if is_all or len(sizes) > 1:
        check_classes(list(sizes), count, source)
    tokenizer, drawn = build_tokenizer(config.tokenizer), [example.text for example in sample.examples]
    lengths = np.asarray([sum(1 for _ in tokenizer.tokens(text)) for text in drawn])
    return _Texts(count, is_all, sizes.most_common(), skipped, share_unspaced(drawn), lengths)


def _choose_settings(draft: _Draft, texts: _Texts) -> None:
    """Set values that suit the texts better than the defaults, and offer others."""
    config, (largest, most), (smallest, least) = draft.config, texts.sizes[0], texts.sizes[-1]
    if texts.skipped.count:
        reason = (
            f"{texts.skipped.count:,} texts cannot be read, the first: {texts.skipped.shown[0]}. They are left out."
        )
        draft.set("data.bad_rows", "skip", reason)
    limit = config.data.max_length
    share = cut_share(texts.lengths, limit)
    longer = f"{100 * share:.1f} % of the texts have more than {limit:,} tokens"
    if (enough := enough_tokens(texts.lengths, limit)) is not None:
        tokens = min(enough, _MOST_TOKENS)
        whole = 100 * (1 - cut_share(texts.lengths, tokens))
        reason = f"{longer}; this many cover {whole:.0f} % of the texts in full, but take longer to train."
        draft.set("data.max_length", tokens, reason)
    for key in _OFFERED:
        draft.offer(key, config.default(*key.split(".")))
    if share > 0:
        draft.offer("data.max_length", limit, f"Number of tokens read from each text. {longer}.")
    for split, words in _SPLITS.items():
        sibling = _sibling(draft.file, words)
        draft.offer(f"data.{split}", sibling or split + os.path.splitext(strip_gz(draft.file))[1])
    draft.offer("model.pretrained", "vectors.txt")
    reason = "char, the default, keeps words between spaces whole"
    if texts.unspaced >= _SOME_UNSPACED:
        reason += " and splits scripts without spaces, such as Chinese, into characters; jieba finds Chinese words"
    draft.offer("tokenizer.kind", config.default("tokenizer", "kind"), f"{reason}.")
    if most >= IMBALANCED * least:
        draft.offer(
            "train.class_weights",
            "balanced",
            f"{short(largest)} has {most / least:.0f} times as many texts as {short(smallest)}: look at macro-F1 "
            f"rather than accuracy; `balanced` finds more of small classes.",
        )
    labels = sorted(label for label, _ in texts.sizes)
    if labels == sorted(map(str, range(len(labels)))):
        reason = "The labels are numbers from 0: reports show names instead, if a file has one per line."
        draft.offer("data.label_names", "names.txt", reason)
    if config.train.folds == 1 or texts.number >= SMALL or not texts.is_all:
        draft.offer("data.dev_fraction", DEV_FRACTION, "Share of the texts that is held out to choose the best epoch.")
    elif config.model.has_network:
        draft.offer(
            "train.folds",
            config.train.folds,
            f"With fewer than {SMALL:,} texts, this many networks are trained, each is evaluated on texts that it "
            f"has not seen, and predictions are their average; 1 trains a single network, which is faster.",
        )


def _sibling(file: str, words: Sequence[str]) -> str | None:
    """A file beside this one with one of the words in place of `train` in its name."""
    folder, name = os.path.split(file)
    siblings = (os.path.join(folder, re.sub("train", word, name, count=1, flags=re.IGNORECASE)) for word in words)
    return next((path for path in siblings if path != file and os.path.exists(path)), None)


def _description(draft: _Draft, columns: Columns | None, texts: _Texts) -> str:
    """A description of the file, as a comment."""
    source = draft.source()
    lines = [f"{draft.file}: {source.common_format()}, {source.encoding}."]
    if columns is not None:
        fields = f"Fields are separated by {short(columns.delimiter)}. " * (columns.format == "csv")
        values = (f"{short(name)} ({count:,})" for name, count in columns.distinct.items())
        lines.append(f"{fields}Columns (different values): {_listed(values, len(columns.distinct))}.")
    script = f"{100 * texts.unspaced:.0f} % of the letters are of scripts without spaces, such as Chinese"
    lines.append(
        f"{texts.number:,} texts{' were looked at; there are more' * (not texts.is_all)}; "
        + (script if texts.unspaced >= _SOME_UNSPACED else "words are separated by spaces")
        + "."
    )
    median, p95, longest = length_quantiles(texts.lengths, 50, 95, 100)
    empty = int((texts.lengths == 0).sum())
    none = f" {empty:,} of {len(texts.lengths):,} texts have none: train leaves them out." * (empty > 0)
    lines.append(f"Tokens per text: median {median:,}, 95th percentile {p95:,}, maximum {longest:,}.{none}")
    sizes = (f"{short(label)} ({size:,})" for label, size in texts.sizes)
    few = sum(size < FEW_TEXTS for _, size in texts.sizes)
    lines.append(
        f"{len(texts.sizes):,} class{'es' * (len(texts.sizes) > 1)}: {_listed(sizes, len(texts.sizes))}."
        + f" {few:,} with fewer than {FEW_TEXTS} texts, too few to learn or to evaluate." * (few > 0)
    )
    explained = (
        "A key after # is not set: it shows the default, or what to fill in. Paths are relative to the folder in which "
        "a command runs."
    )
    return "".join(map(comment, lines)) + "#\n" + comment(explained)


def _listed(parts: Iterable[str], count: int) -> str:
    """The first parts. count: the number of all."""
    return ", ".join(islice(parts, _SHOWN)) + f" and {count - _SHOWN:,} more" * (count > _SHOWN)


def _commands(file: str, config: Path) -> str:
    """Commands for the next steps, as a comment. config: the file's name."""
    run = Path("runs") / data_name(config.with_suffix(".yaml"))
    new = "new" + os.path.splitext(strip_gz(file))[1]
    commands = {
        command("check", "--config", config): "faults of the texts, before training",
        command("train", "--config", config): f"a model, in {run}",
        command("eval", run): "its scores",
        command("predict", run, new): "labels for other texts",
    }
    rows = [("#", one_line(visible(line)), one_line(visible(meaning))) for line, meaning in commands.items()]
    return "# Next:\n" + "".join(f"{line}\n" for line in aligned(rows, left=3))
