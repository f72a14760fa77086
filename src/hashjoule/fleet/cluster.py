"""A Dask cluster: how it is reached, and who its workers are."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import re
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import hashjoule
from hashjoule.errors import UnavailableError, UsageError, describe_exception
from hashjoule.fleet import worker

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")

CONNECT_SECONDS = 5.0
HELLO_SECONDS = 10.0
"""How long a worker may take to say who it is, and the scheduler to say who its workers are."""

_HELLOS_AT_ONCE = 100
"""So that the last of thousands does not wait for its turn longer than HELLO_SECONDS."""

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "ucxx")
_ADDRESS = re.compile(rf"(?:(?:{'|'.join(_SCHEMES)})://)?(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{{1,5}}")


def require() -> None:
    """Raises UnavailableError, with what to install, where Dask is missing."""
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"Dask is not installed ({error}); pip install 'hashjoule[fleet]'") from None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end; a KeyboardInterrupt ends it in order, and goes on."""
    with _quiet():
        return asyncio.run(coroutine)


def scheduler_address(where: str) -> str:
    """The address that is meant by HOST:PORT, SCHEME://HOST:PORT or the path of a scheduler file.

    Raises UsageError for anything else, UnavailableError where the file is missing.
    """
    if _ADDRESS.fullmatch(where):
        return where if "://" in where else f"tcp://{where}"
    if "://" in where:
        raise UsageError(f"{where} is no Dask address; give HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT")
    try:
        address = json.loads(Path(where).read_text("utf-8"))["address"]
    except FileNotFoundError:
        raise UnavailableError(
            f"there is no scheduler file {where}; give HOST:PORT, or what `dask scheduler --scheduler-file` wrote"
        ) from None
    except OSError as error:
        raise UnavailableError(f"the scheduler file {where} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{where} is no scheduler file: it names no address") from None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise UsageError(f"the scheduler file {where} names no usable address")
    return address


@asynccontextmanager
async def connected(where: str) -> AsyncIterator[Client]:
    """A connection to the scheduler, closed with the block. Raises UnavailableError, in seconds, if none answers."""
    from distributed import Client

    address = scheduler_address(where)
    client = Client(address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False)
    try:
        await _await_connection(client, address)
        yield client
    finally:
        with suppress(Exception):
            await asyncio.wait_for(client.close(), CONNECT_SECONDS)


async def _await_connection(client: Client, address: str) -> None:
    try:
        async with asyncio.timeout(2 * CONNECT_SECONDS):
            await client
    except (OSError, TimeoutError):
        raise UnavailableError(
            f"no Dask scheduler answers at {address}; check that it runs there and that no firewall is in the way"
        ) from None
    except Exception as error:  # whatever a server that is no scheduler makes Dask raise
        raise UnavailableError(
            f"what listens at {address} is no Dask scheduler of ours: {describe_exception(error)}"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's own log lines and version warnings are not for our users: they get our sentences."""
    import distributed  # noqa: F401 - sets its loggers up

    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@dataclass(frozen=True)
class Member:
    """A worker as it describes itself: `host` tells its machine from others, `view` which devices it is shown."""

    address: str
    threads: int
    name: str = "?"
    host: str = ""
    view: str = ""
    reason: str | None = None
    """Why it cannot be used; None if it can."""
    mixed: bool = False
    """Whether that is another version of hashjoule."""


async def workers(client: Client) -> dict[str, int]:
    """Addresses and numbers of threads of the workers there are now. UnavailableError if the scheduler is gone."""
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            return dict(await client.nthreads())
    except (OSError, TimeoutError, AttributeError) as error:  # AttributeError: the client closed meanwhile
        raise UnavailableError("the Dask scheduler does not answer any more") from error


async def members(client: Client, found: dict[str, int]) -> list[Member]:
    """Asks these workers who they are, many at a time; one that does not answer comes with its reason."""
    turns = asyncio.Semaphore(_HELLOS_AT_ONCE)

    async def ask(address: str, threads: int) -> Member:
        async with turns:
            return await _hello(client, address, threads)

    return await asyncio.gather(*(ask(address, threads) for address, threads in found.items()))


async def _hello(client: Client, address: str, threads: int) -> Member:
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            said = (await client.run(worker.hello, workers=[address])).get(address)
    except Exception as error:
        return Member(address, threads, reason=_why_silent(error), mixed=isinstance(error, ModuleNotFoundError))
    if said is None:
        return Member(address, threads, reason="it left the cluster")
    if said["version"] != hashjoule.__version__:
        reason = f"it runs hashjoule {said['version']}, this is {hashjoule.__version__}: install one version on all"
        return Member(address, threads, said["name"], said["host"], said["view"], reason, mixed=True)
    return Member(address, threads, said["name"], said["host"], said["view"])


def _why_silent(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        if error.name == "hashjoule":
            return f"hashjoule is not installed there; install version {hashjoule.__version__}"
        return f"its hashjoule is another version, without {error.name}: install {hashjoule.__version__} there"
    if isinstance(error, TimeoutError):
        return f"it did not answer within {HELLO_SECONDS:.0f} s"
    return describe_exception(error)


class _Call:
    """A call that is made where it is unpickled."""

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._function, self._arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._function, self._arguments


_run_id = uuid4().hex[:12]
_number = count()


def submit(client: Client, address: str, function: Callable[..., Any], *arguments: object) -> Future[Any]:
    """Has one worker, and no other, call a function of ours.

    The scheduler unpickles what it passes on, so it gets `pickle.loads` and bytes: it need not have hashjoule.
    """
    return client.submit(
        pickle.loads,
        pickle.dumps(_Call(function, arguments)),
        key=f"hashjoule-{function.__name__}-{_run_id}-{next(_number)}",
        workers=[address],
        allow_other_workers=False,
        pure=False,
    )


def first_reason(found: Iterable[Member]) -> str | None:
    """The first reason why a worker cannot be used, with its name; None if all can."""
    return next((f"worker {m.address} ({m.name}): {m.reason}" for m in found if m.reason), None)
