"""Seeded attacks on the whole program: hostile configs, files, signals, limits, streams and command lines.

A case is a family and a number, and all that is random in it comes from the two. `make test` runs the first few cases
of each family, `make slow` 3,000 in all.

TEXTRNN_ATTACKS=5 runs five times as many. TEXTRNN_ATTACK_CASE=17 runs only case 17 of each family; to repeat a failure:

    TEXTRNN_ATTACK_CASE=17 pytest 'tests/attacks/test_attacks.py::test_few_cases[data]'
"""
