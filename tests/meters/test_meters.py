"""Meters: sysfs trees and an NVML made up for the purpose. What cannot be read says why and what opens it."""

from __future__ import annotations

import os
import sys
import time
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hashjoule import meters
from hashjoule.meters import MeterError, apple, battery, hwmon, nvml, rapl
from hashjoule.meters.sampled import Integral


def tree(root: Path, **files: object) -> Path:
    """Writes files below root; "__" in a name stands for "/"."""
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def zone(root: Path, folder: str, name: str, energy_uj: int, range_uj: int = 1000) -> Path:
    """A RAPL zone."""
    return tree(root / folder, name=name, energy_uj=energy_uj, max_energy_range_uj=range_uj)


def test_every_meter_says_what_it_is() -> None:
    """Names are unique; what cannot be read here says why, what can be is not called so by mistake."""
    known = meters.meters()
    assert len({meter.name for meter in known}) == len(known)
    for meter in known:
        if meter.unavailable:
            with pytest.raises(MeterError, match="cannot be read here"):
                meter.open()


def test_rapl_adds_packages_and_only_those(tmp_path: Path) -> None:
    """Cores, DRAM, the platform and the second interface to the same package are not counted again."""
    packages = [zone(tmp_path, f"intel-rapl:{i}", f"package-{i}", 100) for i in (0, 1)]
    others = [
        zone(tmp_path, "intel-rapl:0:0", "core", 100),
        zone(tmp_path, "intel-rapl:2", "psys", 100),
        zone(tmp_path, "intel-rapl-mmio:0", "package-0", 100),
    ]
    (meter,) = rapl.meters(tmp_path)
    assert (meter.unavailable, meter.scope, meter.method, meter.covers) == (None, "package", "counter", "cpu")
    assert meter.source == "RAPL package-0, package-1"
    reading = meter.open()
    for folder in (*packages, *others):
        tree(folder, energy_uj=350)
    assert reading.joules() == pytest.approx(500e-6)


def test_rapl_survives_the_wrap_around(tmp_path: Path) -> None:
    """A counter that starts again from 0 at its range goes on counting."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", 900)
    reading = rapl.meters(tmp_path)[0].open()
    counted = []
    for energy_uj in (950, 40, 900, 10):
        tree(package, energy_uj=energy_uj)
        counted.append(round(reading.joules() * 1e6))
    assert counted == [50, 140, 1000, 1110]


@pytest.mark.skipif(os.name == "nt", reason="sysfs is Linux")
def test_rapl_without_permission_says_what_opens_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root only since Linux 5.10: the sentence holds a command for now and a udev rule for good."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1)

    def locked(path: Path, *arguments: Any) -> str:
        raise PermissionError(13, "Permission denied") if path.name == "energy_uj" else FileNotFoundError(2, "none")

    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, *a: locked(path) if path == package / "energy_uj" else real(path, *a)
    )
    monkeypatch.setattr(Path, "read_bytes", locked)
    (meter,) = rapl.meters(tmp_path)
    for word in ("chmod a+r", "/etc/udev/rules.d/", "CAP_DAC_READ_SEARCH"):
        assert word in str(meter.unavailable)


@pytest.mark.parametrize(
    ("release", "remedy"),
    [
        ('NAME="Debian"\nID=debian\n', "/etc/udev/rules.d/"),
        ('ID="opensuse-tumbleweed"\n', "/etc/udev/rules.d/"),
        ("ID=nixos\n", "services.udev.extraRules"),
        ("ID=alpine\n", "/etc/local.d/rapl.start"),
    ],
)
def test_what_opens_rapl_on_a_distribution(tmp_path: Path, release: str, remedy: str) -> None:
    """A command for now, and what keeps it open on this distribution."""
    tree(tmp_path, **{"etc__os-release": release})
    sentence = rapl.how_to_unlock(rapl.distribution(tmp_path))
    assert "sudo chmod a+r" in sentence
    assert remedy in sentence
    assert rapl.distribution(tmp_path / "none") == ""


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "run/systemd/container"])
def test_containers_hide_rapl(tmp_path: Path, mark: str) -> None:
    """The sentence says so, and how to start the container instead."""
    tree(tmp_path / "system", **{mark.replace("/", "__"): ""})
    (meter,) = rapl.meters(tmp_path / "none", tmp_path / "system")
    assert "containers hide powercap" in str(meter.unavailable)
    assert "systempaths=unconfined" in str(meter.unavailable)


def test_windows_has_no_meter_yet() -> None:
    """But NVIDIA's, and the sentence says that a plug works."""
    names = {meter.name: meter for meter in meters.meters("win32")}
    assert not {name for name in names if name.startswith(("rapl", "hwmon", "battery", "apple"))}
    assert "a wall plug works" in str(names["windows"].unavailable)
    assert "windows" not in {meter.name for meter in meters.meters("linux")}


def test_idle_power(tmp_path: Path) -> None:
    """What a meter gains over a time in which nothing runs."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", 0, range_uj=10**9)
    meter = rapl.meters(tmp_path)[0]

    def draw(seconds: float) -> None:
        time.sleep(seconds)
        tree(package, energy_uj=1_000_000)

    assert meters.idle_w(meter, 0.1, draw) == pytest.approx(10.0, rel=0.2)


def test_rapl_that_is_not_there(tmp_path: Path) -> None:
    """No powercap folder, no package zone, no range: each says what it is."""
    assert "virtual machines have none" in str(rapl.meters(tmp_path / "none", tmp_path)[0].unavailable)
    zone(tmp_path, "intel-rapl:1", "psys", 1)
    assert "virtual machines have none" in str(rapl.meters(tmp_path, tmp_path)[0].unavailable)
    zone(tmp_path, "intel-rapl:0", "package-0", 1, range_uj=0)
    assert "max_energy_range_uj is 0" in str(rapl.meters(tmp_path)[0].unavailable)
    tree(tmp_path / "intel-rapl:0", max_energy_range_uj="many")
    assert "holds no number" in str(rapl.meters(tmp_path)[0].unavailable)


def test_a_file_that_vanishes_ends_the_reading(tmp_path: Path) -> None:
    """A driver that is unloaded during a run gives an error, no energy."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    reading = rapl.meters(tmp_path)[0].open()
    (package / "energy_uj").unlink()
    with pytest.raises(MeterError, match="cannot be read any more"):
        reading.joules()


class Clock:
    """A clock that moves when it is told."""

    now_s = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def test_sampled_power_is_integrated() -> None:
    """Watts over the clock by the trapezoidal rule: 10 W rising to 30 W over 2 s are 40 J."""
    clock, power = Clock(), SimpleNamespace(watts=10.0)
    integral = Integral(lambda: float(power.watts), period_s=3600, clock=clock)
    clock.now_s, power.watts = 2.0, 30.0
    assert integral.joules() == pytest.approx(40.0)
    clock.now_s = 3.0
    assert integral.joules() == pytest.approx(70.0)
    integral.close()


def test_amd_gpus_and_the_acpi_meter(tmp_path: Path) -> None:
    """An AMD GPU is known by its PCI bus id; other drivers' power files, whose scope nobody tells, are passed over."""
    gpu = tree(tmp_path / "pci/0000:03:00.0/hwmon/hwmon4", name="amdgpu", power1_average=25_000_000)
    (gpu / "device").symlink_to(tmp_path / "pci/0000:03:00.0")
    (tmp_path / "class").mkdir()
    (tmp_path / "class/hwmon4").symlink_to(gpu)
    tree(tmp_path / "class", hwmon1__name="power_meter", hwmon1__power1_average=180_000_000)
    tree(tmp_path / "class", hwmon2__name="ina226", hwmon2__power1_input=5_000_000)
    acpi, amd = hwmon.meters(tmp_path / "class")
    assert (acpi.name, acpi.scope, acpi.covers, acpi.pci_bus_id) == ("hwmon:1", "system", "all", None)
    assert (amd.name, amd.scope, amd.covers, amd.pci_bus_id) == ("hwmon:4", "device", "gpu", "0000:03:00.0")
    reading = amd.open()
    (gpu / "power1_average").unlink()
    with pytest.raises(MeterError):
        reading.joules()
    reading.close()


def test_intel_gpus_count_their_energy(tmp_path: Path) -> None:
    """i915 and xe count microjoules; of an xe card that shows no energy of the whole, that of its package."""
    known = [("i915", "energy1_input"), ("xe", "energy1_input"), ("xe", "energy2_input")]
    for number, (driver, file) in enumerate(known):
        gpu = tree(tmp_path / f"pci/0000:0{number}:00.0/hwmon/hwmon{number}", name=driver, **{file: 5_000_000})
        (gpu / "device").symlink_to(tmp_path / f"pci/0000:0{number}:00.0")
        (tmp_path / "class").mkdir(exist_ok=True)
        (tmp_path / f"class/hwmon{number}").symlink_to(gpu)
    tree(tmp_path / "class/hwmon3", name="i915_gt0", energy1_input=1)
    found = hwmon.meters(tmp_path / "class")
    assert [(m.method, m.scope, m.pci_bus_id) for m in found] == [
        ("counter", "device", "0000:00:00.0"),
        ("counter", "board", "0000:01:00.0"),
        ("counter", "device", "0000:02:00.0"),
    ]
    reading = found[0].open()
    tree(tmp_path / "class/hwmon0", energy1_input=7_500_000)
    assert reading.joules() == pytest.approx(2.5)
    reading.close()


def test_hwmon_sensors_that_cannot_be_read(tmp_path: Path) -> None:
    """A sensor that fails and a GPU without one say so; without any known driver one line stands for all."""
    assert hwmon.meters(tmp_path)[0].unavailable
    tree(tmp_path, hwmon0__name="amdgpu", hwmon1__name="power_meter", hwmon1__power1_average="none")
    without, broken = hwmon.meters(tmp_path)
    assert "has no power sensor" in str(without.unavailable)
    assert "holds no number" in str(broken.unavailable)


def test_a_battery_is_a_meter_only_while_it_discharges(tmp_path: Path) -> None:
    """Power, or current times voltage of either sign; on mains there is no figure, and a plug ends the reading."""
    tree(tmp_path, AC__type="Mains", mouse__type="Battery", mouse__scope="Device", mouse__status="Discharging")
    assert "no battery" in str(battery.meters(tmp_path)[0].unavailable)
    tree(tmp_path, BAT0__type="Battery", BAT0__status="Charging", BAT0__current_now=-2_000_000)
    tree(tmp_path, BAT0__voltage_now=12_000_000, BAT1__type="Battery", BAT1__status="Not charging")
    assert "unplug the charger" in str(battery.meters(tmp_path)[0].unavailable)
    tree(tmp_path, BAT0__status="Discharging")
    (meter,) = battery.meters(tmp_path)
    assert (meter.unavailable, meter.scope, meter.method) == (None, "system", "sampled")
    packs = [tmp_path / "BAT0", tmp_path / "BAT1"]
    assert battery._power_w(packs) == pytest.approx(24.0)
    tree(tmp_path, BAT1__status="Discharging", BAT1__power_now=6_000_000)
    assert battery._power_w(packs) == pytest.approx(30.0)
    reading = meter.open()
    tree(tmp_path, BAT0__status="Charging")
    with pytest.raises(MeterError, match="unplug"):
        reading.joules()
    reading.close()


def test_a_battery_beside_a_plug(tmp_path: Path) -> None:
    """A plug shows what the machine draws only while no battery takes or gives anything."""
    assert battery.disturbance(tmp_path) is None
    tree(tmp_path, BAT0__type="Battery", BAT0__status="Full", mouse__type="Battery", mouse__scope="Device")
    tree(tmp_path, mouse__status="Charging")
    assert battery.disturbance(tmp_path) is None
    tree(tmp_path, BAT0__status="Charging")
    assert "is charging" in str(battery.disturbance(tmp_path))
    tree(tmp_path, BAT0__status="Discharging")
    assert "plug in the charger" in str(battery.disturbance(tmp_path))


class FakeNvml(ModuleType):
    """An NVML with one board per entry: what it answers to energy (mJ) and power (mW); None is "not supported"."""

    def __init__(self, *boards: tuple[int | None, int | None], driver: bool = True) -> None:
        super().__init__("pynvml")
        self.__spec__ = ModuleSpec("pynvml", None)
        self.boards, self.driver = list(boards), driver
        self.NVMLError = type("NVMLError", (Exception,), {})

    def nvmlInit(self) -> None:  # noqa: N802
        """Fails without a driver."""
        if not self.driver:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """How many boards."""
        return len(self.boards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        """The index serves as handle."""
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        """Old versions give bytes."""
        return b"NVIDIA Fake"

    def nvmlDeviceGetPciInfo(self, handle: int) -> object:  # noqa: N802
        """Bus 0x41 and up."""
        return SimpleNamespace(domain=0, bus=0x41 + handle, device=0)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        """Millijoules."""
        return self._answer(self.boards[handle][0])

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        """Milliwatts."""
        return self._answer(self.boards[handle][1])

    def _answer(self, value: int | None) -> int:
        if value is None:
            raise self.NVMLError("Not Supported")
        return value


def test_nvml_prefers_the_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counter where there is one, else sampled power, else the reason; a board that falls off the bus is an error."""
    fake = FakeNvml((5_000, 90_000), (None, 90_000), (None, None))
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    counted, sampled, silent = nvml.meters()
    assert (counted.method, counted.scope, counted.pci_bus_id) == ("counter", "board", "0000:41:00.0")
    assert (sampled.method, sampled.pci_bus_id) == ("sampled", "0000:42:00.0")
    assert "neither energy nor power" in str(silent.unavailable)
    reading, watching = counted.open(), sampled.open()
    fake.boards[0] = (7_500, 0)
    assert reading.joules() == pytest.approx(2.5)
    fake.boards = [(None, None), (None, None)]
    for lost in (reading, watching):
        with pytest.raises(MeterError, match="does not answer any more"):
            lost.joules()
        lost.close()


def test_nvml_without_driver_boards_or_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each says what to install."""
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(driver=False))
    assert "install NVIDIA's driver" in str(nvml.meters()[0].unavailable)
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    assert "no NVIDIA GPU" in str(nvml.meters()[0].unavailable)
    monkeypatch.setattr(nvml, "find_spec", lambda name: None)
    assert "hashjoule[meter]" in str(nvml.meters()[0].unavailable)


def test_apple_silicon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listed on such a Mac only; the millijoules of CPU and GPU count from the opening on, each for its own."""
    energy = SimpleNamespace(cpu_total_mj=1_000, gpu_mj=500, gpu_sram_mj=None)
    fake = ModuleType("zeus_apple_silicon")
    fake.__spec__ = ModuleSpec("zeus_apple_silicon", None)
    fake.AppleEnergyMonitor = lambda: SimpleNamespace(get_cumulative_energy=lambda: energy)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "zeus_apple_silicon", fake)
    monkeypatch.setattr(apple, "_HERE", ("linux", "x86_64"))
    assert apple.meters() == []
    monkeypatch.setattr(apple, "_HERE", ("darwin", "arm64"))
    cpu, gpu = apple.meters()
    assert (cpu.unavailable, cpu.scope, cpu.covers) == (None, "package", "cpu")
    assert (gpu.unavailable, gpu.scope, gpu.covers) == (None, "device", "only-gpu")
    of_cpu, of_gpu = cpu.open(), gpu.open()
    energy.cpu_total_mj, energy.gpu_mj, energy.gpu_sram_mj = 4_500, 2_500, 250
    assert of_cpu.joules() == pytest.approx(3.5)
    assert of_gpu.joules() == pytest.approx(2.25)
    energy.cpu_total_mj = None
    assert "no energy of the CPU clusters" in str(apple.meters()[0].unavailable)
    monkeypatch.setattr(apple, "find_spec", lambda name: None)
    assert "hashjoule[meter]" in str(apple.meters()[0].unavailable)
