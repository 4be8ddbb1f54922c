"""The documents say what the code does."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from dispatch_app import config
from dispatch_app.dispatch import _defaults
from dispatch_app.domain.run import FINISHED, TRANSITIONS, RunStatus
from dispatch_app.domain.task import TASK_STATUSES
from tests.conventions import configuration_md, redis_md
from tests.conventions.repository import PACKAGES, ROOT, modules, read

DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md")) + [
    path for path in ("CHANGELOG.md", "CONTRIBUTING.md", "README.md") if (ROOT / path).exists()
]
EVERY_DOCUMENT = pytest.mark.parametrize("path", DOCUMENTS)

#: Settings that are checked and do nothing yet; docs/configuration.md says so of each.
IDLE: set[str] = set()


def rows(document: str, heading: str, title: str) -> list[list[str]]:
    """The cells of the first table under a heading whose first column has that title."""
    lines = iter(document.partition(f"## {heading}\n")[2].splitlines())
    next(line for line in lines if line.startswith(f"| {title} |"))
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return found


def edges(document: str, heading: str) -> set[tuple[str | None, str]]:
    """The arrows of the drawing under a heading."""
    drawing = document.partition(f"## {heading}\n")[2].partition("```mermaid\n")[2]
    arrows = re.findall(r"(\S+) --> (\S+)", drawing.partition("```")[0])
    return {(None if before == "[*]" else before, after) for before, after in arrows}


def test_the_life_of_a_run_is_drawn_as_the_code_has_it():
    document = read("docs/lifecycle.md")
    written = [
        (None if before == "–" else before, event, after)
        for before, event, after in rows(document, "A run", "from")
    ]
    assert written == list(TRANSITIONS)
    assert edges(document, "A run") == {(before, after) for before, _, after in TRANSITIONS}


def test_every_status_of_a_run_is_explained():
    written = rows(read("docs/lifecycle.md"), "A run", "status")
    assert [status.strip("`") for status, _, _ in written] == list(get_args(RunStatus))
    assert {status.strip("`") for status, _, over in written if over == "yes"} == FINISHED


def test_every_status_of_a_task_is_explained():
    document = read("docs/lifecycle.md")
    written = [status.strip("`") for status, _, _ in rows(document, "A task", "status")]
    assert written == list(TASK_STATUSES)
    assert {after for _, after in edges(document, "A task")} == set(TASK_STATUSES)


def test_redis_md_is_what_the_keys_and_the_scripts_say():
    command = "python -m tests.conventions.redis_md > docs/redis.md"
    assert read("docs/redis.md") == redis_md.document(), f"run: {command}"


def test_the_table_of_settings_is_that_of_the_code():
    written = configuration_md.table_of(read(configuration_md.PATH))
    command = "python -m tests.conventions.configuration_md"
    assert written == configuration_md.table(), f"run: {command}"


def test_what_celery_is_told_is_all_written_down():
    table = rows(read("docs/configuration.md"), "What Celery is told", "setting")
    written = [name for cell, _ in table for name in re.findall(r"`(\w+)`", cell)]
    assert written == list(_defaults(config.load(environ={})))


@pytest.mark.parametrize("name", list(config.KEYS))
def test_every_setting_is_used_or_said_to_do_nothing(name):
    code = "".join(read(path) for path in modules() if path != "dispatch_app/config.py")
    section, _, last = name.partition(".")
    # gunicorn's module calls its section `_server`
    used = bool(re.search(rf"\b_?{section}\.{last}\b", code))
    assert used is (name not in IDLE)
    if name in IDLE:
        said = rf"`{name}` [^:;]*\*\*does nothing yet\*\*"
        assert re.search(said, read("docs/configuration.md"))


@EVERY_DOCUMENT
def test_every_path_that_a_document_names_is_there(path):
    named = re.findall(rf"`((?:{'|'.join(PACKAGES)}|tests|deploy|docs)/[\w./*-]*)`", read(path))
    # a folder or a pattern is there if something is in it
    missing = [name for name in set(named) if not list(ROOT.glob(name.rstrip("/")))]
    assert missing == []


@EVERY_DOCUMENT
def test_every_link_within_the_repository_leads_somewhere(path):
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", read(path))
    missing = [link for link in links if not (ROOT / path).parent.joinpath(link).exists()]
    assert missing == []


def test_every_word_of_the_vocabulary_is_in_the_code_where_it_says():
    document = read("docs/vocabulary.md").replace("# Vocabulary", "## Vocabulary", 1)
    for word, _, place in rows(document, "Vocabulary", "word"):
        names = re.findall(r"`([^`]+)`", place)
        files = [name for name in names if (ROOT / name).is_file()]
        code = "".join(read(path) for path in files or modules())
        wanted = [name.rpartition(".")[2] for name in names if name not in files]
        assert [name for name in wanted if name not in code] == [], word
