"""The page's Live view: a running flowgraph's links over HTTP, and the same in a browser."""

import json
import re
import threading
import time

import numpy as np
import pytest
import zmq
from graph import LinkedRadio, running
from hosts import free_addresses
from web_server import serving

from gr_deepsc.link.sockets import open_socket
from gr_deepsc.link.spectrum import measured, pack


@pytest.fixture(scope="module")
def live(fixture_model):
    """A flowgraph, what publishes its spectrum, and the page's server that listens to both."""
    audio, results, spectrum = free_addresses(3)
    context, over = zmq.Context(), threading.Event()
    publisher = open_socket(context, "pub", spectrum, bind=True)
    tone = 0.1 * np.exp(2j * np.pi * 0.25 * np.arange(4096)).astype(np.complex64)

    def publish():
        while not over.wait(0.1):
            publisher.send_multipart(pack(measured(tone, 200e3)))

    thread = threading.Thread(target=publish)
    thread.start()
    links = ("--audio", audio, "--results", results, "--spectrum", spectrum)
    with running(LinkedRadio(fixture_model, audio, results)), serving("--model", fixture_model, *links) as server:
        yield server
    over.set()
    thread.join()
    context.destroy(linger=0)


def followed(server, path: str, until: str, session: str | None = None) -> list[tuple[str, dict]]:
    """Events of `path` up to the first that is called `until`, of `session` where it matters whose."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", path)
    answer, events, name = connection.getresponse(), [], ""
    while not (events and events[-1][0] == until and session in (None, events[-1][1].get("result", {}).get("session"))):
        line = answer.readline().decode().strip()
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            events.append((name, json.loads(line.removeprefix("data: "))))
    connection.close()
    return events


def test_there_and_back(live, hello):
    """What is sent into the flowgraph comes back as text; who opens the page later is told as well."""
    source = live.upload(hello)
    sent = live.ask("POST", "/api/live/utterances", json.dumps({"source": source["id"], "user-id": 7}).encode())
    told = json.loads(sent.content)
    assert (sent.status, told["seq"]) == (202, [0])
    for _ in range(2):
        events = followed(live, "/api/live/events", "result", told["session"])
        assert events[0] == ("peer", {"there": True})
        result = events[-1][1]
        assert [each["word"] for each in result["words"]] == ["hello", "there"]
        assert (result["result"]["user_id"], result["result"]["session"]) == (7, told["session"])
        assert result["speech"] is None  # this flowgraph has no synthesiser


def test_spectrum(live):
    """A tone of amplitude 0.1 at a quarter of the rate: -20 dB in all, the most at 50 kHz of -100..100."""
    (_, told) = followed(live, "/api/live/spectrum", "spectrum")[-1]
    assert told["extent"] == [-100, 100]
    assert told["level_db"] == pytest.approx(-20, abs=0.2)
    assert np.argmax(told["levels"]) == 192 and max(told["levels"]) == -20


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"source": "none", "user-id": 0}, 404),
        ({"source": "LJ002-0045", "user-id": 70_000}, 400),
        ({"source": 3}, 400),
        (["x"], 400),
    ],
)
def test_what_cannot_be_sent(live, wish, status):
    answer = live.ask("POST", "/api/live/utterances", json.dumps(wish).encode())
    assert answer.status == status and json.loads(answer.content)["error"]
    assert live.ask("GET", "/api/live/speech/..%2F..%2Fetc%2Fpasswd").status == 404


def test_no_flowgraph(fixture_model):
    """It says so, what cannot be sent is told within seconds, and the page's server ends when it is told to."""
    audio, results, spectrum = free_addresses(3)
    links = ("--audio", audio, "--results", results, "--spectrum", spectrum)
    with serving("--model", fixture_model, *links) as server:
        assert followed(server, "/api/live/events", "peer") == [("peer", {"there": False})]
        answer = server.ask("POST", "/api/live/utterances", json.dumps({"source": "LJ002-0045", "user-id": 0}).encode())
        assert answer.status == 400 and "deepsc flowgraph run" in json.loads(answer.content)["error"]
        begin = time.monotonic()
    assert time.monotonic() - begin < 15


def test_in_a_browser(live, browser, hello):
    """Send, and the text stands in the list; spectrum and waterfall are drawn; the other view is still there."""
    page = browser.new_page()
    page.set_default_timeout(15_000)
    page.goto(f"{live.address}#live")
    page.get_by_text("A flowgraph is there.").wait_for()
    page.get_by_role("radio", name="File").check()
    page.locator("#file").set_input_files({"name": "hello.wav", "mimeType": "audio/wav", "buffer": hello})
    page.locator("#source").get_by_text("hello.wav").wait_for()
    before = page.locator("#heard-live li").count()
    page.get_by_role("button", name="Send into the flowgraph").click()
    page.locator("#heard-live li").nth(before).wait_for()
    assert page.locator("#heard-live .said").first.inner_text().split() == ["hello", "there"]
    assert re.search(r"level −\d+\.\d dB", page.locator("#level-live").inner_text())
    for name in ("spectrum", "waterfall-live"):
        colours = (
            "c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size"
        )
        assert page.locator(f"canvas#{name}").evaluate(colours) > 20
    page.get_by_role("link", name="Simulate").click()
    assert page.get_by_role("button", name="Run").is_visible() and not page.locator("#live").is_visible()
    page.close()
