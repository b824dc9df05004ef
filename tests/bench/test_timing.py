"""Jobs in turns, and programs with their memory."""

from __future__ import annotations

import sys

import pytest

from scripts.bench.timing import Run, interleaved, median_run, run_program


def test_jobs_take_turns_and_long_ones_run_once() -> None:
    order: list[str] = []

    def job(name: str) -> int:
        order.append(name)
        return len(order)

    results = interleaved({name: lambda name=name: job(name) for name in "ABC"}, 3, once={"B"})
    assert "".join(order) == "ABCACAC"
    assert results == {"A": [1, 4, 6], "B": [2], "C": [3, 5, 7]}


def test_medians_of_seconds_and_of_memory_are_apart() -> None:
    found = median_run([Run(3.0, 10, "a"), Run(1.0, 30, "b"), Run(9.0, 20, "c")])
    assert found == Run(3.0, 20, "c")


def test_a_program_is_waited_for_and_its_memory_counted() -> None:
    floor = run_program([sys.executable, "-c", "pass"]).peak_bytes  # at least what this process has itself
    size = floor + 100_000_000
    run = run_program([sys.executable, "-c", f"block = b'x' * {size}; print('done')"])
    assert run.out == "done\n"
    assert size < run.peak_bytes


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ended with 3:\nno luck"):
        run_program([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"])
