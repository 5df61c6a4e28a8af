"""The connection to a Ray cluster: an existing one, or one on this machine that the command starts and ends."""

import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from grokbench.io.signals import INTERRUPTIONS
from grokbench.launchers.ray.cluster import Cluster, ClusterError
from grokbench.settings.ray import RaySettings
from grokbench.text.headline import headline
from grokbench.text.options import Option

__all__ = ["TOO_SMALL", "connected"]

ANSWERS_WITHIN = 10.0  # seconds that the address of a cluster has to accept a connection
TOO_SMALL = (
    "no node of the Ray cluster has {need}: {largest}; lower `cpus` or raise `workers_per_gpu` under `launcher: ray:` "
    "in the settings file, or add such a node, and give the same command again"
)
ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0"}  # a local cluster reports nothing to Ray's makers


@contextmanager
def connected(settings: RaySettings, gpus: float) -> Iterator["Cluster"]:
    """Connect to the cluster of the settings, of $RAY_ADDRESS, or of this machine, which is then started and ended.

    A program that is connected already stays connected.

    Args:
        settings: the user's settings.
        gpus: GPUs, or the part of one, for each worker.

    Raises:
        ClusterError: Ray is not installed, there is no such cluster, or no node has what a worker needs.
    """
    ray = _ray()
    began = not ray.is_initialized()
    if began:
        _connect(ray, settings)
    try:
        cluster = Cluster(ray, settings.cpus, gpus)
        if not cluster.has_place():
            raise ClusterError(TOO_SMALL.format(need=cluster.need, largest=cluster.largest))
        yield cluster
    finally:
        if began:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ClusterError(
            f"{Option('launcher', 'ray')} needs the package ray, which cannot be imported ({error}): pip install "
            f"'grokbench[ray]', or use {Option('launcher', 'local')}"
        ) from error
    return ray


def _connect(ray: Any, settings: RaySettings) -> None:
    """Connect, without Ray's messages and signal handlers."""
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    _check_address(address)
    options: dict[str, Any] = {"runtime_env": dict(settings.runtime_env)} if settings.runtime_env else {}
    if address == "local":
        options["include_dashboard"] = False
    with _keeping_handlers(), _environment():
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **options)
        except Exception as error:
            raise ClusterError(
                f"the Ray cluster at {address} cannot be used: {headline(str(error))}; start one there "
                "(`ray start`, see docs/clusters.md), or correct `address` in the settings file or $RAY_ADDRESS, and "
                "give the same command again"
            ) from error


def _check_address(address: str) -> None:
    """Raise ClusterError unless something accepts connections there; Ray itself would wait for a minute."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not port.isdecimal():  # `auto`, `local`
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except OSError as error:
        raise ClusterError(
            f"there is no Ray cluster at {address} ({error.strerror or error}): start one there "
            "(`ray start`, see docs/clusters.md), or correct `address` in the settings file or $RAY_ADDRESS, and give "
            "the same command again"
        ) from error


@contextmanager
def _keeping_handlers() -> Iterator[None]:
    """Restore the signal handlers at the end of the block; Ray replaces some."""
    before = {number: signal.getsignal(number) for number in INTERRUPTIONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(ValueError, TypeError):  # not the main thread; not a handler of Python
                signal.signal(number, handler)


@contextmanager
def _environment() -> Iterator[None]:
    """Set ENVIRONMENT for processes that start in the block, unless the user has set it."""
    added = {name: value for name, value in ENVIRONMENT.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
