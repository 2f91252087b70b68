"""Draws docs/web*.png: the page of `deepsc web` in Chromium, without a window. Run: python docs/draw_web.py"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

DOCS = Path(__file__).parent
SAMPLES = sorted((DOCS.parent / "tests" / "samples").glob("*.flac"))
DEEPSC = [sys.executable, "-m", "deepsc_host"]
PICTURES = {  # width, height, scheme, and the link of what is shown
    "web": (1200, 1060, "light", "source=LJ002-0045&channel=rician&snr=8"),
    "web-compare": (1200, 900, "dark", "source=LJ002-0004&channel=rayleigh&vary=snr&values=-12,-10,-8,-4,0,8"),
    "web-phone": (390, 1100, "light", "source=LJ002-0004&channel=rayleigh&snr=-8"),
}


def main() -> None:
    command = [*DEEPSC, "web", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server, sync_playwright() as playwright:
        try:
            address = re.search(r"http:\S+", server.stdout.readline())[0]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name, (width, height, scheme, link) in PICTURES.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(f"{address}?{link}")
                expect(page.locator("#status")).to_have_text(re.compile("^Done"), timeout=60_000)
                page.wait_for_timeout(500)  # for what is drawn after the last event
                page.screenshot(path=DOCS / f"{name}.png")
            live(browser, address)
            browser.close()
        finally:
            server.terminate()


def live(browser: Browser, address: str) -> None:
    """What a receiver hears of a recording that is played to it at its pace."""
    with tempfile.TemporaryDirectory() as folder:
        recording = f"{folder}/air.sigmf-meta"
        path = ["--channel", "awgn", "--snr", "12", "--gap", "2"]
        subprocess.run([*DEEPSC, "record", *map(str, SAMPLES), "--out", recording, *path], check=True)
        page = browser.new_page(viewport={"width": 1200, "height": 1240})
        page.goto(f"{address}#live")
        receiver = [*DEEPSC, "flowgraph", "run", "iq_rx", "--no-gui", "--", "--file", recording]
        with subprocess.Popen(receiver) as process:
            expect(page.locator("#heard-live li")).to_have_count(len(SAMPLES), timeout=120_000)
            page.wait_for_timeout(500)
            page.screenshot(path=DOCS / "web-live.png")
            process.terminate()


if __name__ == "__main__":
    main()
