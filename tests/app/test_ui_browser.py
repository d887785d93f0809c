"""The pages in a real browser: watch, analyse, ask, approve; quiet console, and no request that leaves this machine."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.app.running import Running, running
from tests.services import free_port

pytestmark = pytest.mark.browser

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SECONDS = 60_000
HOSTILE = '<img src=x onerror="window.pwned=1"> ${window.pwned=2} {{x}}'
FAILING = {"model_metrics": {"accuracy": 0.72, "latency_ms": 650}, "data_drift": {"detected": True, "score": 0.65}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium_path, args=list(FLAGS))
        yield opened
        opened.close()


class Complaints:
    """What a page must not do: complain in the console, or speak with anything but this machine."""

    def __init__(self, page: Page) -> None:
        self.said: list[str] = []
        page.on("console", lambda one: self.said.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname != "127.0.0.1":
            self.said.append(f"asked {url}")


@pytest.fixture
def page(server: Running, browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(SECONDS)
    expect.set_options(timeout=SECONDS)
    complaints = Complaints(opened)
    assert server.ui_url is not None
    opened.goto(server.ui_url)
    expect(opened.locator("#header")).to_contain_text("Mode autonomous")
    yield opened
    assert complaints.said == []
    opened.close()


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def send(server: Running, model: str, **more: object) -> str:
    look = {"model_name": model, **FAILING, **more}
    return str(httpx.post(f"{server.url}/api/analyze", json=look, timeout=120).raise_for_status().json()["decision_id"])


def post(server: Running, model: str, **metrics: float) -> None:
    httpx.post(f"{server.url}/api/metrics", json={"model_name": model, **metrics}, timeout=60).raise_for_status()


def test_it_is_called_aurora_and_shows_mode_and_health(page: Page) -> None:
    assert page.title() == "AURORA"
    expect(page.locator("#header")).to_contain_text("database operational")
    assert page.locator("#banner").is_hidden()


def test_an_example_is_analysed_and_the_chat_says_why_with_its_id(page: Page) -> None:
    tab(page, "Analyse")
    page.locator("#analyse").click()
    result = page.locator("#result")
    expect(result).to_contain_text("executed")
    expect(result).to_contain_text("simulated")
    found = re.search(r"dec_[0-9a-f]{32}", result.inner_text())
    assert found is not None
    tab(page, "Chat")
    page.locator("#question textarea, #question input").first.fill("why did you retrain?")
    page.locator("#send").click()
    expect(page.locator("#talk")).to_contain_text(found.group())


def test_a_ready_example_fills_the_editor_and_a_dry_run_does_nothing(page: Page) -> None:
    tab(page, "Analyse")
    page.locator("#example input").click()
    page.get_by_role("option", name="Everything at its baseline").click()
    expect(page.locator("#look")).to_contain_text("spam-filter")
    page.locator("#dry-run input").check()
    page.locator("#analyse").click()
    expect(page.locator("#result")).to_contain_text("spam-filter")


def test_what_waits_is_approved_with_a_click(page: Page, server: Running) -> None:
    asking = {"autonomy": dict.fromkeys(("retrain", "fine_tune", "cache", "route", "scale"), "ask")}
    httpx.put(f"{server.url}/api/models/clicked", json=asking).raise_for_status()
    waiting = send(server, "clicked")
    tab(page, "Decisions")
    page.locator("#decisions").get_by_text(waiting).last.click()
    expect(page.locator("#detail")).to_contain_text("awaiting approval")
    page.locator("#reason textarea, #reason input").first.fill("seen in the browser")
    page.locator("#by textarea, #by input").first.fill("ada")
    page.locator("#approve").click()
    expect(page.locator("#detail")).to_contain_text("executed")
    expect(page.locator("#approve")).to_be_hidden()
    approval = httpx.get(f"{server.url}/api/decisions/{waiting}").json()["approvals"][0]
    assert (approval["status"], approval["by"], approval["reason"]) == ("approved", "ada", "seen in the browser")


def test_the_fleet_shows_what_happens_while_one_looks_and_why(page: Page, server: Running) -> None:
    name = "a-shown-model"
    post(server, name, accuracy=0.93, latency_ms=120.0)
    row = page.locator("#fleet tbody").filter(has_text=name)
    expect(row.locator(".word").first).to_have_text("simulated")
    expect(row.locator("td[data-label=Health] .word")).to_have_text("healthy")
    page.evaluate("window.loadedOnce = true")
    post(server, name, accuracy=0.6, latency_ms=120.0)
    expect(row.locator("td[data-label=Health] .word")).to_have_text(re.compile("breaching|held"))
    expect(row.locator("svg")).to_have_count(2)
    made = send(server, name)
    happening = page.locator("#happened li").filter(has=page.locator(f"[data-decision={made}]"))
    expect(happening).to_contain_text(f"{name} retrained")
    expect(happening).to_contain_text("drift was detected")
    assert page.evaluate("window.loadedOnce")
    happening.get_by_role("button").press("Enter")
    expect(page.locator("#detail")).to_contain_text(made)
    expect(page.locator("#detail")).to_be_visible()


def test_a_button_of_the_fleet_keeps_its_focus_while_the_page_lives(page: Page, server: Running) -> None:
    name = "a-focused-model"
    send(server, name)
    button = page.locator("#fleet tbody").filter(has_text=name).get_by_role("button")
    button.focus()
    for accuracy in (0.911, 0.922):
        post(server, name, accuracy=accuracy, latency_ms=100.0)
        expect(page.locator("#fleet")).to_contain_text(f"{accuracy:.3f}")
    expect(button).to_be_focused()


def test_what_waits_is_at_the_top_and_what_is_open_goes_on_by_itself(page: Page, server: Running) -> None:
    asking = {"autonomy": dict.fromkeys(("retrain", "fine_tune", "cache", "route", "scale"), "ask")}
    httpx.put(f"{server.url}/api/models/open-eyed", json=asking).raise_for_status()
    waiting = send(server, "open-eyed")
    card = page.locator("#attention .asked").filter(has_text="open-eyed")
    expect(card).to_contain_text("AURORA asks whether to retrain")
    card.get_by_role("button").click()
    expect(page.locator("#detail")).to_contain_text(f"{waiting} ")
    expect(page.locator("#approve")).to_be_visible()
    approval = httpx.get(f"{server.url}/api/decisions/{waiting}").json()["approval_id"]
    httpx.post(f"{server.url}/api/approvals/{approval}", json={"decision": "reject"}, timeout=60).raise_for_status()
    expect(page.locator("#detail")).to_contain_text("human rejected")
    expect(page.locator("#approve")).to_be_hidden()
    tab(page, "Fleet")
    expect(card).to_have_count(0)


def test_models_are_searched_by_name(page: Page, server: Running) -> None:
    for name in ("sought-one", "left-aside"):
        post(server, name, accuracy=0.9)
    expect(page.locator("#fleet")).to_contain_text("left-aside")
    page.locator("#q textarea, #q input").first.fill("sought")
    expect(page.locator("#fleet")).not_to_contain_text("left-aside")
    expect(page.locator("#fleet")).to_contain_text("sought-one")


def test_the_fleet_fits_a_narrow_screen(page: Page, server: Running) -> None:
    post(server, "narrow-" + "x" * 120, accuracy=0.9, latency_ms=100.0)
    expect(page.locator("#fleet")).to_contain_text("narrow-xxx")
    for width in (1280, 420):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_hostile_record_is_shown_as_the_text_that_it_is(page: Page, server: Running) -> None:
    hostile = send(server, HOSTILE, notes=HOSTILE)
    tab(page, "Decisions")
    page.locator("#decisions").get_by_text(hostile).last.click()
    expect(page.locator("#detail")).to_contain_text(f"notes: {HOSTILE}")
    tab(page, "Chat")
    page.locator("#question textarea, #question input").first.fill(f"explain {hostile} {HOSTILE}")
    page.locator("#send").click()
    expect(page.locator("#talk")).to_contain_text(f"retrained {HOSTILE}")
    assert page.evaluate("window.pwned") is None


def test_bad_json_and_bad_fields_are_told_in_place(page: Page) -> None:
    tab(page, "Analyse")
    editor = page.locator("#look .cm-content")
    editor.fill('{"model_metrics": {"accuracy": 7}}')
    page.locator("#analyse").click()
    expect(page.locator("#result")).to_contain_text("model_metrics.accuracy")
    editor.fill("{")
    page.locator("#analyse").click()
    expect(page.locator("#result")).to_contain_text("This is not JSON")


def test_memory_is_searched(page: Page, server: Running) -> None:
    told = {"kind": "incident", "text": f"The zebra export doubles latency. {HOSTILE}"}
    httpx.post(f"{server.url}/api/memory", json=told, timeout=60).raise_for_status()
    tab(page, "Memory search")
    page.locator("#query textarea, #query input").first.fill("zebra export latency")
    page.locator("#search").click()
    expect(page.locator("#found")).to_contain_text(f"The zebra export doubles latency. {HOSTILE}")


def test_the_mode_is_shown_as_it_changes(page: Page, server: Running) -> None:
    try:
        httpx.put(f"{server.url}/api/mode", json={"mode": "stopped", "reason": "a drill"}).raise_for_status()
        expect(page.locator("#header")).to_contain_text("Mode stopped")
        expect(page.locator("#header")).to_contain_text("a drill")
    finally:
        httpx.put(f"{server.url}/api/mode", json={"mode": "autonomous"}).raise_for_status()


@pytest.fixture
def lonely_pages() -> Iterator[str]:
    """The address of pages whose API is not there."""
    nowhere, port = free_port(), free_port()
    command = [sys.executable, "-m", "app.ui", "--api-url", f"http://127.0.0.1:{nowhere}", "--port", str(port)]
    with subprocess.Popen(command) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_a_missing_api_is_said_in_a_banner(browser: Browser, lonely_pages: str) -> None:
    opened = browser.new_page()
    _patiently(lambda: opened.goto(lonely_pages))
    expect(opened.locator("#banner")).to_contain_text("The API is not reachable", timeout=SECONDS)
    opened.close()


def _patiently(go: Callable[[], object]) -> None:
    """Do it again until there is somebody to answer."""
    end = time.monotonic() + 60
    while True:
        try:
            go()
        except PlaywrightError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
