"""The page in a real browser: Debian's Chromium, without a window."""

import re
from pathlib import Path

import pytest
import soundfile
from web_server import serving

sync_api = pytest.importorskip("playwright.sync_api")
SAMPLES = Path(__file__).with_name("samples")
TEXT = ["The", "various", "wards", "were", "all", "about", "eleven", "feet", "in", "height."]  # of LJ002-0045
expect = sync_api.expect


@pytest.fixture(scope="module")
def address():
    with serving() as server:
        yield server.address


@pytest.fixture
def page(browser, address):
    """A page that is ready; whatever it complains of in the console fails the test."""
    page = browser.new_page()
    page.set_default_timeout(8_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on(
        "request",
        lambda request: (
            problems.append(request.url) if not request.url.startswith((address, "blob:", "data:")) else None
        ),
    )
    page.goto(address)
    expect(page.locator("body")).to_have_attribute("data-ready", "")
    yield page
    page.close()
    assert [each for each in problems if "415" not in each and "400" not in each] == []  # refusals are told there, too


def done(page):
    expect(page.locator("#status")).to_have_text(re.compile("^Done"), timeout=60_000)


def test_upload_and_run(page):
    """Text with confidences, two voices that last, pictures that are no blank, figures, a link that repeats it."""
    page.get_by_role("radio", name="File").check()
    page.locator("#file").set_input_files(SAMPLES / "LJ002-0045.flac")
    expect(page.locator("#source")).to_have_text("LJ002-0045.flac: 3.4 s")
    page.get_by_label("What is said").fill("the various wards were all about eleven feet in width")
    page.get_by_role("spinbutton", name="Es/N0, dB").fill("12")
    page.get_by_role("button", name="Run").click()
    done(page)
    expect(page.locator("#words .word > span")).to_have_text(TEXT)
    assert [word.inner_text() for word in page.locator(".word.wrong em").all()] == ["said: width"]
    assert re.findall(r"\d+", page.locator(".word small").first.inner_text())[0] > "80"
    for name, least in (("original", 3.4), ("received", 1.5)):
        assert page.locator(f"audio#{name}").evaluate("a => a.play().then(() => a.duration)") >= least - 0.05
    for name in ("original-picture", "received-picture", "waterfall", "before", "after"):
        canvas = page.locator(f"canvas#{name}")
        assert len(canvas.get_attribute("aria-label")) > 20
        colours = (
            "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
        )
        assert canvas.evaluate(colours) > 50
    assert "payload:" in page.locator("#named").inner_text()
    assert "12.0 dB" in page.locator("#list").inner_text()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Received voice, wav").click()
    assert soundfile.info(saved.value.path()).frames > 16_000

    link = page.locator("#link").evaluate("a => a.href")
    assert "snr=12" in link and link == page.url
    page.goto(link)
    done(page)
    assert page.locator(".word.wrong em").inner_text() == "said: width"
    assert page.get_by_role("spinbutton", name="Es/N0, dB").input_value() == "12"


def test_errors_are_told(page, tmp_path):
    """By an alert or beside the choice; and the next run is a good one."""
    page.get_by_role("radio", name="File").check()
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_have_text("Choose a recording first.")
    notes = tmp_path / "notes.txt"
    notes.write_text("no audio at all " * 50)
    page.locator("#file").set_input_files(notes)
    expect(page.locator("#source")).to_contain_text("cannot read notes.txt")
    page.get_by_role("radio", name="Sample").check()
    page.get_by_text("Impairments").click()
    page.get_by_label("Carrier offset, Hz").fill("40000")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("carrier offset of 0.8 symbol rates")
    page.get_by_label("Carrier offset, Hz").fill("")
    page.get_by_role("radio", name="None").check()
    expect(page.get_by_role("spinbutton", name="Es/N0, dB")).to_be_hidden()  # it says nothing there
    page.get_by_role("button", name="Run").click()
    done(page)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_what_only_the_browser_decodes(page, browser):
    """A webm, as browsers record: libsndfile reads none, the page sends it as wav."""
    webm = page.evaluate(
        """async () => {
            const context = new AudioContext(), to = context.createMediaStreamDestination();
            const tone = context.createOscillator();
            tone.connect(to), tone.start();
            const recorder = new MediaRecorder(to.stream), pieces = [];
            recorder.ondataavailable = (event) => pieces.push(event.data);
            const ended = new Promise((resolve) => (recorder.onstop = resolve));
            recorder.start();
            await new Promise((resolve) => setTimeout(resolve, 700));
            recorder.stop();
            await ended;
            return [...new Uint8Array(await new Blob(pieces).arrayBuffer())];
        }"""
    )
    page.get_by_role("radio", name="File").check()
    page.locator("#file").set_input_files({"name": "tone.webm", "mimeType": "video/webm", "buffer": bytes(webm)})
    expect(page.locator("#source")).to_have_text(re.compile(r"tone.webm: 0\.[5-9] s"))


def test_keyboard_and_a_phone(page):
    """All by keys; on a narrow screen nothing lies beside it, and the results come into view."""
    page.set_viewport_size({"width": 360, "height": 740})
    page.locator("#sample").focus()
    page.keyboard.press("ArrowDown")
    page.locator("[name=channel]:checked").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("[name=channel]:checked").get_attribute("value") == "awgn"
    page.locator("#slider").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("spinbutton", name="Es/N0, dB").input_value() == "8.5"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # in a field it runs
    done(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("#words").bounding_box()["y"] < 740
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, button, meter, audio, canvas')].filter((e) => "
        "!(e.labels?.length || e.ariaLabel || e.textContent.trim())).map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_compare_and_stop(page):
    """A row each, and a plot; what is stopped says so."""
    page.get_by_text("Compare several").click()
    page.get_by_label("Values").fill("-30, 4")
    page.get_by_role("button", name="Compare").click()
    done(page)
    rows = [row.inner_text().split("\t") for row in page.locator("#table tbody tr").all()]
    assert [row[:2] for row in rows] == [["−30", "1.000"], ["4", "0.000"]]
    assert page.locator("#plot circle").count() == 2
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Run")).to_be_enabled()


@pytest.mark.slow
def test_microphone(page):
    """The level moves while somebody speaks, and what he said comes out."""
    page.get_by_role("radio", name="Microphone").check()
    page.get_by_role("button", name="Record").click()
    expect(page.locator("#seconds")).to_have_text(re.compile("^3"), timeout=10_000)
    assert page.locator("#level").evaluate("m => m.value") > -55
    page.wait_for_timeout(900)
    page.get_by_role("button", name="Stop").first.click()
    expect(page.locator("#source")).to_have_text(re.compile(r"microphone: [34]\.\d s"))
    page.get_by_role("button", name="Run").click()
    done(page)
    assert {"wards", "eleven", "feet"} <= set(page.locator("#words .word > span").all_inner_texts())
