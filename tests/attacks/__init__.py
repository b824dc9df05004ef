"""Seeded attacks on the whole program: hostile configs, files, signals, limits, streams and command lines.

A case is a family and a number, and all that is random in it comes from the two. `make test` runs the first few cases
of each family (60), `make slow` 3,000 in all. `check.py` has what must hold however a command ends. Commands run in
forks of one process (`server.py`); those with signals or limits in a process of their own.

    TEXTRNN_ATTACKS=5          five times as many cases (0.1: a tenth)
    TEXTRNN_ATTACKS_FROM=3000  the cases from this number on, for new ones
    TEXTRNN_ATTACK_CASE=17     only case 17; to repeat a failure of the family `data`:

    TEXTRNN_ATTACK_CASE=17 pytest 'tests/attacks/test_attacks.py::test_few_cases[data]'

A failure names the case's folder, which is kept with the command's `out` and `err` beside it. `failed.txt`, in the
folder of the family, grows while cases run. With `-s` each family prints its count and time.
"""
