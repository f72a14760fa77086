"""The page in a real browser: no error, no request, and filters and sliders agree with Python."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from hashjoule.data.hardware import MachineClass
from hashjoule.data.network import BTC_PRICE, HASHRATE, latest, median_electricity_price
from hashjoule.economics import formulas
from hashjoule.economics.inputs import Given, put_network
from hashjoule.economics.sheet import Sheet
from hashjoule.efficiency.table import Filter, SortKey, dated_record, load_table, select
from hashjoule.efficiency.trend import decimal_year
from hashjoule.report.numbers import hashrate, power, tick
from hashjoule.report.numbers import number as number_text
from hashjoule.report.page import write_page
from hashjoule.report.plot import save
from hashjoule.report.views import VIEW_NAMES, ViewName, date_of, view_of
from tests.conftest import system_tool
from tests.plain_records import UNMETERED, result, write_record
from tests.report.test_page import hostile_record

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start headless Chromium with a new profile; it logs its console and its requests."""
    options = webdriver.ChromeOptions()
    options.binary_location = system_tool("chromium", "chromium")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(system_tool("chromedriver", "chromium-driver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Write the records of each page: none, a metered CPU with an unmetered GPU, an unmetered CPU, an attack."""

    def record(*results: dict[str, Any]) -> list[Path]:
        return [write_record(tmp_path_factory.mktemp("record"), *results)]

    return {
        "field": [],
        "metered": record(result(), result(mode="rolled", threads=1), result(**UNMETERED)),
        "unmetered": record(result(energy=None, j_per_th=None)),
        "hostile": [hostile_record(tmp_path_factory.mktemp("record"))],
    }


Open = Callable[..., webdriver.Chrome]
Opened = Callable[[Path, int, str], webdriver.Chrome]


@pytest.fixture
def show(opened: Opened, files: dict[str, list[Path]], tmp_path: Path) -> Open:
    """Return a function that opens one of the pages at a width and in a colour scheme."""

    def visit(name: str, width: int = 1200, scheme: str = "light") -> webdriver.Chrome:
        return opened(
            write_page([(path.name, dated_record(path)) for path in files[name]], tmp_path / name), width, scheme
        )

    return visit


@pytest.fixture
def opened(browser: webdriver.Chrome) -> Opened:
    """Return a function that opens a file at a width and in a colour scheme, and waits for its chart."""

    def visit(path: Path, width: int, scheme: str) -> webdriver.Chrome:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        log(browser, "browser"), log(browser, "performance")  # what is read is gone
        browser.get(path.as_uri())
        wait_for(lambda: len(marks(browser)) > 0)
        return browser

    return visit


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most half a minute."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited for half a minute"
        time.sleep(0.02)


def log(page: webdriver.Chrome, kind: str) -> list[Any]:
    """Return what the browser has logged since the last call."""
    entries: list[Any] = page.get_log(kind)  # type: ignore[no-untyped-call]
    return entries


def marks(page: webdriver.Chrome) -> list[WebElement]:
    """Return the marks of the chart."""
    return page.find_elements(By.CSS_SELECTOR, "#chart .point")


def shown_rows(page: webdriver.Chrome) -> list[int]:
    """Return the numbers of the table's visible rows from top to bottom."""
    script = "return [...document.querySelectorAll('#machines tbody tr:not([hidden])')].map(r => Number(r.dataset.row))"
    numbers: list[int] = page.execute_script(script)
    return numbers


def fill(page: webdriver.Chrome, name: str, value: str) -> None:
    """Replace the text in a field of the filters."""
    field = page.find_element(By.CSS_SELECTOR, f"#filters [name={name}]")
    if field.tag_name == "input":
        field.clear()
    field.send_keys(value)


def ticks(page: webdriver.Chrome) -> list[str]:
    """Return the texts of the chart's axes."""
    texts: list[str] = page.execute_script(
        "return [...document.querySelectorAll('#chart > text:not([class*=label])')].map(t => t.textContent)"
    )
    return texts


def test_nothing_fails_and_nothing_is_fetched(show: Open) -> None:
    """Opening a page logs no message, sends no request and runs no injected script, in both colour schemes."""
    for name, scheme in (("field", "light"), ("metered", "dark"), ("unmetered", "light"), ("hostile", "dark")):
        page = show(name, scheme=scheme)
        page.execute_script(
            "document.querySelectorAll('button:not([data-download])').forEach((button) => button.click())"
        )
        assert log(page, "browser") == []
        messages = [json.loads(entry["message"])["message"] for entry in log(page, "performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        assert {url.split(":")[0] for url in sent} == {"file"}
        assert len(set(sent)) == 1
    # The last page is the attack: its markup is text and did not run.
    assert page.execute_script("return window.hacked") is None
    assert "<script>window.hacked = 1</script>" in page.find_element(By.CSS_SELECTOR, "#machine h2").text
    assert page.find_elements(By.CSS_SELECTOR, "img") == []


def test_columns_sort_as_in_python(show: Open, files: dict[str, list[Path]]) -> None:
    """A click on a heading sorts as `select` does, a second click in reverse; unknown values come last."""
    page, rows = show("metered"), select(load_table(files["metered"]))
    keys: tuple[SortKey, ...] = ("shipped", "j_per_th")
    for key in keys:
        heading = page.find_element(By.CSS_SELECTOR, f"[data-sort={key}]")
        known = [getattr(row, key) for row in select(rows, sort=key) if getattr(row, key) is not None]
        for direction, expected in (("ascending", known), ("descending", known[::-1])):
            heading.click()
            order = [getattr(rows[index], key) for index in shown_rows(page)]
            assert order == expected + [None] * (len(rows) - len(known))
            assert heading.find_element(By.XPATH, "..").get_attribute("aria-sort") == direction
        assert len(page.find_elements(By.CSS_SELECTOR, "th[aria-sort]")) == 1


def test_every_column_sorts(show: Open) -> None:
    """The other columns sort too, numbers as numbers, and no row disappears."""
    page = show("field")
    data = json.loads(page.execute_script("return document.getElementById('data').textContent"))["rows"]
    for column in ("name", "maker", "class", "node_nm", "hashrate_hs", "power_w", "class_ratio", "ratio"):
        page.find_element(By.CSS_SELECTOR, f"[data-sort={column}]").click()
        values = [data[index][column] for index in shown_rows(page)]
        known = [value for value in values if value is not None]
        assert values == known + [None] * (len(data) - len(known))
        assert known == sorted(known, key=lambda value: value.casefold() if isinstance(value, str) else value)


def test_filters_agree_with_python(show: Open, files: dict[str, list[Path]]) -> None:
    """Class, maker and years keep the rows that `Filter` keeps, in table and chart; measured rows always stay."""
    page, rows = show("metered"), select(load_table(files["metered"]))

    def holds(wanted: list[Filter], text: str = "") -> None:
        kept = [
            index
            for index, row in enumerate(rows)
            if row.origin == "measured"
            or (any(one.keeps(row) for one in wanted) and text in f"{row.maker} {row.name} {row.chip}".lower())
        ]
        assert sorted(shown_rows(page)) == kept
        assert page.find_element(By.ID, "count").text == f"{len(kept)} of {len(rows)} machines"
        assert len(marks(page)) == sum(rows[i].j_per_th is not None and date_of(rows[i]) is not None for i in kept)

    classes: tuple[MachineClass, ...] = ("fpga", "asic")
    holds([Filter()])
    for name in ("cpu", "gpu"):
        page.find_element(By.CSS_SELECTOR, f"#filters [value={name}]").click()
    holds([Filter(machine_class=name) for name in classes])
    fill(page, "since", "2013")
    fill(page, "until", "2016")
    holds([Filter(machine_class=name, since=2013, until=2016) for name in classes])
    fill(page, "maker", "Bitmain")
    holds([Filter(machine_class=name, since=2013, until=2016, maker="Bitmain") for name in classes])
    fill(page, "text", "s7")
    holds([Filter(machine_class=name, since=2013, until=2016, maker="Bitmain") for name in classes], "s7")
    page.find_element(By.CSS_SELECTOR, "#filters [type=reset]").click()
    wait_for(lambda: len(shown_rows(page)) == len(rows))
    holds([Filter()])


def test_the_chart_zooms(show: Open) -> None:
    """Buttons, wheel, keys and two fingers zoom, dragging moves, and Reset brings everything back."""
    page = show("field")
    chart = page.find_element(By.ID, "chart")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    home = ticks(page)

    def changes(act: Callable[[], object]) -> None:
        before = ticks(page)
        act()
        wait_for(lambda: ticks(page) != before)

    def press(*keys: str) -> Callable[[], None]:
        return ActionChains(page).send_keys(*keys).perform

    def reset() -> None:
        page.find_element(By.CSS_SELECTOR, "[data-zoom=home]").click()
        assert ticks(page) == home

    for _ in range(3):
        changes(page.find_element(By.CSS_SELECTOR, "[data-zoom=in]").click)
    changes(page.find_element(By.CSS_SELECTOR, "[data-zoom=out]").click)
    reset()
    chart.click()
    origin = ScrollOrigin.from_element(chart)
    changes(ActionChains(page).scroll_from_origin(origin, 0, -600).perform)
    changes(ActionChains(page).drag_and_drop_by_offset(chart, 150, 40).perform)
    changes(press("0"))
    assert ticks(page) == home
    changes(press("+++"))
    changes(ActionChains(page).key_down(Keys.SHIFT).send_keys(Keys.ARROW_LEFT * 3).key_up(Keys.SHIFT).perform)
    changes(press("-"))
    reset()
    changes(lambda: pinch(page, chart))
    reset()


def pinch(page: webdriver.Chrome, chart: WebElement) -> None:
    """Spread two fingers on the chart."""
    box = page.execute_script("return arguments[0].getBoundingClientRect()", chart)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in (("touchStart", 40), ("touchMove", 120), ("touchMove", 220)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_marks_have_notes(show: Open, files: dict[str, list[Path]]) -> None:
    """Arrow keys go through the machines by date; each note has the name, the figures and a link to the source."""
    page, rows = show("field"), select(load_table(files["field"]))
    dated = [(row, row.shipped) for row in rows if row.j_per_th is not None and row.shipped]
    in_order = [row for row, _ in sorted(dated, key=lambda pair: decimal_year(pair[1]))]
    tip = page.find_element(By.ID, "tip")
    assert not tip.is_displayed()
    page.execute_script("document.getElementById('chart').focus()")
    for row in in_order[:6]:
        ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
        assert tip.find_element(By.TAG_NAME, "b").text == row.name
        assert tip.find_element(By.TAG_NAME, "a").get_attribute("href") == row.source
        assert "J/TH" in tip.text
        assert (row.shipped or "") in tip.text
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


def test_a_click_keeps_a_note(show: Open) -> None:
    """A note shows while the pointer is on its mark. After a click it stays, so that its link can be reached."""
    page = show("metered")
    chart, tip = page.find_element(By.ID, "chart"), page.find_element(By.ID, "tip")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
    own = page.find_element(By.CSS_SELECTOR, "#chart .point.yours")

    def point(dx: int = 0) -> None:
        ActionChains(page).move_to_element_with_offset(own, dx, 0).perform()

    point()
    wait_for(tip.is_displayed)
    assert "AMD Ryzen 9 7950X" in tip.text
    own = page.find_element(By.CSS_SELECTOR, "#chart .point.yours")
    point(-60)
    wait_for(lambda: not tip.is_displayed())
    own = page.find_element(By.CSS_SELECTOR, "#chart .point.yours")
    ActionChains(page).move_to_element(own).click().perform()
    wait_for(tip.is_displayed)
    own = page.find_element(By.CSS_SELECTOR, "#chart .point.yours")
    point(-60)
    assert tip.is_displayed()


def number(page: webdriver.Chrome, output: str) -> float:
    """Return the unrounded value behind a result of the sliders."""
    return float(page.find_element(By.ID, output).get_attribute("data-value") or "nan")


def expected(price: float, btc: float, network: float, jth: float, rate: float) -> dict[str, float]:
    """Return what the Python functions compute from the sliders' values."""
    paid = put_network(Sheet(), Given())
    power = formulas.fleet_power_w(rate * 1e12, jth)
    revenue = formulas.revenue_usd_per_day(rate * 1e12, network * 1e18, paid.subsidy_btc, paid.fees_btc, btc)
    profit = formulas.profit_usd_per_day(revenue, power, price)
    return {
        "power": power,
        "revenue": revenue,
        "cost": revenue - profit,
        "profit": profit,
        "break-even": formulas.break_even_usd_per_kwh(revenue, power),
    }


SETTINGS = (
    {"price": 0.07, "btc": 65192.5, "network": 917.0, "jth": 9.45, "rate": 886.0},
    {"price": 0.25, "btc": 120000.0, "network": 1300.0, "jth": 17.5, "rate": 200.0},
    {"price": 0.001, "btc": 200.0, "network": 0.02, "jth": 470703.0, "rate": 0.0000255},
)


def test_sliders_agree_with_python(show: Open) -> None:
    """Power, revenue, cost, profit and break-even price are those of `hashjoule.economics.formulas`."""
    page = show("field")
    for setting in SETTINGS:
        for name, value in setting.items():
            field = page.find_element(By.ID, name)
            field.clear()
            field.send_keys(f"{value:.9f}".rstrip("0"))
        for output, value in expected(**setting).items():
            assert number(page, output) == pytest.approx(value, rel=1e-9), output
        pays = "earns" if number(page, "profit") > 0 else "It would pay only"
        assert pays in page.find_element(By.ID, "verdict").text


def test_sliders_begin_with_the_data_set_and_follow(show: Open) -> None:
    """Sliders begin with the newest figures of the data set and the measured machine; slider and field agree."""
    page = show("metered")
    start = {name: float(page.find_element(By.ID, name).get_attribute("value") or "nan") for name in SETTINGS[0]}
    assert start == pytest.approx(
        {
            "price": median_electricity_price().price_usd_per_kwh,
            "btc": latest(BTC_PRICE).value,
            "network": latest(HASHRATE).value / 1e6,
            "jth": 2e5,
            "rate": 7e-4,
        },
        rel=1e-5,
    )
    assert number(page, "power") == pytest.approx(140)
    before, profit = page.find_element(By.ID, "price").get_attribute("value"), number(page, "profit")
    page.find_element(By.ID, "price-range").send_keys(Keys.PAGE_UP)
    field = page.find_element(By.ID, "price")
    assert float(field.get_attribute("value") or "0") > float(before or "0")
    assert number(page, "profit") < profit
    for impossible in ("0", "-1", ""):
        field.clear()
        field.send_keys(impossible)
        assert field.get_attribute("aria-invalid") == "true"
        assert page.find_element(By.ID, "profit").text == "–"
        assert page.find_element(By.ID, "verdict").text == "Every value must be greater than zero."


def test_the_record_can_be_downloaded(show: Open, files: dict[str, list[Path]], tmp_path: Path) -> None:
    """The button saves a file with the record's name, which reads back as the same record."""
    page = show("metered")
    folder = tmp_path / "downloads"
    folder.mkdir()
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    page.find_element(By.CSS_SELECTOR, "[data-download]").click()
    saved = folder / files["metered"][0].name
    wait_for(saved.exists)
    assert dated_record(saved) == dated_record(files["metered"][0])


def test_the_theme_follows_the_system_and_the_button(show: Open) -> None:
    """The theme is the system's until the button changes it; the button says what it will do."""
    backgrounds = {}
    for scheme, other in (("light", "Dark theme"), ("dark", "Light theme")):
        page = show("field", scheme=scheme)
        button = page.find_element(By.ID, "theme")
        assert button.text == other
        backgrounds[scheme] = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
        button.click()
        assert button.text != other
        backgrounds[f"not {scheme}"] = page.find_element(By.TAG_NAME, "body").value_of_css_property("background-color")
    assert backgrounds["light"] == backgrounds["not dark"] != backgrounds["dark"] == backgrounds["not light"]


CONTRASTS = """
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const paper = (element) => {
  for (; element; element = element.parentElement) {
    const colour = parse(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
};
const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node; (node = walker.nextNode());) {
  const element = node.parentElement, style = getComputedStyle(element);
  if (!node.data.trim() || !element.getClientRects().length || /SCRIPT|STYLE|OPTION/.test(element.tagName)) continue;
  const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
  const [light, dark] = [luminance(parse(ink)), luminance(paper(element))].sort((a, b) => b - a);
  found.push([(light + 0.05) / (dark + 0.05), node.data.trim().slice(0, 40)]);
}
return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(show: Open, scheme: str) -> None:
    """Every text, in charts too, has a contrast of at least 4.5 with its background (WCAG AA)."""
    page = show("metered", scheme=scheme)
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.execute_script("document.getElementById('chart').focus()")
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    contrasts = page.execute_script(CONTRASTS)
    assert len(contrasts) > 3000
    assert [(text, round(ratio, 2)) for ratio, text in contrasts if ratio < 4.5] == []


def test_everything_has_a_name_and_is_reached_by_key(show: Open) -> None:
    """Controls have accessible names and are reached by the tab key, identifiers occur once, headings skip no level."""
    page = show("metered")
    controls = page.find_elements(By.CSS_SELECTOR, "button:not([data-sort]), input, select, [tabindex], nav a, summary")
    assert len(controls) > 25
    assert [control.get_attribute("outerHTML") for control in controls if not control.accessible_name] == []
    script = "return [...document.querySelectorAll('[id]')].map((element) => element.id)"
    identifiers = page.execute_script(script)
    assert len(identifiers) == len(set(identifiers))
    script = "return [...document.querySelectorAll('h1, h2, h3')].map((heading) => Number(heading.tagName[1]))"
    levels = page.execute_script(script)
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    reached = []
    for _ in range(36):
        ActionChains(page).send_keys(Keys.TAB).perform()
        focused = page.switch_to.active_element
        reached.append(focused.get_attribute("id") or focused.get_attribute("data-zoom") or focused.tag_name)
    assert {"theme", "chart", "in", "select", "input", "a"} <= set(reached)


@pytest.mark.parametrize("name", ["metered", "unmetered", "hostile"])
def test_a_phone_scrolls_only_downwards(show: Open, name: str) -> None:
    """At 360 px nothing makes the page wider than the screen; the table scrolls in its own box."""
    page = show(name, width=360)
    page.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert page.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    assert page.execute_script("const t = document.querySelector('.table'); return t.scrollWidth > t.clientWidth")


def test_the_table_fits_a_laptop(show: Open) -> None:
    """At 1280 px every column is visible, no hint is shown, and no word in the source column is broken."""
    page = show("metered", width=1280)
    box = page.find_element(By.CSS_SELECTOR, ".table")
    assert page.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", box)
    assert not page.find_element(By.ID, "table-hint").is_displayed()
    assert page.execute_script(BROKEN_WORDS, "#machines td:last-child a") == []


BROKEN_WORDS = """
return [...document.querySelectorAll(arguments[0])].flatMap((element) => [...element.childNodes]).filter((node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  return new Set([...range.getClientRects()].map((box) => box.top)).size > 1;
}).map((node) => node.textContent);
"""
"""The pieces of the chosen elements that are broken over two lines."""


def test_a_phone_keeps_words_whole(opened: Opened, tmp_path: Path) -> None:
    """At 390 px no option of a command, and no number with its unit in the headline, is broken over two lines."""
    warning = "the clock rate varied from 3.44 to 3.93 GHz: let the machine cool, or measure longer with --seconds"
    path = write_record(tmp_path, result(energy=None, j_per_th=None))
    record = json.loads(path.read_text())
    record["conditions"]["warnings"] = [warning[start:] for start in range(0, 60, 4)]
    path.write_text(json.dumps(record))
    page = opened(write_page([(path.name, dated_record(path))], tmp_path), 390, "light")
    assert len(page.find_elements(By.CSS_SELECTOR, ".warnings .option")) == 15
    assert page.execute_script(BROKEN_WORDS, ".option") == []
    assert (
        page.find_element(By.TAG_NAME, "h1").get_attribute("textContent")
        == "AMD Ryzen 9 7950X computes 700\u00a0MH/s on 32\u00a0cores"
    )


def test_the_table_of_a_phone_says_that_it_is_wider(show: Open) -> None:
    """At 390 px a hint says so, and names stay visible while the other columns scroll."""
    page = show("metered", width=390)
    box = page.find_element(By.CSS_SELECTOR, ".table")
    assert "scroll it sideways" in page.find_element(By.ID, "table-hint").text
    name = page.find_element(By.CSS_SELECTOR, "#machines tbody th")
    before = name.rect["x"]
    page.execute_script("arguments[0].scrollLeft = 300", box)
    assert page.execute_script("return arguments[0].scrollLeft", box) == 300
    assert page.execute_script("return arguments[0].getBoundingClientRect().x", name) == pytest.approx(before, abs=1)


HIDDEN_MARKS = """
const chart = document.getElementById("chart").getBoundingClientRect();
const marks = [...document.querySelectorAll("#chart .point")].map((mark) => {
  const { x, y, width, height } = mark.getBoundingClientRect();
  return [x + width / 2 - chart.x, y + height / 2 - chart.y];
});
return [...document.querySelectorAll("#chart text.label, #chart text.line-label")].filter((text) => {
  const box = text.getBBox();
  return marks.some(([x, y]) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height);
}).map((text) => text.textContent);
"""


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_no_label_hides_a_mark(show: Open, width: int) -> None:
    """At any width no label covers a mark; several machines have a label, and the user's own always has one."""
    page = show("metered", width=width)
    labels = [label.text for label in page.find_elements(By.CSS_SELECTOR, "#chart .label")]
    assert len(labels) >= 4
    assert any("AMD Ryzen 9 7950X" in label for label in labels)
    assert [label for label in page.execute_script(HIDDEN_MARKS) if "AMD Ryzen" not in label] == []


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_a_plot_is_an_interactive_chart(
    opened: Opened, name: ViewName, files: dict[str, list[Path]], tmp_path: Path
) -> None:
    """`plot -o FILE.html` has notes on marks, text of at least 11 px on a phone, and its caption once."""
    rows = load_table(files["metered"])
    save(rows, name, tmp_path / "plot.html")
    page = opened(tmp_path / "plot.html", 500, "dark")
    view = view_of(rows, name)
    assert len(marks(page)) == len(view.rows)
    assert page.find_element(By.TAG_NAME, "h1").text == view.title
    text = page.find_element(By.TAG_NAME, "body").text
    assert text.count(view.caption) == 1
    assert {view.x.title, view.y.title} <= set(ticks(page))
    sizes = "return [...document.querySelectorAll('#chart text')].map((t) => parseFloat(getComputedStyle(t).fontSize))"
    assert min(page.execute_script(sizes)) >= 11
    assert page.execute_script("return document.documentElement.scrollWidth") == 500
    page.execute_script("document.getElementById('chart').focus()")
    ActionChains(page).send_keys(Keys.ARROW_RIGHT).perform()
    assert "J/TH" in page.find_element(By.ID, "tip").text
    before = ticks(page)
    page.find_element(By.CSS_SELECTOR, "[data-zoom=in]").click()
    assert ticks(page) != before
    assert log(page, "browser") == []


VALUES = (0, 9.45, 0.0035, 4487, 999.9, 28.6e6, 999_999, -12.345, 1.5e12, 100, 6.66e-6, 1e-9, 123456, 0.99999)


def test_numbers_are_written_as_in_python(show: Open) -> None:
    """The page's script formats numbers as the command line does."""
    page = show("field")
    written = page.execute_script("return arguments[0].map((value) => formatNumber(value))", VALUES)
    assert written == [number_text(value) for value in VALUES]
    for unit, form in (("W", power), ("H/s", hashrate)):
        script = "return arguments[0].map((value) => formatQuantity(value, arguments[1]))"
        values = [1, 15, 999.6, 3662, 7.5e7, 886e12]
        assert page.execute_script(script, values, unit) == [form(value) for value in values]
    marks = [0.5, 10, 2500, 100_000, 1e6, 2.5e7]
    assert page.execute_script("return arguments[0].map((v) => formatTick(v, ''))", marks) == [*map(tick, marks)]
