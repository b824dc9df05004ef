"""The parts of the bench, each a module with TITLE, ABOUT and `measure() -> Findings`."""

from __future__ import annotations

import importlib

from scripts.bench.corpora import WORK, Missing
from scripts.bench.machine import describe, versions
from scripts.bench.programs import keras_python
from scripts.bench.report import Part, save, section
from scripts.bench.tables import Findings
from textrnn.runtime.process import tune_torch

PARTS = ["encoder", "buckets", "titles", "reviews", "prediction", "tokenizing", "startup"]
WITH_KERAS = ["titles", "reviews"]
TUNED = ["buckets"]  # which is all our own, and starts no programs


def measure(name: str) -> None:
    """Measure a part, keep what it found, and print it; what it lacks is said there and is no failure."""
    WORK.mkdir(parents=True, exist_ok=True)
    machine = describe()
    if name in TUNED:
        tune_torch()
    module = importlib.import_module(f"scripts.bench.{name}")
    try:
        found: Findings = module.measure()
    except Missing as reason:
        found = Findings([], [str(reason)])
    with_keras = name in WITH_KERAS and found.tables and not any("Keras" in reason for reason in found.skipped)
    installed = versions(keras_python() if with_keras else None)
    part = Part(name, module.TITLE, module.ABOUT, machine, installed, found.tables, list(found.skipped))
    save(WORK, part)
    print(section(part), flush=True)
