"""Send a file's samples by one radio block, store what another one hears: `graph.py soapy|uhd DEVICE SENT HEARD`.

Files are raw complex64. It ends once SILENCE zeros follow what was heard.

Run as a process of its own: a driver is found when SoapySDR is loaded, and one that hangs is killed from outside.
"""

import sys
import time

import numpy as np
from gnuradio import blocks, gr, soapy, uhd

RATE, FREQUENCY = 2e6, 433.92e6  # Hz
TIMEOUT = 14.0  # s
SILENCE = 1_200_000  # samples


def soapy_pair(device: str) -> tuple:
    """soapy.sink and soapy.source, set up as GNU Radio Companion does it."""
    pair = (soapy.sink(device, "fc32", 1, "", "", [""], [""]), soapy.source(device, "fc32", 1, "", "", [""], [""]))
    gains = {"AMP": 0, "VGA": 16}, {"AMP": 0, "LNA": 16, "VGA": 16}
    for block, names, antenna in zip(pair, gains, ("TX/RX", "RX2"), strict=True):
        block.set_sample_rate(0, RATE)
        block.set_bandwidth(0, 0.0)
        block.set_frequency(0, FREQUENCY)
        block.set_frequency_correction(0, 1.5)
        block.set_antenna(0, antenna)
        for name, gain in names.items():
            block.set_gain(0, name, gain)
            assert block.get_gain(0, name) == gain
        assert block.get_sample_rate(0) == RATE
        assert block.get_frequency(0) == FREQUENCY
        assert block.get_frequency_correction(0) == 1.5
        assert block.get_antenna(0) == antenna
    return pair


def uhd_pair(device: str) -> tuple:
    """usrp_sink and usrp_source without synchronisation, set up as GNU Radio Companion does it."""
    stream = uhd.stream_args(cpu_format="fc32", args="", channels=[0])
    pair = (uhd.usrp_sink(f"type=soapy,{device}", stream, ""), uhd.usrp_source(f"type=soapy,{device}", stream))
    for block, antenna in zip(pair, ("TX/RX", "RX2"), strict=True):
        block.set_samp_rate(RATE)
        block.set_center_freq(uhd.tune_request(FREQUENCY, 100e3), 0)
        block.set_antenna(antenna, 0)
        block.set_gain(20, 0)
        assert block.get_samp_rate() == RATE
        assert abs(block.get_center_freq(0) - FREQUENCY) < 1
        assert block.get_antenna(0) == antenna
        assert block.get_gain(0) == 20
    return pair


def complete(path: str) -> bool:
    """Whether something was heard, and silence behind it."""
    heard = np.fromfile(path, np.complex64)
    return heard.any() and not heard[-SILENCE:].any()


def main(api: str, device: str, sent: str, heard: str) -> None:
    sink, source = uhd_pair(device) if api == "uhd" else soapy_pair(device)
    graph = gr.top_block()
    item = gr.sizeof_gr_complex
    store, events = blocks.file_sink(item, heard), blocks.message_debug(False)
    store.set_unbuffered(True)
    graph.connect(blocks.file_source(item, sent, False), blocks.throttle(item, RATE), sink)
    graph.connect(source, store)
    if api == "uhd":
        graph.msg_connect((sink, "async_msgs"), (events, "store"))
    deadline = time.monotonic() + TIMEOUT
    graph.start()
    while not complete(heard) and time.monotonic() < deadline:
        time.sleep(0.1)
    graph.stop()
    graph.wait()
    for i in range(events.num_messages()):
        print(events.get_message(i))


if __name__ == "__main__":
    main(*sys.argv[1:])
