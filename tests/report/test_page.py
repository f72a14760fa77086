"""The page as a file: it shows what `table` and `explain` print, and it is replaced whole or not at all."""

from __future__ import annotations

import errno
import json
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from hashjoule import cli
from hashjoule.efficiency import explain
from hashjoule.efficiency.table import dated_record, load_table, select
from hashjoule.report.numbers import number
from hashjoule.report.page import report_page, write_page
from hashjoule.report.table import cells
from tests.plain_records import ENERGY, RATE, UNMETERED, result, write_record
from tests.support import GOLDEN_RECORD

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='hacked = 1'>\"><svg onload=hacked=1><!--"


def page(path: Path | None = None) -> str:
    """Return the page of one record, or the page without records."""
    return report_page([(path.name, dated_record(path))] if path else [])


def test_a_page_is_one_small_file_that_loads_nothing(tmp_path: Path) -> None:
    """The page is under 1 MB, and nothing in it is loaded from elsewhere; addresses occur in links and data only."""
    text = page(write_record(tmp_path, result(), result(**UNMETERED)))
    assert len(text.encode()) < 1_000_000
    assert re.findall(r"<(?:link|img|iframe|object|embed|base)\b|\bsrc=|@import|url\((?!#)", text) == []
    assert "default-src 'none'" in text


def test_the_same_input_gives_the_same_page(tmp_path: Path) -> None:
    """The page depends on the records alone, not on when or where it is made."""
    path = write_record(tmp_path, result())
    assert page(path) == page(path)
    assert str(tmp_path) not in page(path)


def test_every_row_of_the_table_stands_in_it(tmp_path: Path) -> None:
    """Published and measured machines have a row each, with the same texts as in `hashjoule table`."""
    path = write_record(tmp_path, result(), result(**UNMETERED))
    lines = re.findall(r"<tr[^>]* data-row=\"\d+\">(.*?)</tr>", page(path))
    rows = select(load_table([path]))
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        shown = [unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", line)]
        assert set(cells(row)) <= set(shown)


def test_the_waterfall_is_that_of_explain(tmp_path: Path) -> None:
    """The page shows the gap and the factors that `hashjoule explain` computes for the record."""
    path = write_record(tmp_path, result())
    text = page(path)
    explanation = explain.explain(explain.record_subject(dated_record(path)))
    assert f"{number(float(explanation.gap))} times the energy of the best ASIC" in text
    for factor in explanation.factors:
        if factor.ratio != 1:
            assert f"<b>÷ {number(float(factor.ratio))}</b>" in text
        assert escape(factor.note.partition("http")[0]) in text  # addresses become links


def test_without_a_meter_no_joule_is_invented(tmp_path: Path) -> None:
    """Without energy the page says so, and explains a published machine, called an example."""
    text = page(write_record(tmp_path, result(energy=None, j_per_th=None)))
    assert "No power was measured, so its joules per terahash are not known." in text
    assert "No power was measured here, so there is no energy of this machine to explain." in text
    assert "As an example: GeForce RTX 4090" in text


def test_declared_power_is_called_declared(tmp_path: Path) -> None:
    """The headline and the notes say that a power was declared, not measured."""
    declared = {"joules": 10.0, "seconds": 1.0, "source": "--watts", "scope": "declared", "method": "declared"}
    text = page(write_record(tmp_path, result(energy=declared)))
    assert "takes 200,000 joules for a terahash, by a declared power</h1>" in text
    assert "The power was declared by the person who measured; no meter was read." in text


def test_a_bound_is_called_a_bound(tmp_path: Path) -> None:
    """The headline calls joules that follow from a TDP an upper bound."""
    text = page(write_record(tmp_path, result(energy=ENERGY | {"method": "bound", "source": "TDP"})))
    assert "<h1>AMD Ryzen 9 7950X takes at most 200,000 joules for a terahash</h1>" in text


def test_the_conditions_of_the_run_are_told() -> None:
    """The page of the golden record shows temperatures, turbo, idle power, J/TH, the sum and the sustained rate."""
    text = page(GOLDEN_RECORD)
    for words in (
        "45\u00a0°C before, 70\u00a0°C during, 71\u00a0°C after",
        "<dt>Turbo</dt><dd>on</dd>",
        "12.0 W before, 13.0 W after",
        "4.19 million J/TH with all power, 3.39 million J/TH above idle",
        "1.02 GH/s",
        "(-6.5%), 4.00 to 3.75 GHz",
    ):
        assert words in text, words


@pytest.mark.parametrize("scale", [1e-12, 1e15])
def test_extreme_figures_make_a_page(tmp_path: Path, scale: float) -> None:
    """Rates and energies beyond those of any machine are drawn to scale, inside their charts."""
    tiny = {name: value * scale for name, value in RATE.items()}
    energy = {name: value / scale for name, value in {"value": 2e5, "low": 1e5, "high": 3e5}.items()}
    text = page(write_record(tmp_path, result(hashrate_hs=tiny, j_per_th=energy), result(**UNMETERED)))
    places = [float(value) for value in re.findall(r'\b(?:x|x1|x2|cx|width)="(-?[\d.]+)%"', text)]
    assert len(places) > 40
    assert all(0 <= place <= 100 for place in places)


def test_records_of_one_machine_have_headings_of_their_own(tmp_path: Path) -> None:
    """Headings of records of one CPU differ by the time, and where that is equal, by the number of the record."""
    paths = []
    for i, created in enumerate(("2026-11-20T10:00:00Z", "2026-11-21T11:30:00Z", "2026-11-21T11:30:00Z")):
        (tmp_path / str(i)).mkdir()
        path = write_record(tmp_path / str(i), result())
        path.write_text(json.dumps(json.loads(path.read_text()) | {"created": created}))
        paths.append(path)
    text = report_page([(path.name, dated_record(path)) for path in paths])
    assert re.findall(r'<h2 id="machine-title-\d">(.*?)</h2>', text) == [
        "AMD Ryzen 9 7950X, 2026-11-20 10:00 UTC",
        "AMD Ryzen 9 7950X, 2026-11-21 11:30 UTC (record 2)",
        "AMD Ryzen 9 7950X, 2026-11-21 11:30 UTC (record 3)",
    ]
    explained = re.findall(r"<h3>(c:shani plain on .*? times the energy of the best ASIC.*?)</h3>", text)
    assert len(set(explained)) == 2
    assert all("UTC" in title for title in explained)


def test_the_fastest_code_is_compared_on_as_many_cores(tmp_path: Path) -> None:
    """Code on all cores is not compared with code on one core; the finding names both with their cores."""
    fast = {name: value * 3 for name, value in RATE.items()}
    hashlib = {name: value / 50 for name, value in RATE.items()}
    text = page(
        write_record(
            tmp_path,
            result(threads=1),
            result(threads=1, backend="reference", hashrate_hs=hashlib),
            result(backend="opencl:0.0", threads=1, hashrate_hs=fast, hardware={"kind": "cpu", "cpu_cores": 16}),
        )
    )
    assert (
        "<h3>c:shani is the fastest code on one core: 700 MH/s plain, 50.0 times the rate of hashlib; "
        "opencl:0.0 on 16 cores: 2.10 GH/s plain</h3>" in text
    )


def test_the_fastest_backend_comes_first(tmp_path: Path) -> None:
    """Bars are in the order of their rates; the finding names the fastest device beside the fastest CPU code."""
    gpu = {name: value * 5 for name, value in RATE.items()}
    slow = {name: value / 2 for name, value in RATE.items()}
    text = page(
        write_record(
            tmp_path,
            result(threads=1, backend="reference", hashrate_hs=slow),
            result(threads=1),
            result(**UNMETERED, hashrate_hs=gpu, hardware={"kind": "gpu", "cpu_cores": 0}),
        )
    )
    heads = re.findall(r'<h4 class="bars-head">(.*?)</h4>', text)
    assert heads == ["opencl:0.0 on NVIDIA H100", "c:shani on 1 core", "reference on 1 core"]
    assert "2.00 times the rate of hashlib; opencl:0.0 on NVIDIA H100: 3.50 GH/s plain</h3>" in text


def test_the_headline_names_the_meter_of_its_own_result(tmp_path: Path) -> None:
    """The sentence under the headline says how that power was found, not how others of the record were."""
    plug = ENERGY | {"source": "Shelly", "scope": "wall", "method": "sampled"}
    text = page(write_record(tmp_path, result(), result(mode="rolled", energy=plug, j_per_th=None)))
    deck = re.findall(r'<p class="deck">(.*?)</p>', text)[0]
    assert deck.endswith("Power of the CPU package: read from an energy counter (rapl).")


def test_several_records_and_empty_ones(tmp_path: Path) -> None:
    """Each record has a section; if all backends were refused, it says that there is no rate."""
    (tmp_path / "empty").mkdir()
    first, second = write_record(tmp_path, result()), write_record(tmp_path / "empty")
    text = report_page([(path.name, dated_record(path)) for path in (first, second)])
    assert [f'id="record-{index}"' in text for index in range(3)] == [True, True, False]
    assert "No backend gave a rate that can be trusted" in text


def hostile_record(folder: Path) -> Path:
    """Write a record in which every text tries to inject a script."""
    path = write_record(folder, result(device=HOSTILE, runtime=HOSTILE), result(backend=HOSTILE))
    record = json.loads(path.read_text())
    record["machine"] |= {"cpu": HOSTILE, "os": HOSTILE, "features": [HOSTILE]}
    record["hashjoule"] |= {"version": HOSTILE, "commit": HOSTILE, "compiler": HOSTILE}
    record["conditions"] |= {"governor": HOSTILE, "warnings": [HOSTILE]}
    record["refused"] = [{"backend": HOSTILE, "mode": "plain", "reason": HOSTILE}]
    for entry in record["results"]:
        entry["energy"] = entry["energy"] | {"source": HOSTILE, "scope": HOSTILE}
    path.write_text(json.dumps(record))
    return path


def test_what_a_record_says_is_text(tmp_path: Path) -> None:
    """Texts of a record and the name of its file are escaped: none becomes markup or ends the element around it."""
    record = dated_record(hostile_record(tmp_path))
    text = report_page([('<script>hacked=1</script>".json', record)])
    assert "<script>window.hacked" not in text
    assert "<script>hacked" not in text
    assert "<img" not in text
    assert "<svg onload" not in text
    assert "<!--" not in text
    assert text.count("</script>") == 3  # the data, the record and the code


def test_the_command_writes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`report` makes the folder, writes index.html and leaves nothing else; a second run replaces it."""
    record = write_record(tmp_path, result())
    for files in ([], [str(record)]):
        assert cli.run(["report", *files, "-o", str(tmp_path / "new" / "site")]) == 0
        output = capsys.readouterr()
        assert output.err == ""
        assert output.out == f"{tmp_path / 'new' / 'site' / 'index.html'}\n"
    assert [path.name for path in (tmp_path / "new" / "site").iterdir()] == ["index.html"]
    assert (tmp_path / "new" / "site" / "index.html").read_text(encoding="utf-8") == page(record)


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An impossible folder and files that are not records end with exit code 2 and one line that names the file."""
    (tmp_path / "file").write_text("{")
    for arguments in (
        ["-o", str(tmp_path / "file" / "site")],
        [str(tmp_path / "file"), "-o", str(tmp_path)],
        [str(tmp_path / "none.json"), "-o", str(tmp_path)],
    ):
        assert cli.run(["report", *arguments]) == 2
        output = capsys.readouterr()
        assert output.err.count("\n") == 1
        assert str(tmp_path) in output.err
        assert output.out == ""
    assert not (tmp_path / "index.html").exists()


def test_a_full_disk_leaves_the_old_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the new page cannot be written, the old one stays whole and no temporary file is left."""
    write_page([], tmp_path)
    before = (tmp_path / "index.html").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(Exception, match="cannot be written: No space left on device"):
        write_page([], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_bytes() == before
