"""The faults: each breaks something, lasts, and lets it be whole again."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from tests.chaos.plan import Fault
from tests.chaos.stack import Service, Stack, pause


def carry_out(stack: Stack, fault: Fault) -> None:
    """Break it, let it last, and make it whole."""
    _FAULTS[fault.kind](stack, fault)


@contextmanager
def _broken(service: Service) -> Iterator[Service]:
    service.broken = True
    try:
        yield service
    finally:
        service.broken = False


def _kill(service: Service, lasts: float) -> None:
    with _broken(service):
        service.process.kill_all("SIGKILL")
        pause(lasts)
        service.again()


def _stop(service: Service, lasts: float) -> None:
    with _broken(service):
        service.end_orderly()
        pause(lasts)
        service.again()


def _freeze(service: Service, lasts: float) -> None:
    with _broken(service):
        service.process.kill_all("SIGSTOP")
        pause(lasts)
        service.process.kill_all("SIGCONT")


def _freeze_main(service: Service, lasts: float) -> None:
    with _broken(service):
        service.process.kill("SIGSTOP")
        pause(lasts)
        service.process.kill("SIGCONT")


def _kill_child(service: Service, lasts: float) -> None:
    """One process of a pool; of a pool without processes, nothing."""
    children = [p for p in psutil.Process(service.process.pid).children() if p.is_running()]
    if children:
        child = random.choice(children)
        child.send_signal(signal.SIGKILL)
    pause(lasts)


def _restart_redis(stack: Stack, fault: Fault) -> None:
    stack.server.kill()
    pause(fault.lasts)
    stack.server.start()


def _freeze_redis(stack: Stack, fault: Fault) -> None:
    with stack.server.frozen():
        pause(fault.lasts)


def _full_redis(stack: Stack, fault: Fault) -> None:
    with stack.server.client() as client:
        client.config_set("maxmemory", 1)
        pause(fault.lasts)
        client.config_set("maxmemory", 0)


def _read_only_redis(stack: Stack, fault: Fault) -> None:
    """A replica of nobody, as an old primary is after a failover."""
    with stack.server.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        pause(fault.lasts)
        client.execute_command("REPLICAOF", "NO", "ONE")


def _clock(stack: Stack, seconds: float, fault: Fault) -> None:
    if stack.clock:
        stack.clock.set(seconds)
        pause(fault.lasts)
        stack.clock.set(0)


def _slow(stack: Stack, fault: Fault) -> None:
    proxy = stack.proxies[fault.target]
    proxy.delay_s = 0.2
    pause(fault.lasts)
    proxy.heal()


def _refused(stack: Stack, fault: Fault) -> None:
    proxy = stack.proxies[fault.target]
    proxy.refuse = True
    proxy.cut()
    pause(fault.lasts)
    proxy.heal()


def _mute(stack: Stack, fault: Fault) -> None:
    proxy = stack.proxies[fault.target]
    proxy.drop_replies = True
    pause(fault.lasts)
    proxy.heal()


def _of(services: str, do: Callable[[Service, float], None]) -> Callable[[Stack, Fault], None]:
    def on(stack: Stack, fault: Fault) -> None:
        do(getattr(stack, services)[fault.target], fault.lasts)

    return on


_FAULTS: dict[str, Callable[[Stack, Fault], None]] = {
    "kill worker": _of("workers", _kill),
    "kill child": _of("workers", _kill_child),
    "freeze worker": _of("workers", _freeze),
    "freeze main process": _of("workers", _freeze_main),
    "stop worker": _of("workers", _stop),
    "kill beat": _of("beats", _kill),
    "freeze beat": _of("beats", _freeze),
    "stop beat": _of("beats", _stop),
    "kill api": lambda stack, fault: _kill(stack.api, fault.lasts),
    "stop api": lambda stack, fault: _stop(stack.api, fault.lasts),
    "kill redis": _restart_redis,
    "freeze redis": _freeze_redis,
    "full redis": _full_redis,
    "read-only redis": _read_only_redis,
    "clock forward": lambda stack, fault: _clock(stack, 20, fault),
    "clock back": lambda stack, fault: _clock(stack, -20, fault),
    "slow network": _slow,
    "cut network": lambda stack, fault: stack.proxies[fault.target].cut(),
    "refused network": _refused,
    "replies lost": _mute,
}
