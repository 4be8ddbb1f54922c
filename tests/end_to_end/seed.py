"""The calls that this system was asked for with, verbatim, and what the first of them sends."""

from __future__ import annotations

import json
import re
from pathlib import Path

_PAGE = Path(__file__).with_name("seed_calls.md").read_text(encoding="utf-8")

CALLS = re.findall(r"^```bash\n(curl .*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
#: A mail of high priority, due at a moment that has passed.
EMAIL = json.loads(CALLS[0].partition("-d '")[2].rpartition("'")[0])
