"""Dispatch(app): what a user calls on their Celery app, and what holds app, settings and store.

It names the scheduler, the worker's boot steps and the result backend as strings, so that a web
process that imports it loads none of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from celery import Celery

from dispatch_app import config as settings
from dispatch_app.domain.errors import (
    ConfigError,
    DispatchError,
    StoreUnavailable,
    StoreUnfit,
)
from dispatch_app.messages import Messages, check_broker
from dispatch_app.redis_url import for_kombu
from dispatch_app.store import Store
from dispatch_app.store.retention import Letters
from dispatch_app.store.scripts import Replicas

_BUILTIN = "dispatch_app.builtin"
_BOOT_STEPS = tuple(
    f"dispatch_app.worker.{step}"
    for step in (
        "lease:Leases",
        "delivery:Deliveries",
        "announce:Announcement",
        "shutdown:Shutdown",
        "liveness:Liveness",
        "time_limits:TimeLimits",
        "replacement:Replacement",
    )
)


class Dispatch:
    """Makes a Celery app's tasks schedulable and its workers and beat part of an installation.

    Everything that it sets is a default: what the app's own configuration says wins.

    Args:
        app: the Celery app; its broker has to be the Redis of the installation.
        config: effective settings; read from options, environment and file if None.
        default_queue: where messages go that say nothing; None leaves it as the app has it.

    Raises:
        ConfigError: a setting is wrong.
    """

    def __init__(
        self,
        app: Celery,
        config: settings.Config | None = None,
        *,
        default_queue: str | None = None,
    ) -> None:
        _have_sigterm_hand_back()
        self.app = app
        self.config = config or settings.load()
        app.dispatch = self
        defaults = _defaults(self.config)
        if default_queue:
            defaults["task_default_queue"] = default_queue
        app.add_defaults(defaults)
        app.steps["worker"].update(_BOOT_STEPS)
        app.loader.builtin_modules = frozenset(
            [*app.loader.builtin_modules, _BUILTIN, *self.config.dispatch.imports]
        )

    @cached_property
    def store(self) -> Store:
        """The installation's Redis: the one that was configured, else the app's own broker."""
        url = self.config.redis_url
        said = ("redis.url", "redis.address", "redis.db", "redis.password")
        broker = self.app.conf.broker_url
        if all(self.config.origin_of(key) == "default" for key in said) and broker:
            url = broker
        _check_same_server(url, broker)
        return Store(
            url,
            prefix=self.config.dispatch.prefix,
            keep_runs=self.config.dispatch.keep_runs,
            replicas=Replicas(self.config.redis.wait_replicas, self.config.redis.wait_timeout),
            letters=Letters(
                keep=self.config.dispatch.keep_dead_letters,
                age=self.config.dispatch.dead_letters_age,
            ),
        )

    @cached_property
    def messages(self) -> Messages:
        """Renders the messages that wake workers."""
        check_broker(self.app)
        return Messages(self.app)

    def opened(self) -> Store:
        """The store, for a process that is nothing without it: a setting that does not allow it
        ends the process with one line."""
        try:
            return self.store
        except ConfigError as error:
            _end_process(error)

    def await_store(self, warn: Callable[[str], None]) -> None:
        """Wait until the Redis server answers, and say what is wrong with it, a line each.

        One that this program cannot or must not use ends the process with one line.
        """
        while True:
            try:
                for problem in self.check_store():
                    warn(f"Redis: {problem}")
                return
            except (ConfigError, StoreUnfit) as error:
                _end_process(error)
            except StoreUnavailable as error:
                warn(f"{error} Trying again in a second.")
                time.sleep(1.0)

    def check_store(self) -> list[str]:
        """What is wrong with the Redis server, a line each.

        Raises:
            StoreUnavailable: it does not answer.
            StoreUnfit: a newer program's data is in it, or it runs in cluster mode unexpectedly.
        """
        problems = self.store.problems()
        self.store.check_mode(cluster=self.config.redis.cluster)
        if not any("read-only" in problem for problem in problems):
            self.store.check_schema()
        return problems


def _end_process(error: DispatchError) -> NoReturn:
    print(error.message, file=sys.stderr)
    # after this code gunicorn ends as well, rather than start one process after the other
    sys.exit(3)


def _have_sigterm_hand_back() -> None:
    """Have SIGTERM end a `celery worker` within its grace period, as platforms expect.

    Celery reads the variable for this when it is imported, before it imports any app: so the
    command begins anew, once. Whoever sets the variable, be it to nothing, has decided.
    """
    program = Path(next(iter(sys.argv), ""))
    is_celery = program.stem == "celery" or program.parts[-2:] == ("celery", "__main__.py")
    if is_celery and "worker" in sys.argv and "REMAP_SIGTERM" not in os.environ:
        os.environ["REMAP_SIGTERM"] = "SIGQUIT"
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _defaults(config: settings.Config) -> dict[str, Any]:
    """The Celery settings of an installation."""
    broker, options = for_kombu(config.celery.broker_url or config.redis_url)
    if config.redis.cluster:
        # what one command or script touches has to be in one slot, and the hash tag decides which
        options["global_keyprefix"] = f"{config.dispatch.prefix}celery:"
    return {
        "broker_url": broker,
        "broker_connection_retry_on_startup": True,
        # a Redis that is away, loading, read-only or full is waited for, however long it takes
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "worker_consumer": "dispatch_app.worker.consumer:Consumer",
        # two are enough for what a worker publishes by itself; small Redis plans allow 20 in all
        "broker_pool_limit": 2,
        "broker_transport_options": {**_redelivery(config), **options},
        "beat_scheduler": "dispatch_app.scheduler.beat:DispatchScheduler",
        "beat_max_loop_interval": config.worker.poll_interval / 1000,
        "result_backend": "dispatch_app.results:RunBackend",
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # what the user's code leaks goes with its process
        "worker_max_tasks_per_child": 1_000,
        "worker_concurrency": config.worker.max_concurrent,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # honcho kills 5 s after SIGTERM, the strictest PaaS 10 s; the rest is for handing back
        "worker_soft_shutdown_timeout": 4.0,
        "accept_content": ["json"],
        "dispatch_smtp_url": config.smtp.url,
        "dispatch_smtp_sender": config.smtp.sender,
        "dispatch_data_dir": config.dispatch.data_dir,
        "dispatch_http_allow_private": config.http.allow_private,
        "dispatch_http_response_limit": config.http.response_limit,
    }


def _redelivery(config: settings.Config) -> dict[str, Any]:
    """When a message comes back that its worker holds and has not acknowledged: soon, as a worker
    says each heartbeat that it lives, and as the lease refuses one whose run is fine."""
    return {
        "visibility_timeout": max(30, 6 * config.scheduler.heartbeat_interval // 1000),
        # s between looks, and each time; kombu's own are 10 and each tenth time
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        # a worker that dies while it looks keeps the others from it for no longer than this
        "unacked_mutex_expire": 10,
    }


def _check_same_server(store: str, broker: str) -> None:
    """Refuse a broker that is another server or database than the store.

    A run and its message are written in one step (I2), which one database can do and two cannot.
    """
    ours, theirs = urlsplit(store), urlsplit(for_kombu(broker)[0])
    if ours.scheme == "sentinel":
        return
    if _place(ours) != _place(theirs):
        raise ConfigError(
            f"broker_url: the broker ({_place(theirs)}) and the store ({_place(ours)}) have to be "
            "the same database of the same Redis server; set REDIS_URL to the broker's."
        )


def _place(url: Any) -> str:
    host = {"localhost": "127.0.0.1"}.get(url.hostname, url.hostname) or ""
    if "unix" in url.scheme or "socket" in url.scheme:
        return f"{url.path}"
    return f"{host}:{url.port or 6379}/{url.path.strip('/') or 0}"
