"""TP-Link Kasa and Tapo plugs, through python-kasa (extra `kasa`), which knows their encrypted protocols.

Only the power is read: python-kasa gives whole watt-hours of most plugs, 3,600 J, and no total of Tapo plugs.

Source: https://python-kasa.readthedocs.io (Device.connect, Discover, the Energy module).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TypeVar

from hashjoule.meters import MeterError, web
from hashjoule.meters.plug_url import PlugUrl
from hashjoule.meters.watch import Answer
from hashjoule.meters.web import Login

T = TypeVar("T")

_FIND_S = 30.0
"""How long the search for the right protocol may take."""
_DISCOVERY_S = 3
_ANSWER_S = 5.0


class KasaPlug:
    """A plug, and the thread in which python-kasa talks to it."""

    def __init__(self, where: PlugUrl, login: Login) -> None:
        """Connect to the plug.

        Raises:
            MeterError: if it cannot be reached, refuses the login, or does not measure.
        """
        self._where, self._login = where, login
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kasa", daemon=True)
        self._thread.start()
        self._device: Any = None
        try:
            self._device = self._wait(self._find(), _FIND_S)
            self._wait(self._device.update(), _ANSWER_S)
            self.ask()
        except MeterError:
            self.close()
            raise

    def ask(self) -> Answer:
        """See `Plug.ask`."""
        from kasa import Module

        energy = self._device.modules.get(Module.Energy)
        power_w = self._wait(energy.get_status(), _ANSWER_S).power if energy else None
        if power_w is None:
            raise MeterError(f"{self._where} does not measure power; choose a plug with an energy meter")
        return Answer(power_w=float(power_w), energy_j=None, power_step_w=0.001)

    def close(self) -> None:
        """Disconnect and end the thread."""
        if self._device is not None:
            asyncio.run_coroutine_threadsafe(self._device.disconnect(), self._loop).exception(_ANSWER_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _find(self) -> Any:
        """Ask the plug which protocol it speaks; where UDP does not get through, try one protocol after another."""
        from kasa import Credentials, Discover, KasaException

        host, port, login = self._where.host, self._where.port, self._login
        credentials = Credentials(login.user, login.password) if login.password else None
        with suppress(KasaException):
            if found := await Discover.discover_single(
                host, port=port, discovery_timeout=_DISCOVERY_S, credentials=credentials
            ):
                return found
        found = await Discover.try_connect_all(host, port=port, timeout=_DISCOVERY_S, credentials=credentials)
        if found is None:
            raise MeterError(f"{self._where} does not answer; {self._remedy()}")
        return found

    def _remedy(self) -> str:
        if self._login.password:
            return "check its address"
        return f"check its address, and set {web.USER} and {web.PASSWORD} to your TP-Link account's if it asks for them"

    def _wait(self, coroutine: Coroutine[Any, Any, T], limit_s: float) -> T:
        from kasa import AuthenticationError, KasaException

        waiting = asyncio.run_coroutine_threadsafe(asyncio.wait_for(coroutine, limit_s), self._loop)
        try:
            return waiting.result()
        except AuthenticationError:
            raise MeterError(
                f"{self._where} refuses the login; set {web.USER} and {web.PASSWORD} to your TP-Link account's"
            ) from None
        except (KasaException, OSError, TimeoutError):
            raise MeterError(f"{self._where} does not answer; {self._remedy()}") from None
        except MeterError:
            raise
        except Exception as error:  # python-kasa lets all kinds through where a device answers in a form of its own
            raise MeterError(
                f"{self._where} answers in a form that python-kasa does not understand ({type(error).__name__})"
            ) from None


def connected(where: PlugUrl, login: Login) -> KasaPlug:
    """Return a plug, connected.

    Raises:
        MeterError: if python-kasa is not installed, or the plug cannot be read.
    """
    if find_spec("kasa") is None:
        raise MeterError("python-kasa is not installed; pip install 'hashjoule[kasa]'")
    return KasaPlug(where, login)
