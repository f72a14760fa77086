"""What devices say of themselves, read from servers on loopback that answer in the documented forms."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from hashjoule.errors import UsageError
from hashjoule.gauge.device_watch import DeviceWatch
from hashjoule.gauge.devices import DeviceError, cgminer, device
from hashjoule.gauge.devices import axeos as axeos_module
from hashjoule.records.gauge import DeviceReport
from tests.gauge.answers import ANTMINER, AVALON, AXEOS, BRAIINS, LUXOS, WHATSMINER, status


@contextmanager
def axeos(answer: Any, code: int = 200) -> Iterator[int]:
    """A web server that answers every path with this; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/api/system/info"
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def api(answers: dict[str, Any], end: bytes = b"\0") -> Iterator[tuple[int, list[str]]]:
    """A cgminer API with these answers; its port, and the commands that it was given."""
    commands: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            command = json.loads(self.rfile.readline())["command"]
            commands.append(command)
            answer = answers.get(command, {"STATUS": status("Invalid command", "E"), "id": 1})
            self.wfile.write((answer if isinstance(answer, bytes) else json.dumps(answer).encode()) + end)

    class Server(socketserver.TCPServer):
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1], commands
        finally:
            server.shutdown()
            thread.join()


def figures(report: DeviceReport) -> dict[str, Any]:
    """The fields of a report that are known, without its source."""
    return {
        name: value
        for name in report.__struct_fields__
        if name != "source" and (value := getattr(report, name)) is not None
    }


def test_axeos() -> None:
    """Every figure in SI units."""
    with axeos(AXEOS) as port:
        report = device(f"http://127.0.0.1:{port}").read()
    assert report.source == f"AxeOS at 127.0.0.1:{port}"
    assert figures(report) == pytest.approx({
        "model": "Gamma", "chip": "BM1370", "firmware": "v2.12.0", "uptime_s": 86400, "hashrate_hs": 1.2104e12,
        "hashrate_1m_hs": 1.205e12, "hashrate_10m_hs": 1.1985e12, "expected_hashrate_hs": 1.224e12, "power_w": 17.4,
        "frequency_hz": 600e6, "core_voltage_v": 1.142, "chip_temperature_c": 61.5, "regulator_temperature_c": 54,
    })  # fmt: skip


def test_axeos_soon_after_boot() -> None:
    """Means over more time than the device has run are not means over that time; missing sensors are not zero."""
    young = AXEOS | {"uptimeSeconds": 38, "temp": -1, "vrTemp": 0, "power": 0}
    with axeos(young) as port:
        found = figures(device(f"http://127.0.0.1:{port}").read())
    assert not {"hashrate_1m_hs", "hashrate_10m_hs", "chip_temperature_c", "regulator_temperature_c", "power_w"} & set(
        found
    )
    assert found["hashrate_hs"] == pytest.approx(1.2104e12)


@pytest.mark.parametrize(
    "change", [{"hashRate": None}, {"hashRate": "NaN"}, {"hashRate": -5}, {"hashRate": True}, {"hashRate": [1]}]
)
def test_axeos_with_a_field_of_another_kind(change: dict[str, Any]) -> None:
    """What is no figure is not known; the others are."""
    with axeos(AXEOS | change) as port:
        report = device(f"http://127.0.0.1:{port}").read()
    assert report.hashrate_hs is None
    assert report.power_w == 17.4


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        ({"hello": "world"}, 200, "not an AxeOS device"),
        ([1, 2], 200, "not an AxeOS device"),
        (AXEOS, 404, "not an AxeOS device"),
        (b"<html>", 200, "not with JSON"),
    ],
)
def test_another_device_than_axeos(answer: Any, code: int, says: str) -> None:
    """One sentence."""
    with axeos(answer, code) as port, pytest.raises(DeviceError, match=says):
        device(f"http://127.0.0.1:{port}").read()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (ANTMINER, {
            "model": "Antminer S19 Pro", "firmware": "49.0.1.3", "uptime_s": 5000, "hashrate_hs": 110000.5e9,
            "hashrate_average_hs": 109000.25e9, "expected_hashrate_hs": 110e12, "frequency_hz": 520.5e6,
            "chip_temperature_c": 81}),
        (WHATSMINER, {
            "uptime_s": 25000, "hashrate_hs": 124.5e12, "hashrate_average_hs": 125e12, "expected_hashrate_hs": 126e12,
            "power_w": 3200, "frequency_hz": 600e6, "chip_temperature_c": 81}),
        (AVALON, {
            "model": "Avalon Q", "chip": "A3201", "firmware": "25052801_14a19a2", "uptime_s": 800, "hashrate_hs": 81e12,
            "hashrate_1m_hs": 80.5e12, "hashrate_average_hs": 79e12, "expected_hashrate_hs": 83923.04e9,
            "frequency_hz": 502.41e6, "chip_temperature_c": 77}),
        (BRAIINS, {
            "firmware": "boser-buildroot 0.1.0", "uptime_s": 7000, "hashrate_hs": 95e12, "hashrate_1m_hs": 94e12,
            "hashrate_10m_hs": 93.5e12, "hashrate_average_hs": 93e12, "power_w": 2950}),
        (LUXOS, {
            "model": "Antminer S19k Pro", "firmware": "2025.4.8", "uptime_s": 3453, "hashrate_hs": 59756.06e9,
            "hashrate_1m_hs": 60829.48e9, "hashrate_10m_hs": 61506.37e9, "hashrate_average_hs": 56917.91e9,
            "power_w": 1051}),
    ],
    ids=["Antminer", "Whatsminer", "Avalon", "Braiins OS", "LuxOS"],
)  # fmt: skip
def test_dialects_of_the_cgminer_api(answers: dict[str, Any], expected: dict[str, Any]) -> None:
    """Every figure in SI units; a stock Antminer and an Avalon say no power that can be trusted."""
    with api(answers) as (port, commands):
        found = figures(device(f"cgminer://127.0.0.1:{port}").read())
    assert found == pytest.approx(expected)
    assert set(commands) <= {"summary", "version", "stats", "power", "tunerstatus"}


def test_a_cgminer_answer_without_commas_or_a_zero_byte() -> None:
    """Some firmware writes objects one after another, and just hangs up at the end."""
    stats = json.dumps(ANTMINER["stats"]).replace("}, {", "}{").encode()
    with api(ANTMINER | {"stats": stats}, end=b"") as (port, _):
        assert device(f"cgminer://127.0.0.1:{port}").read().frequency_hz == 520.5e6


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({}, "gives no summary"),
        ({"summary": b"<html>"}, "does not speak the cgminer API"),
        ({"summary": b""}, "does not speak the cgminer API"),
        ({"summary": b"[" * 100_000}, "does not speak the cgminer API"),
        ({"summary": {"SUMMARY": "none"}}, "gives no summary"),
    ],
)
def test_another_device_than_a_miner(answers: dict[str, Any], says: str) -> None:
    """One sentence."""
    with api(answers) as (port, _), pytest.raises(DeviceError, match=says):
        device(f"cgminer://127.0.0.1:{port}").read()


@pytest.mark.parametrize("scheme", ["http", "cgminer"])
def test_nobody_there(scheme: str) -> None:
    """A port where nothing listens, and a name that nobody has."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        port = server.server_address[1]
    for host in (f"127.0.0.1:{port}", "no-such-host.invalid"):
        with pytest.raises(DeviceError):
            device(f"{scheme}://{host}").read()


def test_a_silent_device_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the question and says nothing, or sends byte after byte."""
    monkeypatch.setattr(cgminer, "_TIMEOUT_S", 0.2)

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.recv(100)

    with socketserver.TCPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(DeviceError, match="does not answer within"):
            device(f"cgminer://127.0.0.1:{server.server_address[1]}").read()
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "192.168.1.2",
        "ftp://x",
        "http://",
        "http://x/path",
        "cgminer://x:99999",
        "http://u:p@x",
        "http://x?y=1",
        "http://[",
    ],
)
def test_urls_of_another_form(url: str) -> None:
    """A usage error that does not repeat a password."""
    with pytest.raises(UsageError) as caught:
        device(url)
    assert "u:p" not in str(caught.value)


def test_usual_ports() -> None:
    """80 and 4028."""
    assert (axeos_module.PORT, cgminer.PORT) == (80, 4028)
    assert device("http://bitaxe").host == "bitaxe"


def watch(*reports: DeviceReport | None) -> DeviceWatch:
    """A watch of a device that gives these reports, the first of them at the beginning; None is a silence."""
    waiting = iter(reports)

    def read() -> DeviceReport:
        report = next(waiting)
        if report is None:
            raise DeviceError("x:80 cannot be reached")
        return report

    made = DeviceWatch(device("http://x")._replace(read=read))
    made.first()
    return made


def test_a_claim_is_the_mean_of_the_reports_of_the_count() -> None:
    """The one-minute rate where there is one; a silence is told once and changes nothing."""
    say = DeviceReport(source="x", hashrate_hs=9.0, hashrate_1m_hs=1.0, power_w=10.0, uptime_s=1e4)
    other = DeviceReport(source="x", hashrate_hs=3.0, power_w=None, uptime_s=1e4)
    claims = watch(say, say, other, None, None)
    claims.restart()
    assert claims.claim() is None
    for _ in range(4):
        claims.ask()
    claim = claims.claim()
    assert claim
    assert (claim.readings, claim.hashrate_hs, claim.power_w, claim.last) == (2, 2.0, 10.0, other)
    assert len(claims.warnings) == 1


def test_a_device_that_has_just_started_is_told() -> None:
    """Its figures are kept, with a warning."""
    assert "started 38 s ago" in watch(DeviceReport(source="x", uptime_s=38.0)).warnings[0]
    assert not watch(DeviceReport(source="x", uptime_s=3800.0)).warnings
