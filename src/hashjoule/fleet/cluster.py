"""Connect to a Dask cluster and identify its workers."""

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
"""Time that a worker may take to identify itself, and the scheduler to list its workers."""

_HELLOS_AT_ONCE = 100
"""Workers asked at the same time: few enough that each answers within HELLO_SECONDS, also among thousands."""

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "ucxx")
_ADDRESS = re.compile(rf"(?:(?:{'|'.join(_SCHEMES)})://)?(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{{1,5}}")


def require() -> None:
    """Check that Dask is installed.

    Raises:
        UnavailableError: if it is not; the message says what to install.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise UnavailableError(f"Dask is not installed ({error}); pip install 'hashjoule[fleet]'") from None


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end. A KeyboardInterrupt cancels it in order, then propagates."""
    with _quiet():
        return asyncio.run(coroutine)


def scheduler_address(where: str) -> str:
    """Return the scheduler's address, from HOST:PORT, SCHEME://HOST:PORT or the path of a scheduler file.

    Raises:
        UsageError: for anything else.
        UnavailableError: if the file is missing.
    """
    if _ADDRESS.fullmatch(where):
        return where if "://" in where else f"tcp://{where}"
    if "://" in where:
        raise UsageError(f"{where} is not a Dask address; give HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT")
    try:
        address = json.loads(Path(where).read_text("utf-8"))["address"]
    except FileNotFoundError:
        raise UnavailableError(
            f"there is no scheduler file {where}; give HOST:PORT, or what `dask scheduler --scheduler-file` wrote"
        ) from None
    except OSError as error:
        raise UnavailableError(f"the scheduler file {where} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{where} is not a scheduler file: it names no address") from None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise UsageError(f"the scheduler file {where} names no usable address")
    return address


@asynccontextmanager
async def connected(where: str) -> AsyncIterator[Client]:
    """Connect to the scheduler; the connection is closed at the end of the block.

    Raises:
        UnavailableError: within seconds, if none answers.
    """
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
            f"no Dask scheduler answers at {address}; check that it is running and that no firewall blocks it"
        ) from None
    except Exception as error:  # a server that is not a scheduler makes Dask raise anything
        raise UnavailableError(
            f"the server at {address} is not a Dask scheduler of a usable version: {describe_exception(error)}"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Dask's own log lines and version warnings; our messages say what users need to know."""
    import distributed  # noqa: F401 - importing it sets up the loggers

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
    """A worker as it describes itself: `host` identifies its machine, `view` the set of devices that it is shown."""

    address: str
    threads: int
    name: str = "?"
    host: str = ""
    view: str = ""
    reason: str | None = None
    """Why it cannot be used; None if it can."""
    mixed: bool = False
    """Whether the reason is another version of hashjoule."""


async def workers(client: Client) -> dict[str, int]:
    """Return the address and number of threads of each worker that is present.

    Raises:
        UnavailableError: if the scheduler is gone.
    """
    try:
        async with asyncio.timeout(HELLO_SECONDS):
            return dict(await client.nthreads())
    except (OSError, TimeoutError, AttributeError) as error:  # AttributeError: the client closed meanwhile
        raise UnavailableError("the Dask scheduler no longer answers") from error


async def members(client: Client, found: dict[str, int]) -> list[Member]:
    """Ask workers to identify themselves, many at a time; one that does not answer is returned with the reason."""
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
        return Member(address, threads, reason=_reason_of(error), mixed=isinstance(error, ModuleNotFoundError))
    if said is None:
        return Member(address, threads, reason="it left the cluster")
    if said["version"] != hashjoule.__version__:
        reason = f"it runs hashjoule {said['version']}, this is {hashjoule.__version__}: install one version everywhere"
        return Member(address, threads, said["name"], said["host"], said["view"], reason, mixed=True)
    return Member(address, threads, said["name"], said["host"], said["view"])


def _reason_of(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        if error.name == "hashjoule":
            return f"hashjoule is not installed there; install version {hashjoule.__version__}"
        return f"its hashjoule is another version without {error.name}; install version {hashjoule.__version__}"
    if isinstance(error, TimeoutError):
        return f"it did not answer within {HELLO_SECONDS:.0f} s"
    return describe_exception(error)


class _Call:
    """A call that happens where it is unpickled."""

    def __init__(self, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
        self._function, self._arguments = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._function, self._arguments


_run_id = uuid4().hex[:12]
_number = count()


def submit(client: Client, address: str, function: Callable[..., Any], *arguments: object) -> Future[Any]:
    """Have one worker, and no other, call a function of this package.

    The scheduler unpickles the tasks that it passes on. It gets `pickle.loads` and bytes, so it needs no hashjoule.
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
    """Return why the first unusable worker cannot be used, with its name; None if all can be used."""
    return next((f"worker {m.address} ({m.name}): {m.reason}" for m in found if m.reason), None)
