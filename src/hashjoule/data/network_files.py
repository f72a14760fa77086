"""Newer figures of the network from files that the user downloads; hashjoule itself fetches nothing.

Read are tables in the format of `network.csv`, and three answers of mempool.space (https://mempool.space/api):
`/api/v1/mining/hashrate/1m` (hash rate and difficulty), `/api/v1/prices` (price) and
`/api/v1/mining/reward-stats/4320` (fees of the last 4,320 blocks, about 30 days).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

import msgspec

from hashjoule.data.network import BTC_PRICE, FEES, HASHRATE, NetworkPoint
from hashjoule.data.reading import read_csv
from hashjoule.errors import UsageError

MEMPOOL = "https://mempool.space/api/v1"
DAYS = 30
"""Hash rates of days scatter by some 15%: the mean of so many is used."""


class _DayRate(msgspec.Struct):
    timestamp: int
    avg_hashrate: float = msgspec.field(name="avgHashrate")


class _Hashrates(msgspec.Struct):
    hashrates: list[_DayRate]
    current_difficulty: float = msgspec.field(name="currentDifficulty")


class _Prices(msgspec.Struct):
    time: int
    usd: float = msgspec.field(name="USD")


class _RewardStats(msgspec.Struct):
    start_block: int = msgspec.field(name="startBlock")
    end_block: int = msgspec.field(name="endBlock")
    total_fee: str | int = msgspec.field(name="totalFee")


def read_network_file(path: Path) -> tuple[NetworkPoint, ...]:
    """Return the figures of a downloaded file.

    Raises:
        UsageError: If it cannot be read, or is none of the files that are understood.
    """
    try:
        if path.suffix.lower() == ".csv":
            return read_csv(path, NetworkPoint)
        text = path.read_bytes()
        read_on = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC).date().isoformat()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file in UTF-8") from None
    for reader in _READERS:
        try:
            return reader(text, read_on)
        except (msgspec.DecodeError, ValueError, ZeroDivisionError):
            continue
    raise UsageError(
        f"{path} holds no figures of the network: give a table like network.csv, or what mempool.space answers to "
        "mining/hashrate/1m, prices or mining/reward-stats/4320 (see `hashjoule economics --help`)"
    )


def _hashrates(text: bytes, read_on: str) -> tuple[NetworkPoint, ...]:
    answer = msgspec.json.decode(text, type=_Hashrates)
    days = sorted(answer.hashrates, key=lambda day: day.timestamp)[-DAYS:]
    mean = sum(day.avg_hashrate for day in days) / len(days)
    source = f"{MEMPOOL}/mining/hashrate/1m"
    note = f"mean of {len(days)} days"
    last = _day(days[-1].timestamp)
    return (
        _point(last, HASHRATE, mean / 1e12, "TH/s", source, note),
        _point(read_on, "difficulty", answer.current_difficulty, "1", source),
    )


def _prices(text: bytes, read_on: str) -> tuple[NetworkPoint, ...]:
    answer = msgspec.json.decode(text, type=_Prices)
    return (_point(_day(answer.time), BTC_PRICE, answer.usd, "USD", f"{MEMPOOL}/prices", "price of the day"),)


def _fees(text: bytes, read_on: str) -> tuple[NetworkPoint, ...]:
    answer = msgspec.json.decode(text, type=_RewardStats)
    blocks = answer.end_block - answer.start_block + 1
    fees_btc = int(answer.total_fee) / 1e8 / blocks
    source = f"{MEMPOOL}/mining/reward-stats"
    return (_point(read_on, FEES, fees_btc, "BTC/block", source, f"mean of {blocks} blocks"),)


_READERS: tuple[Callable[[bytes, str], tuple[NetworkPoint, ...]], ...] = (_hashrates, _prices, _fees)


def _day(timestamp: int) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).date().isoformat()


def _point(date: str, metric: str, value: float, unit: str, source: str, note: str = "") -> NetworkPoint:
    return NetworkPoint(
        date=date,
        metric=metric,
        value=value,
        unit=unit,
        region="world",
        source_url=source,
        source_date=date,
        note=note,
    )
