from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import torch

from textrnn.runtime.threads import map_in_threads, run_in_threads, start_in_thread


@pytest.mark.parametrize("cores", [1, 3])
def test_results_are_in_the_order_of_the_tasks(cores: int) -> None:
    tasks = [lambda n=n: n * n for n in range(10)]
    assert run_in_threads(tasks, cores=cores, mode=torch.no_grad) == [n * n for n in range(10)]


@pytest.mark.parametrize("cores", [1, 2])
def test_only_with_one_core_the_calling_thread_runs_the_tasks(cores: int) -> None:
    threads = {*run_in_threads([threading.get_ident] * 2, cores=cores, mode=torch.no_grad)}
    threads.add(start_in_thread(threading.get_ident, cores=cores).result())
    assert threads == {threading.get_ident()} if cores == 1 else threading.get_ident() not in threads


def test_with_several_cores_tasks_run_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=60)  # each waits until the other one has come
    assert sorted(run_in_threads([both.wait] * 2, cores=2, mode=torch.no_grad)) == [0, 1]


def test_torch_uses_one_core_in_each_thread_and_as_many_as_before_in_the_calling_one() -> None:
    torch.set_num_threads(3)  # the fixture of this folder restores it
    assert run_in_threads([torch.get_num_threads] * 4, cores=3, mode=torch.no_grad) == [1] * 4
    assert torch.get_num_threads() == 3


def test_a_thread_that_has_ended_a_task_leaves_the_rounded_weights_of_others() -> None:
    """Otherwise gradients of a weight are added up in parts, whose number depends on the time that threads take."""
    inputs, weight, ended = torch.ones(8, 8), torch.nn.Parameter(torch.ones(8, 8)), threading.Event()

    def roundings() -> int:
        products = [inputs @ weight]
        assert ended.wait(timeout=60)
        products.append(inputs @ weight)
        return len({product.grad_fn.next_functions[1][0] for product in products})  # type: ignore[union-attr]

    with torch.autocast("cpu", torch.bfloat16):  # the other thread runs an empty task, and then the one that reports it
        count, *_ = run_in_threads([roundings, lambda: 0, lambda: ended.set() or 0], cores=2, mode=torch.enable_grad)
    assert count == 1


def test_threads_that_start_after_the_pool_use_as_many_cores_as_before() -> None:
    torch.set_num_threads(3)
    found = []

    run_in_threads([torch.get_num_threads] * 2, cores=9, mode=torch.no_grad)  # no other test has a pool of nine
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()

    assert found == [3]


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [(torch.enable_grad, (True, False)), (torch.no_grad, (False, False)), (torch.inference_mode, (False, True))],
)
def test_tasks_run_in_the_gradient_mode_asked_for(mode: type, expected: tuple[bool, bool], cores: int) -> None:
    def task() -> tuple[bool, bool]:
        return torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    for outside in (torch.enable_grad, torch.no_grad):
        with outside():
            assert run_in_threads([task] * 3, cores=cores, mode=mode) == [expected] * 3
            assert [*map_in_threads(lambda _: task(), [0], cores=cores, mode=mode)] == [(0, expected)]


@pytest.mark.parametrize("cores", [1, 2])
def test_autocast_of_the_calling_thread_applies_to_the_tasks(cores: int) -> None:
    def task() -> tuple[bool, torch.dtype]:
        return torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

    with torch.autocast("cpu", torch.float16):
        assert run_in_threads([task] * 3, cores=cores, mode=torch.no_grad) == [(True, torch.float16)] * 3
        ((_, settings),) = map_in_threads(lambda _: task(), [0], cores=cores, mode=torch.no_grad)
    assert settings == (True, torch.float16)
    assert not any(enabled for enabled, _ in run_in_threads([task] * 3, cores=cores, mode=torch.no_grad))


@pytest.mark.parametrize("cores", [1, 2])
def test_an_exception_is_raised(cores: int) -> None:
    with pytest.raises(ZeroDivisionError):
        run_in_threads([lambda: 1 // 0] * 3, cores=cores, mode=torch.no_grad)
    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(lambda n: 1 // n, [1, 0, 2], cores=cores, mode=torch.no_grad))


@pytest.mark.parametrize("cores", [1, 3])
def test_items_come_with_their_results_in_order_and_only_a_few_are_computed_ahead(cores: int) -> None:
    taken = []

    def items():
        for number in range(30):
            taken.append(number)
            yield number

    found = []
    for item, square in map_in_threads(lambda n: n * n, items(), cores=cores, mode=torch.no_grad):
        found.append((item, square))
        assert len(taken) <= len(found) + 2 * cores
    assert found == [(number, number * number) for number in range(30)]


def test_when_the_caller_stops_nothing_goes_on_beside_it() -> None:
    began, ended = threading.Event(), threading.Event()

    def slow(number: int) -> None:
        if number == 0:
            began.wait(30)  # else the other one might not have begun, and would never do so
        else:
            began.set()
            time.sleep(0.2)
            ended.set()

    for _ in map_in_threads(slow, range(2), cores=2, mode=torch.no_grad):
        break
    assert ended.is_set()


@pytest.mark.slow  # five seconds
def test_the_program_loads_on_a_system_that_cannot_fork() -> None:
    code = (
        "import os, sys, torch; del os.register_at_fork; sys.modules['fcntl'] = None; "
        "from textrnn import RNNClassifier, TextClassifier; import textrnn.commands.train"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
