"""Debian's Chromium, without a window, whose microphone hears a sample."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from scipy.signal import resample_poly

SOUND = Path(__file__).with_name("samples") / "LJ002-0045.flac"


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator:
    """A browser of playwright; skips the test where there is none. `folder`: for what its microphone hears."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    sound = folder / "said.wav"
    samples, rate = soundfile.read(SOUND, dtype="float32")
    soundfile.write(sound, resample_poly(samples, 48_000 // rate, 1), 48_000)
    options = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    options += [f"--use-file-for-fake-audio-capture={sound}", "--autoplay-policy=no-user-gesture-required"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()
