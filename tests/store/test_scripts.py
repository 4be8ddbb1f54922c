"""The loader of the scripts, and what callers are told when Redis does not do its part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis import ResponseError
from redis.exceptions import NoScriptError

from dispatch_app.domain.errors import NotFound, StoreUnavailable
from dispatch_app.store import Store
from dispatch_app.store.codec import encode_task
from dispatch_app.store.runs import RunFilter
from dispatch_app.store.scripts import source
from tests.store.scene import HOURLY, NOW, Scene, new_run
from tests.waiting import wait_for


@pytest.fixture
def write(tmp_path: Path):
    """Writes scripts into a folder of the test's own: `write(main="...", **{"lib/a": "..."})`."""
    (tmp_path / "lib").mkdir()

    def write(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.lua").write_text(text)
        return tmp_path

    return write


def test_an_include_stands_before_what_uses_it(write):
    folder = write(
        main="-- What: x\n-- @include b\nreturn b()\n",
        **{
            "lib/a": "local function a() return 1 end\n",
            "lib/b": "-- @include a\nlocal function b() return a() end\n",
        },
    )
    assert source("main", folder) == (
        "local function a() return 1 end\n"
        "\nlocal function b() return a() end\n"
        "\n-- What: x\nreturn b()\n"
    )


def test_each_is_included_once_whatever_includes_it(write):
    folder = write(
        main="-- @include a\n-- @include b\nreturn 1\n",
        **{"lib/a": "local a = 1\n", "lib/b": "-- @include a\nlocal b = a\n"},
    )
    assert source("main", folder).count("local a = 1") == 1


def test_includes_in_a_circle_are_refused_with_the_circle(write):
    folder = write(
        main="-- @include a\n",
        **{"lib/a": "-- @include b\n", "lib/b": "-- @include c\n", "lib/c": "-- @include a\n"},
    )
    with pytest.raises(ValueError, match=r"main\.lua: includes in a circle: a -> b -> c -> a"):
        source("main", folder)


def test_a_script_may_include_a_function_of_its_own_name(write):
    folder = write(cancel="-- @include cancel\n", **{"lib/cancel": "local cancel = 1\n"})
    assert "local cancel = 1" in source("cancel", folder)


@pytest.mark.parametrize("text", ["-- @include missing\n", None])
def test_what_is_not_there_is_refused_by_name(write, text):
    folder = write(**({"missing": text} if text else {}))
    with pytest.raises(FileNotFoundError, match=r"missing\.lua"):
        source("missing", folder)


def test_a_server_that_forgot_the_scripts_is_told_them_again(scene):
    scene.task("t1")
    scene.client.script_flush()
    scene.task("t2")
    assert set(scene.state()["agenda"]) == {"t:t1", "t:t2"}


def test_calls_that_do_not_wait_for_each_other_show_where_one_was_refused(scene):
    scripts = scene.store.agenda._scripts
    scene.task("t1")
    good, bad = {"limit": 500, "part": 0, "now": NOW + 60_000}, {"limit": "many"}
    scripts.call("due", good)  # from now on the server knows the script
    first, refused, last = scripts.call_each("due", [good, bad, good])
    assert first[2][0] == last[2][0] == "t:t1"
    assert isinstance(refused, ResponseError)
    scene.client.script_flush()
    assert [type(reply) for reply in scripts.call_each("due", [good])] == [NoScriptError]


def test_calls_that_are_broken_off_leave_no_reply_for_the_next_caller(scene):
    def calls():
        yield {"limit": 500, "part": 0}
        raise StoreUnavailable("a calendar could not be read")

    with pytest.raises(StoreUnavailable, match="calendar"):
        scene.store.agenda._scripts.call_each("due", calls())
    assert scene.store.client.ping() is True


def test_a_server_that_ends_amid_calls_is_away(new_redis):
    server = new_redis()
    scene = Scene(server.url)
    call = {"limit": 500, "part": 0}

    def calls():
        yield call
        server.kill()
        yield from [call] * 100

    with pytest.raises(StoreUnavailable, match="does not answer"):
        scene.store.agenda._scripts.call_each("due", calls())
    scene.close()


def test_two_installations_share_a_server_and_see_nothing_of_each_other(redis_url):
    ours, theirs = Scene(redis_url), Scene(redis_url, prefix="{other}:")
    ours.task("same")
    before = ours.state()
    assert theirs.state() == {f"{ours.prefix}{key}": value for key, value in before.items()}
    theirs.task("same")
    theirs.queued("r", "same")
    theirs.call("cancel", id="same", keep=100)
    mine = {key: value for key, value in ours.state().items() if key in before}
    assert mine == before
    theirs.store.tasks.purge("same")
    assert ours.store.tasks.get("same").status == "scheduled"
    ours.close()
    theirs.close()


def test_a_server_that_is_away_is_unavailable(new_redis):
    server = new_redis()
    scene = Scene(server.url)
    scene.task()
    server.kill()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        scene.store.tasks.get("t")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        scene.call("cancel", id="t", keep=100)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        scene.store.now()
    scene.close()


def test_a_server_that_is_full_refuses_and_stores_nothing(new_redis):
    server = new_redis()
    scene = Scene(server.url)
    scene.task("before")
    scene.client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="refuses writes"):
        scene.task("after")
    # what only reads still works
    assert scene.call("due", now=NOW, limit=10)[0] == str(NOW)
    assert scene.store.tasks.get("before").status == "scheduled"
    scene.client.config_set("maxmemory", 0)
    assert set(scene.state()["agenda"]) == {"t:before"}
    scene.close()


def test_a_server_that_is_full_still_takes_what_keeps_runs_or_frees_memory(new_redis):
    scene = Scene(new_redis().url)
    for task_id in ("gone", "over", "kept"):
        scene.task(task_id)
    for number in range(3):
        scene.running(f"held-{number}", "kept")
    scene.queued("next", "kept")
    scene.client.config_set("maxmemory", 1)
    store = scene.store
    renewed = scene.call("renew", now=NOW + 5_000, lease=10_000, runs=[["held-0", "token"]])
    assert renewed == [[], []]
    assert scene.start("next")[0] == "OK"
    assert scene.finish("held-1", "succeeded") == ["OK", "succeeded"]
    store.runs.cancel("held-2", "by hand")
    store.tasks.cancel("over")
    store.tasks.purge("gone")
    store.workers.beat("worker", "w@host", {}, ttl=1_000)
    assert list(store.workers.alive("worker")) == ["w@host"]
    store.workers.leave("worker", "w@host")
    statuses = {run.id: run.status for run in store.runs.list(RunFilter(), 10).items}
    assert statuses == {
        "held-0": "running", "held-1": "succeeded", "held-2": "cancelled", "next": "running",
    }  # fmt: skip
    assert scene.client.zscore(store.keys.leases(), "held-0") == NOW + 15_000
    assert store.tasks.get("over").status == "cancelled"
    with pytest.raises(NotFound):
        store.tasks.get("gone")
    scene.close()


def entry(letter: str) -> dict:
    definition = encode_task(HOURLY)
    run = new_run(f"new-{letter}", origin="retry", retry_of=letter, **{"def": definition})
    return {"id": letter, "task": "t", "type": "echo", "run": run}


def test_a_server_that_takes_no_writes_is_not_taken_for_a_damaged_record(new_redis):
    scene = Scene(new_redis().url)
    scene.task()
    for name in ("r1", "r2"):
        scene.finished(name, status="failed")
    entries = [entry("r1"), entry("r2")]
    before = scene.state()
    for trouble, end in (
        (("CONFIG", "SET", "maxmemory", 1), ("CONFIG", "SET", "maxmemory", 0)),
        (("REPLICAOF", "127.0.0.1", 1), ("REPLICAOF", "NO", "ONE")),
    ):
        scene.client.execute_command(*trouble)
        with pytest.raises(StoreUnavailable, match="refuses writes"):
            scene.call("replay", now=NOW, entries=entries, keep=100)
        scene.client.execute_command(*end)
        assert scene.changes(before) == {}
    assert scene.call("replay", now=NOW, entries=entries, keep=100) == ["OK", "OK"]
    scene.close()


def test_a_server_that_loads_its_data_is_away_for_now(new_redis):
    server = new_redis("--rdbcompression", "no", "--key-load-delay", "30000")
    store = Store(server.url)
    with server.client() as client:
        client.mset({f"key {number}": "x" * 2**20 for number in range(20)})
        client.save()
    server.kill()
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(server.start)
        told = wait_for(lambda: _loading(store), what="an answer while the server loads")
        assert "loading the dataset" in told
        started.result()
    assert store.tasks.static_ids() == set()
    store.close()


def _loading(store: Store) -> str:
    try:
        store.tasks.static_ids()
    except StoreUnavailable as error:
        return str(error) if "load" in str(error) else ""
    return ""


def test_a_replica_shows_what_there_is_and_refuses_writes(new_redis):
    primary = new_redis("--repl-diskless-sync-delay", "0")
    scene = Scene(primary.url)
    scene.task()
    scene.close()
    replica = new_redis("--replicaof", "127.0.0.1", str(primary.port))
    store = Store(replica.url)
    wait_for(lambda: store.client.exists(store.keys.task("t")), what="the replica to have the task")
    assert store.tasks.get("t").status == "scheduled"
    with pytest.raises(StoreUnavailable, match="refuses writes"):
        store.tasks.cancel("t")
    store.close()
