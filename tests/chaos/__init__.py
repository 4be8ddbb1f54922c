"""Chaos: the real stack under a mixed load, while a seeded plan breaks it, again and again.

`python -m tests.chaos --minutes 2 --seed 7` starts Redis (every write on disk before it is
answered), workers of several pools, two beats and the API, each behind a proxy; clients create,
trigger and cancel; faults kill, freeze, stop, cut, slow and fill. The functions write a ledger, a
file outside of the system. At the end ledger, answers and history have to agree with the
invariants of the design: `history.py` says how.
"""
