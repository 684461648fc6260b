"""The report in a browser: nothing is fetched, nothing complains, tables sort and download, marks tell their numbers.

Needs Chromium and its driver (Debian: chromium, chromium-driver); without them the tests are left out.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import document
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from instances import from_document
from optimizer import Options, solve
from optimizer.reporting import plan_page, write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with chromedriver on this machine")

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip
PATIENCE = 10.0  # seconds that a download may take
FORMULA = "=HYPERLINK(0)"


def _page() -> str:
    """A solved day of two hubs and two demands far apart, with a name that a spreadsheet would run."""
    given = document()
    given["hubs"][0] |= {"label": FORMULA, "capacity": {"cpu": 4.0}}
    given["hubs"][1]["capacity"] = {"cpu": 15.0}
    given["demands"][0]["max_latency_ms"] = 30.0
    given["policy"] = {"carbon_price_per_kg": 0.1}
    given["blocks"][0]["periods"] = 24
    given["profiles"] = {"evening": [0.5] * 12 + [1.0] * 12}
    given["hubs"][1]["energy_price_per_kwh"] = [0.1] * 12 + [0.15] * 12
    instance = from_document(given)
    return plan_page(instance, solve(instance, Options(gap=1e-6)))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    folder = tmp_path_factory.mktemp("browser")
    write_page(_page(), folder / "report.html")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get((folder / "report.html").as_uri())
    driver.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    yield driver
    driver.quit()


def text_of_tip(browser: webdriver.Chrome) -> str:
    tip = browser.find_element(By.ID, "tip")
    return tip.text if tip.is_displayed() else ""


def point_at(browser: webdriver.Chrome, x: float, y: float) -> None:
    actions = ActionBuilder(browser)
    actions.pointer_action.move_to_location(int(x), int(y))
    actions.perform()


def first(browser: webdriver.Chrome, selector: str) -> Any:
    found = browser.find_element(By.CSS_SELECTOR, selector)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
    return found


def test_nothing_is_fetched_and_nothing_complains(browser: webdriver.Chrome) -> None:
    log = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    fetched = [e["params"]["request"]["url"] for e in log if e["method"] == "Network.requestWillBeSent"]
    assert [url.split("/")[-1] for url in fetched if not url.startswith(("data:", "chrome"))] == ["report.html"]
    assert browser.get_log("browser") == []


def test_the_policy_forbids_what_a_script_might_try(browser: webdriver.Chrome) -> None:
    blocked = browser.execute_async_script(
        "const done = arguments[0];"
        "addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective), {once: true});"
        "fetch('https://example.org/').catch(() => {});"
    )
    assert blocked == "connect-src"
    browser.get_log("browser")  # the refusal is told there


def test_a_table_sorts(browser: webdriver.Chrome) -> None:
    head = next(h for h in browser.find_elements(By.CSS_SELECTOR, "#table-terms th") if h.text.startswith("cost"))

    def costs() -> list[float]:
        cells = browser.find_elements(By.CSS_SELECTOR, "#table-terms td:nth-child(2)")
        return [float(cell.get_attribute("data-v") or "nan") for cell in cells]

    button = head.find_element(By.TAG_NAME, "button")
    button.click()
    assert head.get_attribute("aria-sort") == "descending" and costs() == sorted(costs(), reverse=True)
    button.send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "ascending" and costs() == sorted(costs())
    assert len(costs()) >= 2


def test_a_flow_tells_its_numbers(browser: webdriver.Chrome) -> None:
    flow = first(browser, ".map.flows .flow")
    x, y = browser.execute_script(
        "const f = arguments[0], p = f.getPointAtLength(f.getTotalLength() / 2).matrixTransform(f.getScreenCTM());"
        "return [p.x, p.y]",
        flow,
    )
    point_at(browser, x, y)
    assert "→" in text_of_tip(browser) and "Gbit/s" in text_of_tip(browser)
    point_at(browser, 2, 2)
    assert text_of_tip(browser) == ""


def test_a_hub_lights_its_flows(browser: webdriver.Chrome) -> None:
    hub = first(browser, ".map.flows circle.hub:last-of-type")
    box = hub.rect
    scroll = browser.execute_script("return scrollY")
    point_at(browser, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - scroll)
    assert "of the work" in text_of_tip(browser)
    point_at(browser, 2, 2)


def test_marks_and_hours_are_reached_by_keyboard(browser: webdriver.Chrome) -> None:
    browser.execute_script("document.querySelector('.map.flows .marks [tabindex=\"0\"]').focus()")
    before = text_of_tip(browser)
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert before and text_of_tip(browser) and text_of_tip(browser) != before
    strip = first(browser, ".chart .strip")
    browser.execute_script("arguments[0].focus()", strip)
    assert "00:00" in text_of_tip(browser)
    strip.send_keys(Keys.ARROW_RIGHT)
    assert "01:00" in text_of_tip(browser) and "load" in text_of_tip(browser)
    strip.send_keys(Keys.ESCAPE)
    assert text_of_tip(browser) == ""
    first(browser, ".heat .strip").send_keys(Keys.ARROW_RIGHT)
    before = text_of_tip(browser)
    browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    assert "01:00" in before and "01:00" in text_of_tip(browser) and text_of_tip(browser) != before


def test_a_csv_is_downloaded_without_formulas(browser: webdriver.Chrome) -> None:
    folder = Path(browser.current_url.removeprefix("file://")).parent
    csv = download(browser, folder, "hubs", lambda: first(browser, ".csv[data-name=hubs]").click())
    assert csv.startswith("\ufeffhub,state,built,mean work")
    assert "H1  =HYPERLINK(0)" in csv and "\n=" not in csv
    browser.execute_script("document.querySelectorAll('#table-hubs tbody bdi')[0].textContent = '=1+1'")
    csv = download(browser, folder, "hubs", lambda: first(browser, ".csv[data-name=hubs]").click())
    assert "\n'=1+1," in csv
    first(browser, "#hours details summary").click()
    hours = download(browser, folder, "hours", lambda: first(browser, ".csv[data-name=hours]").click())
    assert len(hours.strip().splitlines()) == 1 + 2 * 24


def download(browser: webdriver.Chrome, folder: Path, name: str, start: Callable[[], None]) -> str:
    file = folder / f"{name}.csv"
    file.unlink(missing_ok=True)
    start()
    end = time.monotonic() + PATIENCE
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.05)
    return file.read_text(encoding="utf-8")


def test_light_and_dark(browser: webdriver.Chrome) -> None:
    def paper() -> str:
        return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))

    before = paper()
    button = first(browser, "#theme")
    button.click()
    assert paper() != before
    button.click()
    assert paper() == before


@pytest.mark.parametrize("width", [360, 768])
def test_small_screens_need_no_sideways_scrolling(browser: webdriver.Chrome, width: int) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    wide = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert wide <= width


def test_it_prints(browser: webdriver.Chrome) -> None:
    assert len(browser.execute_cdp_cmd("Page.printToPDF", {})["data"]) > 20_000
    assert browser.get_log("browser") == []
