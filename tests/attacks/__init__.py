"""Attacks on the whole program: hostile configs, command lines, data, folders, signals and limits.

Hypothesis draws the cases, always the same ones: a few of each family in `make test`, many in `make slow`, and with
TEXTRNN_ATTACKS=5 five times as many. `command.py` has what must hold however a command ends. Commands run in forks of
the test's process; those with signals or limits, in `make slow` only, are processes of their own.
"""
