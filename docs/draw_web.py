"""Draws docs/web*.png: the page of `deepsc web` in Chromium, without a window. Run: python docs/draw_web.py"""

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

DOCS = Path(__file__).parent
PICTURES = {  # width, height, scheme, and the link of what is shown
    "web": (1200, 1060, "light", "source=LJ002-0045&channel=rician&snr=8"),
    "web-compare": (1200, 900, "dark", "source=LJ002-0004&channel=rayleigh&vary=snr&values=-12,-10,-8,-4,0,8"),
    "web-phone": (390, 1100, "light", "source=LJ002-0004&channel=rayleigh&snr=-8"),
}


def main() -> None:
    command = [sys.executable, "-m", "deepsc_host", "web", "--port", "0", "--no-browser"]
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
            browser.close()
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
