"""python -m tests.chaos --minutes N --seed S"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos import chaos
from tests.chaos.plan import KINDS


def main() -> int:
    """Run chaos, print what was found; 1: something was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="of load and faults")
    parser.add_argument("--seed", type=int, default=None, help="of faults and load; default: any")
    parser.add_argument("--only", action="append", choices=list(KINDS), help="kinds of faults")
    parser.add_argument("--pause", type=float, default=0.5, help="s between a client's calls")
    parser.add_argument("--folder", type=Path, default=None, help="empty; keeps logs and ledger")
    chosen = parser.parse_args()
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(exist_ok=True)
    print(f"seed {seed}; logs and ledger in {folder}", flush=True)
    report = chaos.run(
        folder,
        seed,
        chosen.minutes * 60,
        kinds=chosen.only or tuple(KINDS),
        pause_s=chosen.pause,
        say=lambda line: print(line, flush=True),
    )
    print(report)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
