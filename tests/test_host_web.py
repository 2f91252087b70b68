"""`deepsc web` over HTTP: what is answered, what is refused, and that the page lives on."""

import io
import json
import re
import signal
import socket
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import pytest
import soundfile
from host_process import deepsc, deepsc_here
from web_server import serving

from gr_deepsc.result import Result

PAGE = Path(__file__).resolve().parent.parent / "host/web/page"
SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture(scope="module")
def server(fixture_model):
    with serving("--model", fixture_model) as server:
        yield server


def seconds(wav: bytes) -> float:
    samples, rate = soundfile.read(io.BytesIO(wav))
    return len(samples) / rate


def test_page_needs_nothing_from_outside(server):
    assert b"<h1>" in server.ask("GET", "/").content
    for path in PAGE.iterdir():
        answer = server.ask("GET", f"/page/{path.name}")
        assert (answer.status, answer.content) == (200, path.read_bytes())
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert re.findall(r"(?:https?:)?//(?!www\.w3\.org)\w[\w.]+\.\w+/", path.read_text()) == [], path
        assert not re.search(r"\son\w+=|<script>|\sstyle=", path.read_text()), "the policy forbids what is inline"


def test_choices_and_samples(server, fixture_model):
    options = json.loads(server.ask("GET", "/api/options").content)
    assert options["choices"]["model"] == [str(fixture_model), "default", "compact"]
    assert options["defaults"]["snr"] == 20.0
    assert [each["name"] for each in options["samples"]] == sorted(path.name for path in SAMPLES.glob("*.flac"))
    for sample in options["samples"]:
        answer = server.ask("GET", f"/api/recordings/{sample['id']}")
        assert answer.content == (SAMPLES / sample["name"]).read_bytes()
        assert sample["seconds"] == pytest.approx(seconds(answer.content), abs=0.01)


def test_a_run_is_that_of_simulate(server, hello, tmp_path, fixture_model):
    """Events in their order; the result of `deepsc simulate` with the same options; files that others can read."""
    wish = {"channel": "rician", "snr": 14, "cfo-hz": 300, "seed": 3, "user-id": 1}
    source = server.upload(hello)
    assert source["name"], source["seconds"] == ("hello.wav", pytest.approx(seconds(hello), abs=0.01))
    run = server.start(source=source["id"], reference="hello their", model=str(fixture_model), **wish)
    events = server.events(run)
    names = ["queued", "loading", "utterance", "encoded", "received", "text", "voice", "burst", "done"]
    assert [name for name, _ in events] == names
    assert events == server.events(run)  # who comes later is told all
    told = dict(events)

    (tmp_path / "hello.wav").write_bytes(hello)
    options = [f"--{name}={value}" for name, value in wish.items()]
    simulated = deepsc_here("simulate", "--json", "--model", fixture_model, *options, tmp_path / "hello.wav")
    expected, result = json.loads(simulated.stdout), told["done"]["result"]
    assert result["text"] == expected["text"] == "hello there"
    assert result["wer"] == 0.5 and result["cer"] == round(2 / 11, 4)  # "their": two of 11 characters
    other = {"rtf", "decode_s", "file", "reference", "cer", "wer", "voice", "speech_s", "synthesis_s"}
    assert {k: v for k, v in result.items() if k not in other} == {k: v for k, v in expected.items() if k not in other}

    words = told["done"]["words"]
    assert [(each["word"], each["right"], each.get("said")) for each in words] == [
        ("hello", True, None),
        ("there", False, "their"),
    ]

    file = {name: server.ask("GET", f"/api/runs/{run}/files/{name}").content for name in told["done"]["files"]}
    assert seconds(file["original.wav"]) == pytest.approx(seconds(hello))
    assert seconds(file["received.wav"]) == pytest.approx(result["speech_s"], abs=0.001)
    assert set(json.loads(file["result.json"])) == {key.name for key in fields(Result)}
    with tarfile.open(fileobj=io.BytesIO(file["signal.sigmf"])) as archive:
        archive.extractall(tmp_path)
    played = deepsc_here("play", "--json", "--model", fixture_model, tmp_path / "signal/signal.sigmf-meta")
    played = json.loads(played.stdout)
    assert (played["text"], played["cfo_hz"]) == ("hello there", result["cfo_hz"])


def test_audio_band(server, hello, tmp_path, fixture_model):
    """What the receiver heard is a wav, with the profile audio."""
    run, told = server.run(source=server.upload(hello)["id"], model=str(fixture_model), profile="audio")
    (tmp_path / "signal.wav").write_bytes(server.ask("GET", f"/api/runs/{run}/files/signal.wav").content)
    played = deepsc_here("play", "--json", "--model", fixture_model, tmp_path / "signal.wav")
    assert json.loads(played.stdout)["text"] == told["result"]["text"] == "hello there"


def test_only_figures(server, hello, fixture_model):
    """For comparisons: neither voice nor pictures nor files."""
    run = server.start(source=server.upload(hello)["id"], model=str(fixture_model), details=0)
    events = dict(server.events(run))
    assert "voice" not in events and "burst" not in events and events["done"]["files"] == []
    assert events["done"]["result"]["text"] == "hello there"


def test_ideal_csi_has_no_burst(server, hello, fixture_model):
    run = server.start(source=server.upload(hello)["id"], model=str(fixture_model), csi="ideal")
    events = dict(server.events(run))
    assert "burst" not in events and "signal.sigmf" not in events["done"]["files"]
    assert events["done"]["result"]["text"] == "hello there"


def test_nothing_received_is_a_result(server, hello, fixture_model):
    """At -30 dB nobody finds a burst: the run is done, and says so."""
    wish = {"source": server.upload(hello)["id"], "model": str(fixture_model), "reference": "hello there"}
    events = dict(server.events(server.start(snr=-30, **wish)))
    told, burst = events["done"], events["burst"]
    assert burst["constellation"] is None and burst["waterfall"]["parts"] == {}  # what was heard, all the same
    assert told["result"]["lost"] and told["result"]["error_type"] == "not_detected"
    assert told["result"]["cer"] == 1 and told["words"] == [{"missing": "hello there"}]
    assert set(told["files"]) == {"original-1.wav", "original.wav", "signal.sigmf", "result.json"}


@pytest.mark.parametrize(
    "wish, sentence",
    [
        ({"snr": "loud"}, "snr: 'loud' is not a number from -100 to 100"),
        ({"channel": "sea"}, "channel: invalid choice: 'sea'"),
        ({"model": "/etc"}, "model: choose"),
        ({"model": "../../tests"}, "model: choose"),
        ({"profile": "hackrf"}, "profile: choose usrp or audio"),
        ({"cfo-hz": 40000}, "a carrier offset of 0.8 symbol rates"),
        ({"voices": "/tmp"}, "unrecognized arguments: --voices=/tmp"),
        ({"Snr": 3}, "there is no option 'Snr'"),
        ({"snr": [3]}, "an object of options"),
        ({"reference": "a" * 20001}, "20000 characters"),
    ],
)
def test_wishes_that_cannot_be(server, wish, sentence):
    answer = server.ask("POST", "/api/runs", json.dumps({"source": "LJ002-0045"} | wish).encode())
    assert answer.status == 400 and sentence in json.loads(answer.content)["error"]


def test_bodies_that_are_none(server):
    for body in (b"", b"[1]", b"\xff", b'{"a":'):
        assert server.ask("POST", "/api/runs", body).status == 400
    assert server.ask("POST", "/api/runs", b" " * 200_000).status == 400


def test_no_audio(server):
    """Refused by its own name, not by that of a file of ours; what is asked next is answered."""
    for body, word in ((b"MZ" * 5000, "corrupt"), (b"", "empty"), (b"RIFF....WAVEfmt ", "corrupt")):
        answer = server.ask("POST", "/api/recordings", body, X_Name="notes%20of%20mine.txt")
        told = json.loads(answer.content)
        assert (answer.status, told["error_type"]) == (415, word)
        assert "notes of mine.txt" in told["error"] and "/" not in told["error"]
    silence = io.BytesIO()
    soundfile.write(silence, [0.0] * 16000, 16000, format="FLAC")
    run = server.start(source=server.upload(silence.getvalue())["id"])
    assert server.events(run)[-1][1]["result"]["error_type"] == "silent"


def test_too_large(server):
    """Refused when all of it has come, so that the answer is heard."""
    answer = server.ask("POST", "/api/recordings", bytes(65 << 20))
    assert answer.status == 413 and "64 MB at most" in json.loads(answer.content)["error"]
    assert server.ask("GET", "/").status == 200


def test_what_is_not_there(server):
    """Nor is there a way out of the folders."""
    for path in (
        *("/api/runs/none/events", "/api/runs/none/files/result.json", "/api/recordings/none", "/nothing"),
        *("/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page//etc/passwd"),
        *("/api/recordings/..%2f..%2fetc%2fpasswd", "/api/recordings/%2fetc%2fpasswd"),
    ):
        answer = server.ask("GET", path)
        assert answer.status == 404 and "error" in json.loads(answer.content), path
    run, _ = server.run(source="LJ002-0045", details=0)
    assert server.ask("GET", f"/api/runs/{run}/files/..%2f..%2fuploads").status == 404
    answer = server.ask("POST", "/api/runs", b'{"source": "../../../etc/passwd"}')
    assert answer.status == 404 and "choose it again" in json.loads(answer.content)["error"]


def test_other_pages_are_refused(server):
    """A name that was made to point here, and a page of another site: neither reads nor starts anything."""
    evil = f"evil.example:{server.port}"
    assert server.ask("GET", "/", Host=evil).status == 403
    assert server.ask("GET", "/api/options", Host="127.0.0.1:1").status == 403
    assert server.ask("GET", "/api/options", Host=f"localhost:{server.port}").status == 200
    here = {"Host": f"127.0.0.1:{server.port}"}
    wish = b'{"source": "nothing"}'
    for origin in (f"http://{evil}", "null", "https://evil.example"):
        assert server.ask("POST", "/api/runs", wish, Origin=origin, **here).status == 403
        assert server.ask("POST", "/api/recordings", b"", Origin=origin, **here).status == 403
    assert server.ask("POST", "/api/runs", wish, Origin=f"http://127.0.0.1:{server.port}", **here).status == 404
    cross = {"Sec_Fetch_Site": "cross-site"}
    assert server.ask("GET", "/api/options", Sec_Fetch_Mode="no-cors", **cross).status == 403
    assert server.ask("GET", "/", Sec_Fetch_Mode="navigate", **cross).status == 200  # a link


def test_many_at_once(server, hello, fixture_model):
    """20 uploads are all taken; of 14 runs nine are done, one after the other, and the rest is told to come again."""
    with ThreadPoolExecutor(20) as pool:
        sources = {each["id"] for each in pool.map(server.upload, [hello + bytes(k) for k in range(20)])}
        assert len(sources) == 20
        wish = json.dumps({"source": min(sources), "model": str(fixture_model), "details": 0}).encode()
        answers = list(pool.map(lambda _: server.ask("POST", "/api/runs", wish), range(14)))
        ids = [json.loads(each.content)["id"] for each in answers if each.status == 201]
        assert len(ids) >= 9
        assert {each.status for each in answers} <= {201, 503}
        assert {server.events(id)[-1][0] for id in ids} == {"done"}


def test_stop(server):
    """What is stopped ends at the next step; who waits behind it is served."""
    first = server.start(source="LJ002-0004", model="default")
    second = server.start(source="LJ002-0045", model="default", details=0)
    assert server.ask("DELETE", f"/api/runs/{first}").status == 204
    assert server.events(first)[-1][0] == "stopped"
    assert server.events(second)[-1][0] == "done"


def test_token(hello):
    """For other machines: nobody without the token, which the address has once and then a cookie."""
    with serving("--host", "0.0.0.0") as server:
        path, token = re.fullmatch(r"http://[^/]+(/)\?token=([\w-]{20,})", server.address).groups()
        any_name = {"Host": f"radio.example:{server.port}"}
        for address in (path, "/api/options", "/?token=wrong", "/page/main.js"):
            assert server.ask("GET", address, **any_name).status == 403
        assert server.ask("POST", f"/api/recordings?token={token}", hello, **any_name).status == 403
        answer = server.ask("GET", f"{path}?source=LJ002-0045&token={token}", **any_name)
        assert (answer.status, answer.headers["Location"]) == (303, "/?source=LJ002-0045")
        cookie, flags = answer.headers["Set-Cookie"].split(";", 1)
        assert "httponly" in flags.lower() and "samesite=lax" in flags.lower()
        assert server.ask("GET", "/api/options", Cookie=cookie, **any_name).status == 200
        foreign = server.ask("POST", "/api/recordings", hello, Cookie=cookie, Origin="http://evil.example", **any_name)
        assert foreign.status == 403


def test_port_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = deepsc("web", "--no-browser", "--port", taken.getsockname()[1])
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"deepsc: cannot listen at 127.0.0.1, port \d+: Address already in use; .*--port 0\n", done.stderr
    )


@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_ctrl_c_ends_it_quickly(tmp_path, monkeypatch, end, status):
    """In the middle of a run that somebody follows: silently, with its folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serving() as server, ThreadPoolExecutor(1) as pool:
        followed = pool.submit(server.events, server.start(source="LJ002-0004"))
        time.sleep(0.3)
        begin = time.monotonic()
        server.process.send_signal(end)
        _, err = server.process.communicate(timeout=20)
        assert time.monotonic() - begin < 10  # a second on an idle machine: what the reader takes for one sentence
        assert (server.process.returncode, err) == (status, "")
        assert followed.result()[-1][0] == "stopped"
    assert list(tmp_path.glob("deepsc-web-*")) == []
