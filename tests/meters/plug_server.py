"""Plugs on loopback: servers that answer as the makers document it, with a load behind them and faults on demand.

The answers are recorded ones of the documented form, with the figures of the load put into them.

Sources: https://shelly-api-docs.shelly.cloud (Gen1 and Gen2), https://tasmota.github.io/docs/JSON-Status-Responses,
https://developers.home-assistant.io/docs/api/rest, RFC 7616.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Clock = Callable[[], float]


@dataclass
class Load:
    """A load in watts, and the energy that it has drawn since the clock's zero, exactly."""

    power_w: float = 15.0
    swing_w: float = 0.0
    """How far the power swings around its mean, as a sine of this period."""
    period_s: float = 7.0
    clock: Clock = time.perf_counter

    def power(self, at_s: float | None = None) -> float:
        """The power at a moment."""
        at_s = self.clock() if at_s is None else at_s
        return self.power_w + self.swing_w * math.sin(2 * math.pi * at_s / self.period_s)

    def energy_j(self, at_s: float | None = None) -> float:
        """The energy up to a moment: the integral of `power`."""
        at_s = self.clock() if at_s is None else at_s
        turns = 2 * math.pi / self.period_s
        return self.power_w * at_s + self.swing_w / turns * (1 - math.cos(turns * at_s))


@dataclass
class SimulatedPlug:
    """What a server shows, how it wants to be asked, and what is wrong with it."""

    kind: str
    """shelly-gen2, shelly-pm1, shelly-gen1, tasmota, homeassistant-power or homeassistant-energy."""
    load: Load = field(default_factory=Load)
    password: str | None = None
    user: str = "admin"
    status: int = 200
    body: bytes | None = None
    """Answered instead of what the plug would say."""
    silent: bool = False
    """Whether it takes requests and never answers."""
    byte_s: float = 0.0
    """How long it takes for each byte of its answer."""
    is_valid: bool = True
    energy_offset_j: float = 0.0
    """Added to the counter: a reset is a fall."""
    frozen_j: float | None = None
    """Where the counter stands still."""
    power_decimals: int = 2
    energy_decimals: int = 3
    unit: str = "W"
    update_s: float = 1.0
    """How often a sensor of Home Assistant is updated."""
    stopped_at_s: float | None = None
    """From when on the sensor is not updated any more (by `time.time`)."""
    requests: list[str] = field(default_factory=list)

    def energy_j(self) -> float:
        """What the counter has counted."""
        return self.load.energy_j() + self.energy_offset_j if self.frozen_j is None else self.frozen_j

    def answer(self, path: str) -> tuple[int, Any]:
        """Status and JSON for a path."""
        known = {
            "shelly-gen2": (r"/rpc/Switch\.GetStatus\?id=(\d)", self._gen2),
            "shelly-pm1": (r"/rpc/PM1\.GetStatus\?id=(\d)", self._gen2),
            "shelly-gen1": (r"/status()", self._gen1),
            "tasmota": (r"/cm\?(?:.*&)?cmnd=Status%208()", self._tasmota),
            "homeassistant-power": (r"/api/states/sensor\.rig()", self._sensor),
            "homeassistant-energy": (r"/api/states/sensor\.rig()", self._sensor),
        }
        pattern, answer = known[self.kind]
        found = re.fullmatch(pattern, path)
        return (200, answer(found[1])) if found else (404, self._not_found(path))

    def _not_found(self, path: str) -> Any:
        if self.kind.startswith("shelly-"):
            return {"code": 404, "message": f"No handler for {path}"}
        return {"message": "Entity not found."}

    def _floor(self, value: float, decimals: int) -> float:
        unit: float = 10.0**decimals
        return math.floor(value * unit) / unit

    def _gen2(self, channel: str) -> Any:
        return {
            "id": int(channel),
            "source": "init",
            "output": True,
            "apower": round(self.load.power(), self.power_decimals),
            "voltage": 231.4,
            "current": 0.132,
            "freq": 50.0,
            "aenergy": {
                "total": self._floor(self.energy_j() / 3600, self.energy_decimals),
                "by_minute": [252.1, 251.9, 252.0],
                "minute_ts": 1_700_000_000,
            },
            "temperature": {"tC": 39.4, "tF": 102.9},
        }

    def _gen1(self, _: str) -> Any:
        meter = {
            "power": round(self.load.power(), self.power_decimals),
            "overpower": 0.0,
            "is_valid": self.is_valid,
            "timestamp": 1_700_000_000,
            "counters": [15.012, 15.001, 15.007],
            "total": math.floor(self.energy_j() / 60),
        }
        return {
            "relays": [{"ison": True, "has_timer": False, "overpower": False}],
            "meters": [meter],
            "temperature": 34.48,
            "uptime": 18_961,
        }

    def _tasmota(self, _: str) -> Any:
        power = round(self.load.power(), self.power_decimals)
        energy = {
            "TotalStartTime": "2026-01-01T00:00:00",
            "Total": self._floor(self.energy_j() / 3.6e6, 3),
            "Yesterday": 0.321,
            "Today": 0.123,
            "Power": power if self.power_decimals else int(power),
            "ApparentPower": 17.1,
            "ReactivePower": 8.2,
            "Factor": 0.88,
            "Voltage": 231,
            "Current": 0.074,
        }
        return {"StatusSNS": {"Time": "2026-11-20T12:00:00", "ENERGY": energy}}

    def _sensor(self, _: str) -> Any:
        now_s = min(time.time(), self.stopped_at_s or math.inf)
        updated_s = math.floor(now_s / self.update_s) * self.update_s
        at_s = self.load.clock() - (time.time() - updated_s)
        if self.kind.endswith("energy"):
            energy_j = self.load.energy_j(at_s) + self.energy_offset_j
            state = f"{energy_j / (3.6e6 if self.unit == 'kWh' else 3600):.{self.energy_decimals}f}"
        else:
            state = f"{self.load.power(at_s) / (1000 if self.unit == 'kW' else 1):.{self.power_decimals}f}"
        stamp = datetime.fromtimestamp(updated_s, UTC).isoformat()
        return {
            "entity_id": "sensor.rig",
            "state": state,
            "attributes": {"unit_of_measurement": self.unit, "friendly_name": "Rig"},
            "last_changed": stamp,
            "last_reported": stamp,
            "last_updated": stamp,
        }


class _Handler(BaseHTTPRequestHandler):
    plug: SimulatedPlug
    ended: threading.Event

    def do_GET(self) -> None:
        self.plug.requests.append(self.path)
        if self.plug.silent:
            self.ended.wait(30)
            return
        if self.plug.byte_s:
            for byte in b"HTTP/1.1 200 OK and so on and so forth":
                self.wfile.write(bytes([byte]))
                if self.ended.wait(self.plug.byte_s):
                    return
        if refusal := self._refused():
            self._send(401, {"message": "unauthorized"} if self.plug.kind != "tasmota" else refusal[1], refusal[0])
        elif self.plug.status != 200:
            self._send(self.plug.status, {"message": "fault"})
        else:
            self._send(*self.plug.answer(self.path))

    def _refused(self) -> tuple[dict[str, str], Any] | None:
        """None if the login is right, else the challenge's header and Tasmota's words."""
        plug, sent = self.plug, self.headers.get("Authorization", "")
        if plug.password is None:
            return None
        if plug.kind == "tasmota":
            query = parse_qs(urlsplit(self.path).query)
            if query.get("user") == [plug.user] and query.get("password") == [plug.password]:
                return None
            return {}, {"WARNING": "Need user=<username>&password=<password>"}
        if plug.kind.startswith("homeassistant"):
            return None if sent == f"Bearer {plug.password}" else ({}, None)
        if plug.kind == "shelly-gen1":
            right = "Basic " + base64.b64encode(f"{plug.user}:{plug.password}".encode()).decode()
            return None if sent == right else ({"WWW-Authenticate": 'Basic realm="Shelly"'}, None)
        return None if self._digest_is_right(sent) else (self._digest_challenge(), None)

    def _digest_challenge(self) -> dict[str, str]:
        return {
            "WWW-Authenticate": 'Digest qop="auth", realm="shellyplugsg3-aabbccddeeff", nonce="1700000000", '
            "algorithm=SHA-256"
        }

    def _digest_is_right(self, sent: str) -> bool:
        """RFC 7616, computed here once more from its text."""
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', sent.removeprefix("Digest ")))

        def sha256(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        first = sha256(f"{self.plug.user}:shellyplugsg3-aabbccddeeff:{self.plug.password}")
        second = sha256(f"GET:{self.path}")
        counted = ":".join(fields.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        return fields.get("response") == sha256(f"{first}:{counted}:{second}") and fields.get("nonce") == "1700000000"

    def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode() if self.plug.body is None else self.plug.body
        self.send_response_only(status)
        self.send_header("Date", formatdate(usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(plug: SimulatedPlug) -> Iterator[str]:
    """The plug on loopback; gives `127.0.0.1:PORT`."""
    ended = threading.Event()
    handler = type("Handler", (_Handler,), {"plug": plug, "ended": ended})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def url(plug: SimulatedPlug, netloc: str) -> str:
    """The URL by which a user names the plug."""
    scheme = plug.kind.partition("-")[0]
    return f"{scheme}://{netloc}" + ("/sensor.rig" if scheme == "homeassistant" else "")
