"""A TP-Link Kasa plug on loopback, in the protocol of the HS110: JSON under a self-keyed XOR, over TCP and UDP.

Source: https://www.softscheck.com/en/reverse-engineering-tp-link-hs110/, with answers of the HS110's form.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

ANSWERS: dict[tuple[str, str], Any] = {
    ("system", "get_sysinfo"): {
        "active_mode": "none",
        "alias": "rig",
        "dev_name": "Wi-Fi Smart Plug With Energy Monitoring",
        "deviceId": "0" * 40,
        "err_code": 0,
        "feature": "TIM:ENE",
        "fwId": "0" * 32,
        "hwId": "0" * 32,
        "hw_ver": "1.0",
        "led_off": 0,
        "mac": "50:C7:BF:00:00:00",
        "model": "HS110(EU)",
        "oemId": "0" * 32,
        "on_time": 4242,
        "relay_state": 1,
        "rssi": -60,
        "sw_ver": "1.2.5 Build 171213 Rel.101523",
        "type": "IOT.SMARTPLUGSWITCH",
        "updating": 0,
    },
    ("time", "get_time"): {"year": 2026, "month": 11, "mday": 20, "hour": 1, "min": 2, "sec": 3, "err_code": 0},
    ("time", "get_timezone"): {"index": 6, "err_code": 0},
}


def _crypted(data: bytes, encrypt: bool) -> bytes:
    """Each byte XOR the encrypted one before it, the first XOR 171."""
    key, out = 171, bytearray()
    for byte in data:
        out.append(key ^ byte)
        key = out[-1] if encrypt else byte
    return bytes(out)


@contextmanager
def served(power_w: Callable[[], float]) -> Iterator[str]:
    """A plug with this load; gives `127.0.0.1:PORT`."""

    def answer(request: bytes) -> bytes:
        asked = json.loads(_crypted(request, False))
        realtime = {"current": 0.1, "voltage": 230.0, "power": power_w(), "total": 1.234, "err_code": 0}
        known = ANSWERS | {("emeter", "get_realtime"): realtime}
        missing = {"err_code": -1, "err_msg": "module not support"}
        told = {part: {command: known.get((part, command), missing) for command in asked[part]} for part in asked}
        return _crypted(json.dumps(told).encode(), True)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while len(length := self.rfile.read(4)) == 4:
                told = answer(self.rfile.read(int.from_bytes(length, "big")))
                self.wfile.write(len(told).to_bytes(4, "big") + told)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request[1].sendto(answer(self.request[0]), self.client_address)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with (
        Server(("127.0.0.1", 0), Stream) as tcp,
        socketserver.UDPServer(("127.0.0.1", tcp.server_address[1]), Datagram) as udp,
    ):
        servers = (tcp, udp)
        threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
        for thread in threads:
            thread.start()
        try:
            yield f"127.0.0.1:{tcp.server_address[1]}"
        finally:
            for server in servers:
                server.shutdown()
