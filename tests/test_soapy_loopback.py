"""Real SoapySDR and UHD blocks of GNU Radio over the loopback driver: what is sent is heard, bit by bit.

This tests how the blocks are used, not radio frequency.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gr_deepsc.phy.channel import complex_gaussian

pytest_plugins = ["soapy"]

GRAPH = Path(__file__).parent / "soapy_loopback" / "graph.py"
COUNT = 200_000  # samples: 0.1 s at 2 Msps
ZEROS = 1_000_000  # sent behind them: the UHD sink's reports need some time to come


def loop(folder: Path, api: str, device: str) -> subprocess.CompletedProcess:
    """Noise goes through a flowgraph in its own process, and comes back whole: with nothing but zeros around it."""
    sent = (0.1 * complex_gaussian(np.random.default_rng(5), COUNT)).astype(np.complex64)
    np.concatenate([sent, np.zeros(ZEROS, np.complex64)]).tofile(folder / "sent")
    command = [sys.executable, str(GRAPH), api, device, str(folder / "sent"), str(folder / "heard")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    heard = np.fromfile(folder / "heard", np.complex64)
    start = int(np.argmax(heard != 0))
    np.testing.assert_array_equal(heard[start : start + COUNT], sent)
    assert not heard[start + COUNT :].any()
    return done


@pytest.mark.parametrize("driver", ["loopback", "hackrf"])
def test_soapy(soapy_loopback, tmp_path, driver):
    """soapy.sink -> soapy.source; under the name hackrf as the HackRF blocks ask for it."""
    loop(tmp_path, "soapy", f"driver={driver}")


def test_uhd(uhd_loopback, tmp_path):
    """usrp_sink -> usrp_source, sync "no sync", with an LO offset."""
    loop(tmp_path, "uhd", "driver=loopback")


def test_soapy_overflow(soapy_loopback, tmp_path):
    """gr-soapy has no port for it: sO on stderr is all that tells."""
    assert "sO" in loop(tmp_path, "soapy", "driver=loopback,overflow_every=5").stderr


def test_uhd_overflow_and_underflow(uhd_loopback, tmp_path):
    """usrp_source logs how many there were in 750 ms; usrp_sink sends each from its port async_msgs."""
    done = loop(tmp_path, "uhd", "driver=loopback,overflow_every=5,underflow_every=5")
    assert "overflows occurred" in done.stdout + done.stderr
    assert "(event_code underflow)" in done.stdout
