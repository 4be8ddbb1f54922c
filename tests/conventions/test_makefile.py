"""`make help` names everything that `make` can do for a person."""

from __future__ import annotations

import re
import subprocess

from tests.conventions.repository import ROOT, read


def test_help_lists_every_target_with_what_it_does():
    answer = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    listed = dict(re.findall(r"^  make (\w+) +(\S.*)$", answer.stdout, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.MULTILINE)
    assert phony
    assert sorted(listed) == sorted(phony[1].split())


def test_help_is_what_make_does_when_nothing_is_asked():
    assert ".DEFAULT_GOAL := help" in read("Makefile").splitlines()


def test_the_gate_runs_lint_and_test_and_nothing_of_its_own():
    last = read(".ci/run").strip().splitlines()[-1]
    assert re.fullmatch(r"exec make .*\blint test", last)
