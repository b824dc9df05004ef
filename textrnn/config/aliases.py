"""Names that other programs use for the config's keys, so that a message can suggest the right key."""

from __future__ import annotations

from collections.abc import Collection

_ALIASES = {
    "data.train": "train_file train_path train_data training training_data dataset input",
    "data.dev": "dev_file dev_path val valid validation val_file valid_file eval_file",
    "data.test": "test_file test_path test_data",
    "data.dev_fraction": "dev_split val_split val_size valid_fraction validation_split validation_fraction",
    "data.format": "file_format filetype data.type",
    "data.text_column": "text text_col text_field content_column text_key",
    "data.label_column": "label label_col label_field target target_column label_key",
    "data.weight_column": "weight_col weight_field sample_weight sample_weights weight_key row_weight row_weights",
    "data.label_names": "classes class_names labels label_file class_file",
    "data.encoding": "charset codec",
    "data.delimiter": "sep separator field_separator",
    "data.max_length": "max_len maxlen max_seq_len max_seq_length seq_len seq_length pad_size max_tokens truncate",
    "data.bad_rows": "on_bad_lines on_bad_rows skip_bad_rows errors",
    "data.cache_dir": "cache cache_path",
    "tokenizer.kind": "tokenizer tokenizer_type tokenize level tokenizer.type tokenizer.name",
    "tokenizer.lowercase": "lower lower_case do_lower_case",
    "tokenizer.normalize": "nfkc unicode normalization",
    "tokenizer.user_dict": "userdict dict dictionary jieba_dict",
    "vocab.min_count": "min_freq min_df mincount min_frequency",
    "vocab.max_size": "vocab_size max_vocab max_vocab_size max_features num_words n_vocab",
    "model.architecture": "arch model model_name model_type network model.type model.name model.kind",
    "model.cell": "rnn_type cell_type rnn_cell unit rnn",
    "model.nonlinearity": "activation",
    "model.embedding_dim": "embed_dim emb_dim emb_size embed_size embedding_size embed embedding d_model input_size",
    "model.hidden_size": "hidden hidden_dim hid_size units rnn_size rnn_hidden n_hidden num_hidden hidden_units",
    "model.num_layers": "layers n_layers nlayers hidden_layers depth rnn_layers",
    "model.bidirectional": "bidir bi birnn bi_directional",
    "model.dropout": "drop dropout_rate drop_rate drop_prob p_drop",
    "model.embedding_dropout": "emb_dropout embed_dropout spatial_dropout input_dropout",
    "model.pooling": "pool pooling_type aggregation",
    "model.attention_hops": "hops n_hops num_hops",
    "model.fc_size": "fc dense dense_size fc_dim mlp_size linear_size",
    "model.pretrained": "vectors embeddings word_vectors glove word2vec pretrained_vectors embedding_file",
    "model.freeze_embedding": "freeze freeze_embeddings static",
    "model.rare_dim": "rare_token_dim tail_dim adaptive_input adaptive_dim",
    "model.ngrams": "ngram n_gram word_ngrams wordngrams ngram_range",
    "model.ngram_dim": "ngram_size ngram_embedding_dim n_gram_dim",
    "model.max_ngrams": "bucket buckets n_gram_vocab",
    "model.linear": "linear_model wide baseline svm",
    "train.batch_size": "bs batch batchsize mini_batch minibatch_size per_device_train_batch_size",
    "train.epochs": "epoch num_epochs n_epochs max_epochs nepochs num_train_epochs iterations",
    "train.learning_rate": "lr eta step_size base_lr max_lr",
    "train.minutes": "max_minutes max_time time_limit time_budget timeout",
    "train.folds": "k_folds kfold n_folds cv n_splits cross_validation cross_fit",
    "train.weight_decay": "wd l2 l2_reg decay weight_reg",
    "train.schedule": "scheduler lr_scheduler lr_schedule lr_decay",
    "train.warmup": "warmup_ratio warmup_fraction warmup_proportion",
    "train.grad_clip_norm": "clip grad_clip gradient_clip clip_norm clipping max_norm max_grad_norm clip_grad_norm "
    "gradient_clip_val clip_gradients",
    "train.accumulate": "accumulation grad_accum grad_accumulation gradient_accumulation accumulation_steps "
    "gradient_accumulation_steps accumulate_grad_batches",
    "train.label_smoothing": "smoothing label_smooth",
    "train.adversarial_norm": "adversarial adv epsilon adv_eps",
    "train.class_weights": "class_weight weights weighted pos_weight",
    "train.monitor": "metric metric_for_best_model early_stopping_metric",
    "train.patience": "early_stopping early_stop early_stopping_patience",
    "train.seed": "random_seed random_state rng_seed",
    "train.precision": "dtype compute_dtype",
    "train.save_minutes": "save_every save_interval checkpoint_interval",
}
_KEY_OF = {alias: key for key, aliases in _ALIASES.items() for alias in aliases.split()}
# Settings for which other programs have a key, and this one does not.
_WITHOUT_KEY = {
    "the optimizer is always AdamW": "optimizer optim optimiser optimizer_type optimizer_name solver",
    "AdamW has its usual momenta, 0.9 and 0.999": "momentum beta1 beta2 betas adam_beta1 adam_beta2",
    "the loss is always cross-entropy": "loss criterion loss_fn loss_function objective",
    "the classes are those of the training texts": "num_classes n_classes num_labels n_labels output_size",
    "pass --device": "device gpu cuda use_cuda use_gpu no_cuda accelerator",
    "pass --run-dir": "output_dir run_dir save_dir log_dir checkpoint_dir model_dir",
    "pass --minutes": "max_hours",
    "texts are always shuffled": "shuffle",
    "texts are tokenized on all cores, before training": "num_workers workers n_jobs num_threads",
    "a model is evaluated after each epoch": "eval_steps eval_every eval_strategy evaluation_strategy eval_interval",
}
_REASON_OF = {name: reason for reason, names in _WITHOUT_KEY.items() for name in names.split()}


def key_by_alias(name: str, known: Collection[str]) -> str | None:
    """The `section.key` that `name` means, with or without its section: one in another section, or under a name that
    is common elsewhere. None if there is no such key."""
    whole = _plain(name)
    bare = whole.rpartition(".")[2]
    alike = [key for key in known if key.partition(".")[2] == bare]
    return alike[0] if len(alike) == 1 else _KEY_OF.get(whole) or _KEY_OF.get(bare)


def why_there_is_no_key(name: str) -> str | None:
    """The reason that a setting, common elsewhere, has no key here, or the option that sets it; None if `name` is not
    such a setting. name: with or without a section."""
    return _REASON_OF.get(_plain(name).rpartition(".")[2])


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")
