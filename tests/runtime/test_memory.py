from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COMMAND
from textrnn.runtime.process import check_memory


def test_memory_that_cannot_be_had_is_an_error_and_what_can_is_not_taken() -> None:
    check_memory(0)
    check_memory(1 << 30)
    for size in (1 << 60, 1 << 70):
        with pytest.raises(MemoryError):
            check_memory(size)


@pytest.mark.parametrize("megabytes", [400, 800])
def test_too_low_a_limit_is_one_message(trained: Path, workplace: Path, megabytes: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    (workplace / "x.txt").write_text("a text\n")
    for command in (["train", "--data", "train.tsv"], ["eval", trained], ["predict", trained, "x.txt"]):
        result = subprocess.run([*COMMAND, *command], capture_output=True, text=True, cwd=workplace, preexec_fn=limit)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("error: out of memory (838,860,800 bytes)")
        assert result.stderr.count("\n") == 1


def test_what_saving_needs_is_looked_for_before(tmp_path: Path) -> None:
    code = (
        "import resource, sys, torch\n"
        "from pathlib import Path\n"
        "from textrnn.runtime.tensors import save_tensors\n"
        "model = torch.nn.Linear(4000, 4000)\n"  # 64 MB
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20), -1))\n"
        "try: save_tensors(Path(sys.argv[1]), model.state_dict())\n"
        "except MemoryError: print('MemoryError')"
    )
    result = subprocess.run([sys.executable, "-c", code, tmp_path / "w"], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("MemoryError\n", "")
    assert list(tmp_path.iterdir()) == []
