"""IQ File Source and Sink: SigMF recordings in flowgraphs."""

import numpy as np
import pytest
from gnuradio import blocks, gr, pdu
from graph import pdu as message
from graph import post, running, wait_until

from gr_deepsc.blocks import IqFileSink, IqFileSource
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.radio import iqfile

RATE = 10_000.0  # Hz
NOISE = (0.1 * complex_gaussian(np.random.default_rng(3), 150_001)).astype(np.complex64)


def recording(folder, samples=NOISE, rate=RATE, datatype="cf32_le"):
    with iqfile.IqWriter(folder / "recorded", rate, 433.92e6, "noise", datatype=datatype) as writer:
        writer.write(samples)
    return str(folder / "recorded")


def play(source) -> tuple[np.ndarray, int]:
    """What comes out until the end, and how many messages said that it is the end."""
    top_block, out, ends = gr.top_block(), blocks.vector_sink_c(), blocks.message_debug(False)
    top_block.connect(source, out)
    top_block.msg_connect((source, "ended"), (ends, "store"))
    top_block.start()
    top_block.wait()
    return np.array(out.data(), np.complex64), ends.num_messages()


def read(path) -> np.ndarray:
    return np.concatenate([*iqfile.IqReader(path).chunks(1 << 16)])


def test_recording_between_silences(tmp_path):
    """Bit by bit, over more than one piece, with the silence on either side to the sample."""
    source = IqFileSource(recording(tmp_path), RATE, lead=0.5, silence=7.0)
    assert source.recording.center_frequency == 433.92e6
    played, ends = play(source)
    assert ends == 1 and len(played) == 5_000 + len(NOISE) + 70_000
    np.testing.assert_array_equal(played[5_000 : 5_000 + len(NOISE)], NOISE)
    assert not played[:5_000].any() and not played[5_000 + len(NOISE) :].any()


def test_default_silence_outlasts_the_receivers_buffer(tmp_path):
    """The end is told by a message, which overtakes samples: only zeros may still be on the way."""
    from gr_deepsc.blocks.receiver import BUFFER

    played, _ = play(IqFileSource(recording(tmp_path, NOISE[:1], rate=200e3), 200e3))
    assert len(played) - 200_000 - 1 > BUFFER + 4 * 8_192 + 65_536


def test_empty_recording(tmp_path):
    """Ends as any other does."""
    assert play(IqFileSource(recording(tmp_path, NOISE[:0]), RATE, lead=0.0, silence=0.0))[1] == 1


@pytest.mark.parametrize("rate", [0.8 * RATE, 2 * RATE, 12_001.3])
def test_field_another_sample_rate(tmp_path, rate):
    """A tone stays where it is, moved by the offset alone: 700 Hz at any rate, in the recording 500 Hz higher."""
    tone = np.exp(2j * np.pi * 1200 / RATE * np.arange(20_000)).astype(np.complex64)
    played, _ = play(IqFileSource(recording(tmp_path, tone), rate, lead=0.0, silence=0.0, offset=500.0))
    assert len(played) == int(np.ceil(len(tone) * rate / RATE - 1e-9))
    expected = np.exp(2j * np.pi * 700 / rate * np.arange(len(played)))
    np.testing.assert_allclose(played[100:-100], expected[100:-100], atol=1e-3)


def test_field_a_frequency_on_the_air(tmp_path):
    """433.9205 MHz in a recording of 433.92 MHz is 500 Hz beside its centre."""
    tone = np.exp(2j * np.pi * 500 / RATE * np.arange(20_000)).astype(np.complex64)
    played, _ = play(IqFileSource(recording(tmp_path, tone), RATE, lead=0.0, silence=0.0, frequency=433.9205e6))
    np.testing.assert_allclose(played, 1, atol=1e-3)


def test_field_no_room_for_a_burst(tmp_path):
    """Nothing could be found in it: of 40 kHz a burst takes 12.5, the recording has 10."""
    with pytest.raises(iqfile.IqFileError, match="no room") as refused:
        IqFileSource(recording(tmp_path), 4 * RATE)
    assert refused.value.error_type == "bad_rate"


def test_field_a_recording_of_another_symbol_rate(tmp_path):
    with iqfile.IqWriter(tmp_path / "ours", RATE, facts={"symbol_rate": 1200.0, "offset": 0.0}) as writer:
        writer.write(NOISE)
    with pytest.raises(iqfile.IqFileError, match="1200 symbols a second, the flowgraph takes 2500"):
        IqFileSource(str(tmp_path / "ours"), RATE)


def test_missing_recording(tmp_path):
    with pytest.raises(iqfile.IqFileError) as refused:
        IqFileSource(str(tmp_path / "nowhere"), RATE)
    assert refused.value.error_type == "missing"


def test_negative_silence(tmp_path):
    with pytest.raises(ValueError, match="0 or more"):
        IqFileSource(recording(tmp_path), RATE, silence=-1.0)


def test_recording_that_turns_bad_ends_the_flowgraph(tmp_path):
    """Shorter than when it was opened: an error in the block and an end, not a hang."""
    path = recording(tmp_path)
    source = IqFileSource(path, RATE, lead=0.0, silence=0.0)
    NOISE[:100_000].tofile(f"{path}.sigmf-data")
    played, ends = play(source)
    assert ends == 0 and len(played) < len(NOISE)
    assert source.error.error_type == "truncated"


def test_field_not_a_number_is_silence(tmp_path):
    spoiled, path = NOISE.copy(), recording(tmp_path)
    spoiled[100_000] = np.nan
    spoiled.tofile(f"{path}.sigmf-data")
    source = IqFileSource(path, RATE, lead=0.0, silence=0.0)
    played, ends = play(source)
    assert ends == 1 and played[100_000] == 0
    np.testing.assert_array_equal(np.delete(played, 100_000), np.delete(NOISE, 100_000))
    assert "sample 100000" in source.recording.warnings[0]


def test_sink_writes_what_it_gets(tmp_path):
    """Complete, with its metadata, once the flowgraph has stopped."""
    path = str(tmp_path / "stored")
    sink = IqFileSink(path, RATE, 7.1e6, "a test", "cf32_le")
    top_block = gr.top_block()
    top_block.connect(blocks.vector_source_c(NOISE.tolist()), sink)
    top_block.run()
    meta = iqfile.read(path, verify=True)
    assert (meta.sample_rate, meta.center_frequency, meta.description) == (RATE, 7.1e6, "a test")
    assert not meta.annotations and sink.sample_count == len(NOISE)
    np.testing.assert_array_equal(read(path), NOISE)


def test_no_carrier(tmp_path):
    """A frequency of 0 is no frequency, not 0 Hz."""
    IqFileSink(str(tmp_path / "stored"), RATE).stop()
    assert iqfile.read(tmp_path / "stored").center_frequency is None


def test_bursts_are_marked_and_kept_apart(tmp_path):
    """Tagged bursts get silence around them: without it a receiver would find the next one in the last one's tail."""
    path = str(tmp_path / "stored")
    sink, stream = IqFileSink(path, RATE, guard=0.05), pdu.pdu_to_stream_c(pdu.EARLY_BURST_APPEND, 64)
    top_block = gr.top_block()
    top_block.connect(stream, sink)
    bursts = [NOISE[:1], NOISE[:60_000], NOISE[:70]]
    with running(top_block):
        for number, burst in enumerate(bursts, 1):  # PDUs that wait together would come out as one burst
            post(stream, "pdus", message(burst))
            wait_until(lambda number=number: sink.bursts == number)
    guard = np.zeros(500, np.complex64)
    np.testing.assert_array_equal(
        read(path), np.concatenate([part for burst in bursts for part in (guard, burst, guard)])
    )
    marks = iqfile.read(path, verify=True).annotations
    assert [(mark.start_sample, mark.count) for mark in marks] == [(500, 1), (1_501, 60_000), (62_501, 70)]
    assert {mark.label for mark in marks} == {"burst"}


@pytest.mark.parametrize("options", [{"datatype": "cu4"}, {"sample_rate": 0.0}])
def test_what_cannot_be_recorded(tmp_path, options):
    with pytest.raises(iqfile.IqFileError):
        IqFileSink(str(tmp_path / "stored"), **{"sample_rate": RATE} | options)


def test_negative_guard(tmp_path):
    with pytest.raises(ValueError, match="0 or more"):
        IqFileSink(str(tmp_path / "stored"), RATE, guard=-1.0)


def test_full_disk_ends_the_flowgraph(tmp_path):
    """NaN stands for whatever the writer refuses: an error in the block and an end, not a hang."""
    sink = IqFileSink(str(tmp_path / "stored"), RATE)
    top_block = gr.top_block()
    top_block.connect(blocks.vector_source_c([complex("nan")] * 10), sink)
    top_block.run()
    assert sink.error.error_type == "not_finite"
