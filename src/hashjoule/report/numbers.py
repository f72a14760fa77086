"""The only formatter: numbers with their units, as people read them. Three significant digits, commas in thousands."""

from __future__ import annotations

_RATE_UNITS = (
    ("ZH/s", 1e21), ("EH/s", 1e18), ("PH/s", 1e15), ("TH/s", 1e12), ("GH/s", 1e9), ("MH/s", 1e6), ("kH/s", 1e3)
)  # fmt: skip
_POWER_UNITS = (("GW", 1e9), ("MW", 1e6), ("kW", 1e3), ("W", 1.0), ("mW", 1e-3))
_FREQUENCY_UNITS = (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3))
_LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_TIMES = (("years", 365.25 * 86400), ("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("s", 1.0), ("ms", 1e-3))


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with that many significant digits: 9.45, 0.0035, 4,490, 28.6 million; "-" for None."""
    if value is None:
        return "-"
    rounded = float(f"{value:.{digits}g}")
    size = abs(rounded)
    for unit, word in _LARGE:
        if size >= unit:
            return f"{_plain(rounded / unit, digits)} {word}"
    return _plain(rounded, digits)


def unpadded(value: float | None, digits: int = 6) -> str:
    """Return a figure as its source gives it, without zeros at the end: 3.125, 65,192.5, 0.07."""
    shown = number(value, digits)
    figure, space, word = shown.partition(" ")
    return (figure.rstrip("0").rstrip(".") if "." in figure else figure) + space + word


def _plain(value: float, digits: int) -> str:
    """Return a rounded number below a million, with the zeros that its digits stand for."""
    if value == 0:
        return "0"
    exponent = int(f"{abs(value):e}".partition("e")[2])
    return f"{value:,.{max(0, digits - 1 - exponent)}f}"


def hashrate(value_hs: float | None, digits: int = 3) -> str:
    """Return a hash rate with the unit that suits it: 2.27 MH/s, 886 TH/s."""
    return _scaled(value_hs, _RATE_UNITS, "H/s", digits)


def rate_unit(largest_hs: float) -> tuple[str, float]:
    """Return the name and size of the unit for a column of hash rates: of the largest, but at least MH/s."""
    return next(unit for unit in _RATE_UNITS if largest_hs >= unit[1] or unit[0] == "MH/s")


def power(value_w: float | None, digits: int = 3) -> str:
    """Return a power with the unit that suits it: 15.0 W, 3.66 kW, 75.0 MW."""
    return _scaled(value_w, _POWER_UNITS, "W", digits)


def frequency(value_hz: float | None, digits: int = 3) -> str:
    """Return a clock rate with the unit that suits it: 3.75 GHz, 800 MHz."""
    return _scaled(value_hz, _FREQUENCY_UNITS, "Hz", digits)


def _scaled(value: float | None, units: tuple[tuple[str, float], ...], base: str, digits: int) -> str:
    if value is None:
        return "-"
    rounded = float(f"{value:.{digits}g}")
    name, size = next(((name, size) for name, size in units if abs(rounded) >= size), (base, 1.0))
    return f"{number(rounded / size, digits)} {name}"


def tick(value: float, unit: str = "") -> str:
    """Return the number at a grid line of an axis, as short as it can be: 10, 100,000, 10 million, 1 kW, 50 TH/s."""
    units = {"W": _POWER_UNITS, "H/s": _RATE_UNITS, "": tuple((word, size) for size, word in _LARGE)}[unit]
    name, size = next(((name, size) for name, size in units if abs(value) >= size), (unit, 1.0))
    return f"{value / size:,.10g} {name}".rstrip()


def years(value: float) -> str:
    """Return a span of years in months if it is short: 6 months, 2.8 years."""
    return f"{value:.1f} years" if value >= 1.5 else count(round(value * 12), "month")


def years_between(low: float, high: float) -> str:
    """Return an interval of years in one unit: 5 to 8 months, 2.6 to 3.1 years."""
    if high >= 1.5:
        return f"{low:.1f} to {high:.1f} years" if high < float("inf") else f"over {low:.1f} years"
    return f"{low * 12:.0f} to {high * 12:.0f} months"


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a fraction in per cent: 14%, 0.35%, 100%; "-" for None."""
    return "-" if fraction is None else f"{number(100 * fraction, digits)}%"


def change(ratio: float) -> str:
    """Return a ratio as a signed change in per cent: +2.1%, -12.0%."""
    return f"{ratio - 1:+.1%}"


def times(ratio: float | None, digits: int = 3) -> str:
    """Return a ratio as a multiple: 1.17x, 22.0x, 4,550x."""
    return "-" if ratio is None else f"{number(ratio, digits)}x"


def duration(seconds: float | None, digits: int = 3) -> str:
    """Return a time in the unit that suits it: 3.20 ms, 12.0 s, 2.50 hours, 45,200 years."""
    if seconds is None:
        return "-"
    name, size = next(((n, s) for n, s in _TIMES if seconds >= (2 * s if s > 1 else s)), _TIMES[-1])
    return f"{number(seconds / size, digits)} {name}"


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """Return an amount with its noun: 1 block, 2 blocks, 12,000 shares."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"
