"""The flowgraphs for radios and recordings, as compiled: text goes in, over a radio that is software, and comes out.

This tests how GNU Radio's UHD and Soapy blocks are used, rates and offsets; it says nothing of radio frequency.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from graph import wait_until
from host_process import deepsc
from hosts import Host, free_addresses
from scipy import signal as dsp

from gr_deepsc.phy.resample import low_pass
from gr_deepsc.radio import iqfile, profiles
from gr_deepsc.radio import permission as radio

pytest_plugins = ["soapy"]

TOGETHER = Path(__file__).parent / "soapy_loopback" / "together.py"
UHD = "type=soapy,driver=loopback"
GUARDS = 2 * 20_000 * 8  # bytes before and after a burst
OVERHEAR = 3_000.0  # Hz, by which receivers are tuned wrong, where the flowgraph does the tuning


@contextmanager
def running(folder: Path, **graphs: dict):
    """Compiled flowgraphs by name with their parameters, in one process; it has to end at SIGTERM with status 0."""
    command = [sys.executable, TOGETHER, folder, *(f"{name}={json.dumps(p)}" for name, p in graphs.items())]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=15) == 0
        finally:
            process.kill()


class Station:
    """Addresses of a transmitting and a receiving flowgraph, and the parameters for them."""

    def __init__(self, model: Path, device: str = "", **common):
        self.audio, self.failures, self.results = free_addresses(3)
        common |= {"model": str(model)} | ({"device": device} if device else {})
        self.rx = common | {"result_address": self.results}
        self.tx = common | {"audio_address": self.audio, "result_address": self.failures}
        self.tx["i_may_transmit"] = "yes"


def converse(host: Host, speak, texts=("over the air", "and again")) -> list[dict]:
    """Send each text once the one before has arrived."""
    results = []
    for seq, text in enumerate(texts):
        host.send(speak(text), seq=seq, user_id=5)
        results.append(host.result())
        assert (results[-1]["text"], results[-1]["seq"], results[-1]["user_id"]) == (text, seq, 5)
    return results


def until_ready(station: Station) -> None:
    """Wait for the transmitting flowgraph, which answers nonsense with an error, and the receiving one's socket."""
    with Host(station.audio, station.failures) as host:
        host.settle()


def test_usrp(uhd_loopback, compiled, fixture_model, speak):
    """usrp_sink -> usrp_source: bursts with tx_sob and tx_eob, nothing between them."""
    station = Station(fixture_model, UHD)
    with running(compiled, usrp_rx=station.rx, usrp_tx=station.tx), Host(station.audio, station.results) as host:
        until_ready(station)
        for result in converse(host, speak):
            assert result["es_n0_db"] > 30 and abs(result["cfo_hz"]) < 5
            assert (result["overflows"], result["samples_lost"]) == (0, 0)


def test_usrp_drops_are_counted(uhd_loopback, compiled, fixture_model, speak):
    """What the driver reports stands in the results of the receiver, and in the failures of the transmitter."""
    station = Station(fixture_model)
    station.rx["device"] = f"{UHD},overflow_every=7"
    station.tx["device"] = f"{UHD},underflow_every=2"
    with running(compiled, usrp_rx=station.rx, usrp_tx=station.tx), Host(station.audio, station.results) as host:
        until_ready(station)
        assert converse(host, speak, ["one", "two", "three"])[-1]["overflows"] > 0
        with Host(station.audio, station.failures) as failures:
            deadline = time.monotonic() + 20
            told = {}
            while not told.get("underflows"):
                assert time.monotonic() < deadline, told
                failures.push.send(b"nonsense")
                told = failures.result() if failures.sub.poll(500) else {}
        assert told["lost"] and told["overflows"] == 0


def test_hackrf(soapy_loopback, compiled, fixture_model, speak):
    """At 2 Msample/s; the receiver assumes the signal 3 kHz from where it is, and so finds it at 3 kHz."""
    station = Station(fixture_model)
    offset = profiles.PROFILES["hackrf"].offset - OVERHEAR
    graphs = {"hackrf_rx": station.rx | {"lo_offset": offset}, "hackrf_tx": station.tx}
    with running(compiled, **graphs), Host(station.audio, station.results) as host:
        until_ready(station)
        for result in converse(host, speak):
            assert result["es_n0_db"] > 30 and result["cfo_hz"] == pytest.approx(OVERHEAR, abs=5)
            assert abs(result["clock_ppm"]) < 50


def test_one_machine(soapy_loopback, compiled, fixture_model, speak):
    """Both directions of one device in one flowgraph."""
    station = Station(fixture_model, driver="loopback", tx_antenna="TX/RX", rx_antenna="RX2")
    parameters = station.tx | station.rx
    with running(compiled, loopback=parameters), Host(station.audio, station.results) as host:
        host.settle()
        converse(host, speak)


@pytest.mark.parametrize("name", ["usrp_tx", "hackrf_tx", "loopback"])
def test_no_transmission_without_permission(compiled, monkeypatch, name):
    """Refused before any device or socket is opened: there is none here to open."""
    monkeypatch.syspath_prepend(str(compiled))
    graph = getattr(importlib.import_module(name), name)
    for answer in ({}, {"i_may_transmit": "no"}):
        with pytest.raises(radio.RadioError) as refused:
            graph(**answer)
        assert refused.value.error_type == "not_permitted"


def test_refusal_on_the_command_line():
    """A sentence that says what to do, and no traceback."""
    done = deepsc("flowgraph", "run", "hackrf_tx")
    assert done.returncode == 2
    assert "--i-may-transmit yes" in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["usrp_rx", "hackrf_rx", "hackrf_tx", "loopback"])
def test_impossible_rate(compiled, monkeypatch, name):
    """So are numbers that a burst does not fit between."""
    monkeypatch.syspath_prepend(str(compiled))
    graph = getattr(importlib.import_module(name), name)
    with pytest.raises(radio.RadioError, match="whole multiple"):
        graph(sample_rate=2.1e6)


def test_limited_signal_stays_in_range_behind_the_interpolator(compiled):
    """A HackRF's driver wraps what exceeds full scale: the interpolation must not, even from 0 dB, all peaks cut."""
    from gnuradio import blocks, filter, gr

    rng = np.random.default_rng(8)
    bursts = rng.standard_normal((50_000, 2)) @ [1, 1j] * 4
    limited = bursts / np.maximum(np.abs(bursts), 1)
    shaped = np.convolve(limited, dsp.firwin(33, 0.32))  # as wide as a burst, at 4 samples a symbol
    shaped /= np.maximum(np.abs(shaped), 1)
    assert "taps=resample.low_pass(" in (compiled / "hackrf_tx.py").read_text()
    assert "const(0.75)" in (compiled / "hackrf_tx.py").read_text().replace("multiply_const_cc(", "const(")
    top_block, out = gr.top_block(), blocks.vector_sink_c()
    interpolator = filter.rational_resampler_ccf(interpolation=10, decimation=1, taps=low_pass(10))
    top_block.connect(blocks.vector_source_c(shaped.tolist()), interpolator, out)
    top_block.run()
    assert 0.75 * np.max(np.abs(out.data())) < 1


def test_recorded_and_played(compiled, fixture_model, speak, tmp_path):
    """iq_tx writes what iq_rx reads; then the same at 2 Msample/s, 250 kHz from the centre, as a HackRF would."""
    station, texts, path = Station(fixture_model), ("on the record", "twice"), str(tmp_path / "bursts")
    del station.tx["i_may_transmit"]
    with (
        running(compiled, iq_tx=station.tx | {"file": path, "frequency": 433.92e6}),
        Host(station.audio, station.failures) as host,
    ):
        host.settle()
        for seq, text in enumerate(texts):  # bursts in a row would be marked as one
            host.send(speak(text), seq=seq, user_id=5)
            wait_until(lambda: Path(f"{path}.sigmf-data").stat().st_size > (seq + 1) * GUARDS)  # noqa: B023
    meta = iqfile.read(path, verify=True)
    assert (meta.sample_rate, meta.center_frequency, len(meta.annotations)) == (200e3, 433.92e6, len(texts))
    samples = np.concatenate([*iqfile.IqReader(path).chunks(1 << 16)])
    wide = dsp.resample_poly(samples, 10, 1)
    wide *= np.exp(2j * np.pi * 0.125 * np.arange(len(wide)))
    with iqfile.IqWriter(f"{path}_wide", 2e6, datatype="ci8") as writer:
        writer.write(wide)
    for file, parameters in ((path, {}), (f"{path}_wide", {"sample_rate": 2e6, "lo_offset": 250e3 - OVERHEAR})):
        with (
            Host(station.audio, station.results) as host,
            running(compiled, iq_rx=station.rx | parameters | {"file": file}),
        ):
            results = [host.result() for _ in texts]
        assert tuple(result["text"] for result in results) == texts
        cfo = OVERHEAR if parameters else 0.0
        assert all(result["cfo_hz"] == pytest.approx(cfo, abs=5) for result in results)


def test_playing_ends_by_itself(compiled, fixture_model, tmp_path):
    """An hour of recording is decoded and the program is done; here it is a second of nothing."""
    with iqfile.IqWriter(tmp_path / "nothing", 200e3) as writer:
        writer.write(np.zeros(1_000, np.complex64))
    command = [sys.executable, compiled / "iq_rx.py", "--model", fixture_model, "--file", tmp_path / "nothing"]
    command += ["--result-address", free_addresses(1)[0]]
    assert subprocess.run(command, timeout=30).returncode == 0
