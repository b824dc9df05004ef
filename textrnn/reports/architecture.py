"""The architecture of a model in words."""

from __future__ import annotations

from textrnn.config import ModelConfig
from textrnn.runtime.terminal import count_of

NAMES = {"textrnn": "TextRNN", "rcnn": "RCNN", "tdnn": "TDNN"}  # the names of the architectures


def model_name(config: ModelConfig, *, has_linear: bool) -> str:
    """A title such as "TextRNN (GRU) and linear model"."""
    if not config.has_network:
        return "Linear model"
    cell = "" if config.architecture == "tdnn" else f" ({config.cell.upper()})"
    return f"{NAMES[config.architecture]}{cell}{' and linear model' if has_linear else ''}"


def network_line(config: ModelConfig, parameters: int, count: int) -> str:
    """A description such as "2-layer LSTM, both directions, max pooling, 4 x 234,567 parameters", or "RCNN of a 2-layer
    LSTM, ...". parameters: of each of `count` networks."""
    architecture = {"textrnn": "", "rcnn": "RCNN of a ", "tdnn": "TDNN of "}[config.architecture]
    return architecture + layers_line(config, parameters, count)


def layers_line(config: ModelConfig, parameters: int, count: int) -> str:
    """The same without the name of the architecture."""
    if config.architecture == "tdnn":
        layers = count_of(config.num_layers, "layer")
        directions = "centred windows" if config.bidirectional else "windows of earlier words"
    else:
        cell = config.cell.upper() if config.cell != "rnn" else f"RNN ({config.nonlinearity})"
        layers = f"{config.num_layers}-layer {cell}"
        directions = "both directions" if config.bidirectional or config.architecture == "rcnn" else "one direction"
    pooling = f"{config.pooling} pooling" if config.attention_hops == 1 else f"attention, {config.attention_hops} hops"
    ngrams = f", n-grams up to {config.ngrams}" if config.ngrams > 1 else ""
    times = f"{count} x " if count > 1 else ""
    return f"{layers}, {directions}, {pooling}{ngrams}, {times}{parameters:,} parameters"


def linear_phrase(config: ModelConfig) -> str:
    """The end of the description of a model that has a linear model."""
    return f"plus a linear model ({'mixed in' if config.linear == 'mix' else 'reported only'})"
