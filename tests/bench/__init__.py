"""Measurements: `python -m tests.bench [--only NAME] [--quick] [--json]`.

Each row comes with a yardstick that was measured in the same run, in turn with ours: another
machine has other figures, but much the same ratios.
"""
