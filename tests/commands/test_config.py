"""dispatch config show: every setting with its origin, and no secret."""

from __future__ import annotations

import json
import subprocess

import pytest

from dispatch_app.config import KEYS
from tests.commands.terminal import clean_environ
from tests.processes import celery


def shown(answer) -> dict[str, tuple[str, str]]:
    """key -> (value, origin), as the table has them."""
    assert answer.exit_code == 0, answer.stderr
    rows = [line.split(None, 1) for line in answer.stdout.splitlines()]
    return {name: tuple(rest.rsplit("  ", 1)) for name, rest in rows}


def test_it_shows_every_setting_in_the_order_of_the_sections(dispatch):
    assert list(shown(dispatch("config", "show"))) == list(KEYS)


def test_the_table_tells_values_apart_from_where_they_came_from(dispatch, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text('{"worker": {"count": 2, "queue_size": 7, "poll_interval": 1500000000}}')
    answer = dispatch(
        *("config", "show", "--set", "worker.count=4", "--set", "http.allow_private=yes"),
        CONFIG_FILE=str(file),
        WORKER_COUNT="3",
        SERVER_PORT="9000",
    )
    rows = {name: (value.strip(), origin) for name, (value, origin) in shown(answer).items()}
    assert rows["worker.count"] == ("4", "option")
    assert rows["http.allow_private"] == ("true", "option")
    assert rows["server.port"] == ("9000", "environment SERVER_PORT")
    assert rows["worker.queue_size"] == ("7", f"file {file}")
    assert rows["worker.poll_interval"] == ('"1500ms"', f"file {file}")
    assert rows["scheduler.max_retries"] == ("3", "default")


def test_as_json_it_is_for_programs_and_what_it_shows_is_a_valid_file(dispatch, tmp_path):
    answer = dispatch("config", "show", "--json", WORKER_COUNT="3", SCHEDULER_RETRY_BACKOFF="PT5M")
    rows = json.loads(answer.stdout)
    assert list(rows) == list(KEYS)
    assert rows["worker.count"] == {"value": 3, "origin": "environment WORKER_COUNT"}
    assert rows["scheduler.retry_backoff"]["value"] == "5m"
    content: dict = {}
    for key, row in rows.items():
        section, name = key.split(".")
        content.setdefault(section, {})[name] = row["value"]
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(content))
    again = json.loads(dispatch("config", "show", "--json", CONFIG_FILE=str(file)).stdout)
    assert {key: row["value"] for key, row in again.items()} == {
        key: row["value"] for key, row in rows.items()
    }


SECRETS = {
    "REDIS_URL": "rediss://me:hunter2@db:6380/1",
    "CELERY_BROKER_URL": "amqp://me:hunter2@mq//",
    "SMTP_URL": "smtp://me:hunter2@mail:587",
    "DISPATCH_API_KEYS": "ci:hunter2,ops:hunter2",
}


@pytest.mark.parametrize("how", [(), ("--json",)])
@pytest.mark.parametrize("environ", [SECRETS, {"REDIS_PASSWORD": "hunter2"}])
def test_no_secret_is_shown(dispatch, how, environ):
    answer = dispatch("config", "show", *how, **environ)
    assert answer.exit_code == 0
    assert "hunter2" not in answer.output
    assert answer.output.count("***") >= len(environ)


def test_beside_a_masked_secret_the_rest_can_be_read(dispatch):
    rows = shown(dispatch("config", "show", **SECRETS))
    assert rows["redis.url"][0].strip() == '"rediss://me:***@db:6380/1"'
    assert rows["dispatch.api_keys"][0].strip() == '{"ci": "***", "ops": "***"}'


def test_every_setting_that_may_hold_a_secret_is_masked():
    named = {name for name in KEYS if name.endswith((".url", "_url", "password", "keys"))}
    assert {key.name for key in KEYS.values() if key.secret} == named


def test_a_misspelt_variable_is_hinted_at_beside_the_table(dispatch):
    answer = dispatch("config", "show", "--json", WORKER_COUNTS="3")
    assert json.loads(answer.stdout)["worker.count"]["origin"] == "default"
    assert (
        answer.stderr == "environment WORKER_COUNTS is not a setting; did you mean WORKER_COUNT?\n"
    )


def test_a_wrong_file_is_refused_in_one_line_with_file_key_and_what_is_right(refused, tmp_path):
    file = tmp_path / "settings.json"
    file.write_text('{"scheduler": {"retry_backoff": -1}}')
    assert refused("config", "show", CONFIG_FILE=str(file)) == (
        f"{file}: scheduler.retry_backoff has to be a duration (not negative) "
        'such as "30s", "1h30m", "PT30S" or nanoseconds (30000000000), not -1'
    )


def test_a_wrong_variable_and_a_wrong_option_are_refused_in_one_line(refused):
    assert refused("config", "show", WORKER_COUNT="two") == (
        'environment WORKER_COUNT: worker.count has to be a whole number, at least 1, not "two"'
    )
    assert refused("config", "show", "--set", "worker.cuont=2") == (
        "option: worker.cuont is not a setting; did you mean worker.count?"
    )


def test_an_option_that_is_no_pair_is_refused_by_what_it_should_look_like(dispatch):
    answer = dispatch("config", "show", "--set", "worker.count")
    assert answer.exit_code == 2
    assert "'worker.count' has to look like worker.count=2" in answer.stderr


def in_celery(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        celery("dispatch_app", *words),
        env=clean_environ(**environ),
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_it_is_a_command_of_celery_too():
    answer = in_celery("dispatch", "config", "show", "--json", WORKER_COUNT="3")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["worker.count"]["value"] == 3


def test_celery_refuses_a_wrong_setting_in_one_line():
    for command in (("worker",), ("beat",), ("dispatch", "config", "show")):
        answer = in_celery(*command, WORKER_COUNT="two")
        assert answer.returncode == 1
        assert answer.stderr.splitlines() == [
            'environment WORKER_COUNT: worker.count has to be a whole number, at least 1, not "two"'
        ]
