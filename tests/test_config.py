import json
from pathlib import Path

import pytest

from dispatch_app import config
from dispatch_app.domain.errors import ConfigError

SEED = {
    "server": {
        "host": "0.0.0.0",
        "port": "8080",
        "read_timeout": 30000000000,
        "write_timeout": 30000000000,
    },
    "redis": {"address": "localhost:6379", "password": "", "db": 0},
    "worker": {
        "count": 5,
        "queue_size": 100,
        "poll_interval": 1000000000,
        "max_concurrent": 10,
    },
    "scheduler": {
        "max_retries": 3,
        "default_timeout": 600000000000,
        "heartbeat_interval": 5000000000,
        "retry_backoff": 30000000000,
    },
}


@pytest.fixture
def written(tmp_path):
    """Writes a configuration file and gives the environment that names it."""

    def write(content, **variables):
        path = tmp_path / "x.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return {"CONFIG_FILE": str(path), **variables}

    return write


def refusal(environ=None, options=None):
    with pytest.raises(ConfigError) as caught:
        config.load(options, environ or {})
    assert "\n" not in caught.value.message
    return caught.value.message


def test_the_seeds_file_loads_verbatim(written):
    read = config.load(environ=written(SEED))
    assert (read.server.host, read.server.port) == ("0.0.0.0", 8080)
    assert (read.server.read_timeout, read.server.write_timeout) == (30_000, 30_000)
    assert read.redis_url == "redis://localhost:6379/0"
    assert (read.worker.count, read.worker.max_concurrent) == (5, 10)
    assert (read.worker.queue_size, read.worker.poll_interval) == (100, 1_000)
    assert (read.scheduler.max_retries, read.scheduler.default_timeout) == (3, 600_000)
    assert (read.scheduler.heartbeat_interval, read.scheduler.retry_backoff) == (5_000, 30_000)


def test_without_anything_the_defaults_are_those_of_the_seed_but_local():
    read = config.load(environ={})
    assert (read.server.host, read.server.port) == ("127.0.0.1", 8080)
    assert (read.worker.count, read.worker.poll_interval) == (1, 1_000)
    assert read.worker.max_concurrent == config.usable_cores() >= 2
    assert read.scheduler == config.Scheduler(3, 600_000, 5_000, 30_000)
    assert (read.dispatch.prefix, read.dispatch.data_dir) == ("{dispatch}:", ".dispatch")
    assert read.origin_of("worker.count") == "default"


def test_option_beats_environment_beats_file_beats_default(written):
    environ = written({"worker": {"count": 2, "queue_size": 2, "max_concurrent": 2}})
    environ |= {"WORKER_COUNT": "3", "WORKER_QUEUE_SIZE": "3"}
    read = config.load({"worker.count": 4, "worker.poll_interval": None}, environ)
    assert (read.worker.count, read.worker.queue_size, read.worker.max_concurrent) == (4, 3, 2)
    assert read.origin_of("worker.count") == "option"
    assert read.origin_of("worker.queue_size") == "environment WORKER_QUEUE_SIZE"
    assert read.origin_of("worker.max_concurrent") == f"file {environ['CONFIG_FILE']}"
    assert read.origin_of("worker.poll_interval") == "default"


TEXTS = {
    "server.host": ("::1", "::1"),
    "server.port": ("9090", 9090),
    "server.read_timeout": ("5s", 5_000),
    "server.write_timeout": ("0s", 0),
    "redis.address": ("db.example:7000", "db.example:7000"),
    "redis.password": ("s3cret", "s3cret"),
    "redis.db": ("4", 4),
    "redis.url": ("unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    "redis.tls": ("insecure", "insecure"),
    "redis.wait_replicas": ("1", 1),
    "redis.wait_timeout": ("2s", 2_000),
    "redis.cluster": ("true", True),
    "worker.count": ("7", 7),
    "worker.max_concurrent": ("8", 8),
    "worker.queue_size": ("9", 9),
    "worker.poll_interval": ("250ms", 250),
    "worker.stuck_after": ("2m", 120_000),
    "scheduler.max_retries": ("0", 0),
    "scheduler.default_timeout": ("PT30S", 30_000),
    "scheduler.heartbeat_interval": ("2000000000", 2_000),
    "scheduler.retry_backoff": ("1h30m", 5_400_000),
    "scheduler.redeliver_after": ("10s", 10_000),
    "celery.broker_url": ("amqp://u:p@mq//", "amqp://u:p@mq//"),
    "dispatch.prefix": ("{blue}:", "{blue}:"),
    "dispatch.api_keys": ("ci:one, ops:two:2", {"ci": "one", "ops": "two:2"}),
    "dispatch.imports": ("my.tasks, my.other", ("my.tasks", "my.other")),
    "dispatch.data_dir": ("/var/lib/dispatch", "/var/lib/dispatch"),
    "dispatch.keep_runs": ("5", 5),
    "dispatch.keep_dead_letters": ("50", 50),
    "dispatch.dead_letters_age": ("720h", 2_592_000_000),
    "dispatch.result_limit": ("1024", 1024),
    "smtp.url": ("smtps://me:pw@mail:465", "smtps://me:pw@mail:465"),
    "smtp.sender": ("Us <us@example.com>", "Us <us@example.com>"),
    "http.allow_private": ("true", True),
    "http.response_limit": ("10", 10),
}


def test_the_table_of_texts_below_misses_no_key():
    assert list(TEXTS) == list(config.KEYS)


@pytest.mark.parametrize(("key", "text", "value"), [(k, *v) for k, v in TEXTS.items()])
def test_every_key_is_an_environment_variable(key, text, value):
    variable = key.replace(".", "_").upper()
    environ = {variable: text}
    if key == "redis.tls":
        environ["REDIS_URL"] = "rediss://db"
    read = config.load(environ=environ)
    assert read.value_of(key) == value
    assert read.origin_of(key) == f"environment {variable}"


def test_an_empty_variable_is_one_that_is_not_set():
    assert config.load(environ={"SERVER_PORT": "", "REDIS_URL": ""}) == config.load(environ={})


def test_null_in_the_file_means_the_default(written):
    read = config.load(environ=written({"worker": {"max_concurrent": None}}))
    assert read.worker.max_concurrent == config.usable_cores()


def test_a_paas_that_sets_port_is_served_on_all_addresses(written):
    read = config.load(environ={"PORT": "5000"})
    assert (read.server.host, read.server.port) == ("0.0.0.0", 5000)
    assert read.origin_of("server.host") == "environment PORT"
    own = config.load(environ={"PORT": "5000", "SERVER_HOST": "10.0.0.1", "SERVER_PORT": "6000"})
    assert (own.server.host, own.server.port) == ("10.0.0.1", 6000)
    beside_file = config.load(environ=written(SEED, PORT="5000"))
    assert (beside_file.server.host, beside_file.server.port) == ("0.0.0.0", 5000)


WRONG = [
    ({"wroker": {}}, "wroker is not a section; did you mean worker?"),
    ({"zzz": {}}, "zzz is not a section; there are server, redis"),
    ({"worker": {"cuont": 1}}, "worker.cuont is not a setting; did you mean worker.count?"),
    ({"worker": {"zzz": 1}}, "worker.zzz is not a setting; there are worker.count, "),
    ({"worker": 5}, "worker has to be an object of settings"),
    (
        {"worker": {"count": "five"}},
        'worker.count has to be a whole number, at least 1, not "five"',
    ),
    ({"worker": {"count": "5"}}, "worker.count has to be a whole number"),
    ({"worker": {"count": True}}, "worker.count has to be a whole number, at least 1, not true"),
    ({"worker": {"count": 2.0}}, "worker.count has to be"),
    ({"worker": {"count": 0}}, "worker.count has to be a whole number, at least 1, not 0"),
    ({"worker": {"poll_interval": -1}}, "worker.poll_interval has to be a duration"),
    ({"worker": {"poll_interval": 0}}, "worker.poll_interval has to be a duration (at least 1 ms)"),
    ({"worker": {"poll_interval": "1 fortnight"}}, 'not "1 fortnight"'),
    ({"scheduler": {"retry_backoff": "-5s"}}, "scheduler.retry_backoff has to be a duration"),
    ({"scheduler": {"retry_backoff": -5}}, "scheduler.retry_backoff has to be a duration"),
    ({"scheduler": {"retry_backoff": 1.5}}, "scheduler.retry_backoff has to be a duration"),
    ({"scheduler": {"max_retries": 1001}}, "a whole number from 0 to 1000, not 1001"),
    ({"server": {"port": "http"}}, 'server.port has to be a port from 1 to 65535, not "http"'),
    ({"server": {"port": 70000}}, "server.port has to be a port"),
    ({"server": {"port": "٣٣"}}, "server.port has to be a port"),
    ({"server": {"host": ["a"]}}, "server.host has to be a text"),
    ({"redis": {"address": "localhost:no"}}, 'redis.address has to be "host:port"'),
    ({"redis": {"address": "redis://localhost"}}, 'redis.address has to be "host:port"'),
    ({"redis": {"url": "http://db"}}, "redis.url has to be a URL that begins with redis:// or"),
    ({"redis": {"db": -1}}, "redis.db has to be a whole number"),
    ({"http": {"allow_private": "yes"}}, "http.allow_private has to be true or false"),
    ({"dispatch": {"imports": "a,b"}}, "dispatch.imports has to be a list of names"),
    ({"dispatch": {"api_keys": {"ci": ""}}}, "dispatch.api_keys has to be names, each with"),
    ([], "has to hold one JSON object"),
    ("{", "is not a JSON file: "),
    ("", "is not a JSON file: "),
    ("\ud800".encode("utf-8", "surrogatepass").decode("latin1"), "is not a JSON file"),
    ('{"worker": {"count": 1, "count": 2}}', "'count' stands there twice"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("content", "expected"), WRONG, ids=[text for _, text in WRONG])
def test_a_wrong_file_is_refused_by_name_key_and_what_is_right(written, content, expected):
    environ = written(content)
    message = refusal(environ)
    assert message.startswith(environ["CONFIG_FILE"])
    assert expected in message


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path):
    missing = tmp_path / "no.json"
    assert refusal({"CONFIG_FILE": str(missing)}) == (
        f"CONFIG_FILE {missing} cannot be read: No such file or directory"
    )
    assert "cannot be read" in refusal({"CONFIG_FILE": str(tmp_path)})


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "windows.json"
    path.write_bytes(b'\xef\xbb\xbf{"worker": {"count": 2}}')
    assert config.load(environ={"CONFIG_FILE": str(path)}).worker.count == 2


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("WORKER_COUNT", "two", "environment WORKER_COUNT: worker.count has to be a whole number"),
        ("PORT", "tcp://10.0.0.1:80", "environment PORT: server.port has to be a port from 1 to"),
        ("SCHEDULER_RETRY_BACKOFF", "-1s", "environment SCHEDULER_RETRY_BACKOFF: scheduler.retry"),
        ("HTTP_ALLOW_PRIVATE", "perhaps", "http.allow_private has to be true or false"),
        ("DISPATCH_API_KEYS", "ci:a,ci:b", "dispatch.api_keys has to be names, each with its own"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(variable, value, expected):
    assert expected in refusal({variable: value})


def test_a_wrong_option_is_refused(written):
    assert "option: worker.count has to be" in refusal(options={"worker.count": 0})
    assert "option: worker.cuont is not a setting" in refusal(options={"worker.cuont": 1})


def test_a_refusal_does_not_show_a_secret():
    assert "hunter2" not in refusal({"REDIS_URL": "rdeis://:hunter2@db"})
    assert "hunter2" not in refusal({"DISPATCH_API_KEYS": "hunter2"})


def test_a_misspelt_variable_is_worth_a_hint_but_no_refusal():
    environ = {"WORKER_COUNTS": "2", "HOME": "/root", "HTTP_PROXY": "http://p", "REDIS_HOST": "h"}
    assert list(config.misspelt(environ)) == [
        "environment WORKER_COUNTS is not a setting; did you mean WORKER_COUNT?"
    ]
    config.load(environ=environ)


REDIS = [
    ({"REDIS_ADDRESS": "db:7000", "REDIS_DB": "2"}, "redis://db:7000/2"),
    ({"REDIS_ADDRESS": "db"}, "redis://db:6379/0"),
    ({"REDIS_ADDRESS": "[::1]:7000"}, "redis://[::1]:7000/0"),
    ({"REDIS_ADDRESS": "[::1]"}, "redis://[::1]:6379/0"),
    ({"REDIS_PASSWORD": "a/b:c@d"}, "redis://:a%2Fb%3Ac%40d@localhost:6379/0"),
    ({"REDIS_URL": "rediss://u:p@db:6380/1"}, "rediss://u:p@db:6380/1"),
    ({"REDIS_URL": "redis://one", "REDIS_ADDRESS": "two"}, "redis://one"),
    ({"REDIS_URL": "redis://db/1", "REDIS_TLS": "verify"}, "rediss://db/1?ssl_cert_reqs=required"),
    ({"REDIS_ADDRESS": "db", "REDIS_TLS": "insecure"}, "rediss://db:6379/0?ssl_cert_reqs=none"),
    (
        {"REDIS_URL": "sentinel://:p@a:1,b:2/main/0", "REDIS_TLS": "verify"},
        "sentinel://:p@a:1,b:2/main/0?ssl_cert_reqs=required",
    ),
]


@pytest.mark.parametrize(("environ", "expected"), REDIS)
def test_the_settings_of_redis_amount_to_one_url(environ, expected):
    assert config.load(environ=environ).redis_url == expected


def test_an_address_said_nearer_to_the_command_wins_over_a_url(written):
    content = {"redis": {"url": "redis://file/3"}}
    assert config.load(environ=written(content)).redis_url == "redis://file/3"
    environ = written(content, REDIS_ADDRESS="env:1")
    assert config.load(environ=environ).redis_url == "redis://env:1/0"
    environ = written(SEED, REDIS_URL="redis://paas/0")
    assert config.load(environ=environ).redis_url == "redis://paas/0"


def test_the_file_of_a_ca_goes_into_the_url(tmp_path):
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    read = config.load(environ={"REDIS_URL": "rediss://db", "REDIS_TLS": str(ca)})
    assert f"ssl_ca_certs={str(ca).replace('/', '%2F')}" in read.redis_url


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"REDIS_URL": "redis://a", "REDIS_DB": "3"}, "redis.db has to be part of the URL"),
        ({"REDIS_URL": "redis://a", "REDIS_PASSWORD": "x"}, "redis.password has to be part of the"),
        ({"REDIS_URL": "unix:///s", "REDIS_TLS": "verify"}, "redis.tls has to be empty for a unix"),
        ({"REDIS_TLS": "/no/ca.pem"}, "redis.tls has to be verify, insecure or the path of an"),
    ],
)
def test_settings_of_redis_that_contradict_each_other_are_refused(environ, expected):
    assert expected in refusal(environ)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(AttributeError):
        config.load(environ={}).worker.count = 2


def test_the_example_file_has_every_key_with_its_default():
    path = Path(__file__).parent.parent / "deploy" / "config.example.json"
    example = json.loads(path.read_text())
    expected: dict = {}
    for key in config.KEYS.values():
        section, name = key.name.split(".")
        default = None if key.default is None else key.kind.write(key.default)
        expected.setdefault(section, {})[name] = default
    assert example == expected
    assert config.load(environ={"CONFIG_FILE": str(path)}).redis_url == "redis://localhost:6379/0"
