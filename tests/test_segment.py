"""Utterances out of streams, pieces out of long waveforms."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gr_deepsc.framing import HOP, frame_count
from gr_deepsc.speech.segment import Segmenter, split

RATE = 16_000
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.flac"))


def noise(seconds: float, dbfs: float, seed: int = 0) -> np.ndarray:
    """White noise at an RMS level in dBFS."""
    samples = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (samples * 10 ** (dbfs / 20)).astype(np.float32)


def scene(background_dbfs: float = -60.0) -> np.ndarray:
    """Two bursts at -20 dBFS, at 1.0..2.0 s and 3.5..4.0 s of 6 s of background."""
    samples = noise(6.0, background_dbfs)
    for start, stop in ((1.0, 2.0), (3.5, 4.0)):
        samples[round(start * RATE) : round(stop * RATE)] += noise(stop - start, -20.0, seed=1)
    return samples


def test_finds_the_bursts():
    """Each utterance is its burst with 0.8 s before and 0.32 s after it, to a frame of 20 ms."""
    first, second = Segmenter().push(scene())
    assert len(first) / RATE == pytest.approx(1.0 + 1.12, abs=0.04)
    assert len(second) / RATE == pytest.approx(0.5 + 1.12, abs=0.04)
    loud = np.abs(first) > 0.05
    assert np.argmax(loud) / RATE == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("piece", [1, 7, 320, 1024, 65_536])
def test_streaming_equals_batch(piece):
    """Whatever piece sizes the scheduler or a microphone hands over, the same utterances come out."""
    samples = scene()[: RATE * 5 // 2] if piece == 1 else scene()
    whole, streamed = Segmenter(), Segmenter()
    expected = whole.push(samples) + whole.flush()
    got = [u for i in range(0, len(samples), piece) for u in streamed.push(samples[i : i + piece])]
    got += streamed.flush()
    assert len(got) == len(expected) > 0
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_adapts_to_a_noisy_room():
    """Noise at -35 dBFS is the floor from the first frame on: only what exceeds it is an utterance."""
    samples = np.concatenate((noise(6.0, -35.0, seed=2), scene(-35.0)))
    segmenter = Segmenter()
    assert segmenter.push(samples[: 6 * RATE]) == []
    assert segmenter.floor_db == pytest.approx(-35.0, abs=1.5)
    late = segmenter.push(samples[6 * RATE :])
    assert [len(u) / RATE for u in late] == pytest.approx([2.12, 1.62], abs=0.05)


def test_speech_from_the_first_sample():
    """A recording without lead-in loses nothing."""
    segmenter = Segmenter()
    speech = noise(0.8, -20.0)
    (utterance,) = segmenter.push(np.concatenate((speech, np.zeros(RATE, np.float32))))
    assert np.array_equal(utterance[: len(speech)], speech)


@pytest.mark.parametrize("gain_db", [0.0, -30.0])
@pytest.mark.parametrize("lead_s", [0.0, 0.2, 1.0, 6.0])
@pytest.mark.parametrize("recording", SAMPLES, ids=lambda path: path.stem)
def test_the_first_word_is_whole(recording, lead_s, gain_db):
    """Real speech in room noise 20 dB below it, from the first sample on or later; into a deaf microphone, too.

    All of the recording is there, whose first sound is within 40 ms of its start; and at most a second before it.
    """
    speech, _ = soundfile.read(recording, dtype="float32")
    level = 10 * np.log10(np.mean(speech**2))
    lead = round(lead_s * RATE)
    samples = noise(lead_s + len(speech) / RATE + 1.0, level - 20, seed=5)
    samples[lead : lead + len(speech)] += speech
    samples *= 10 ** (gain_db / 20)
    segmenter = Segmenter()
    first = next(u for i in range(0, len(samples), 1600) for u in segmenter.push(samples[i : i + 1600]))
    start = next(k for k in range(len(samples)) if np.array_equal(samples[k : k + 32], first[:32]))
    assert lead - 1.0 * RATE <= start <= lead


@pytest.mark.parametrize("lead_s", [0.0, 0.2, 1.0, 6.0])
def test_a_soft_first_word_is_whole(lead_s):
    """0.7 s of speech less than 12 dB above the noise, which opens nothing by itself, and then a loud voice."""
    lead = round(lead_s * RATE)
    samples = noise(lead_s + 3.7, -60.0, seed=5)
    samples[lead : lead + round(0.7 * RATE)] += noise(0.7, -50.0)
    samples[lead + round(0.7 * RATE) : lead + round(2.7 * RATE)] += noise(2.0, -25.0)
    (utterance,) = Segmenter().push(samples)
    start = next(k for k in range(len(samples)) if np.array_equal(samples[k : k + 32], utterance[:32]))
    assert lead - 0.3 * RATE <= start <= lead


def test_one_word_and_nothing_else():
    """Whether it was loud nobody can say who heard only it: it is sent. Steady noise that goes on is none."""
    word = noise(0.5, -30.0)
    segmenter = Segmenter()
    assert segmenter.push(word) == []
    assert np.array_equal(np.concatenate(segmenter.flush()), word)
    assert segmenter.push(noise(8.0, -50.0)) == [] and segmenter.flush() == []


def test_a_soft_word_after_a_pause_is_not_lost():
    """0.7 s into the pause that ended an utterance: all that is not in the first one is in the second."""
    samples = np.concatenate([noise(1.0, -20.0), noise(0.75, -60.0), noise(1.0, -20.0, seed=3), noise(1.0, -60.0)])
    first, second = Segmenter().push(samples)
    assert np.array_equal(np.concatenate([first, second]), samples[: len(first) + len(second)])


def test_a_stream_that_is_no_number_takes_no_memory():
    """Nothing is learnt of it; what is kept for the day when it is does not grow beyond the 4 s of memory."""
    segmenter = Segmenter()
    segmenter.push(np.full(60 * RATE, np.nan, np.float32))
    assert len(segmenter._frames) <= 4.0 / 0.02


def test_hangover_bridges_pauses():
    """A pause of 0.4 s is inside an utterance, one of 0.9 s is between two."""
    for pause, count in ((0.4, 1), (0.9, 2)):
        samples = np.concatenate([noise(0.5, -20.0), noise(pause, -60.0), noise(0.5, -20.0, seed=3), noise(1.0, -60.0)])
        assert len(Segmenter(hangover_s=0.6).push(samples)) == count


@pytest.mark.parametrize("level", [-80.0, -120.0])
def test_quiet_is_not_speech(level):
    """Neither dither nor digital silence nor a click of 20 ms opens an utterance."""
    samples = noise(3.0, level)
    samples[RATE : RATE + 320] = 0.9
    segmenter = Segmenter()
    assert segmenter.push(samples) == [] and segmenter.flush() == []


def test_explicit_end():
    """flush() gives the open utterance to its last sample, and the next one starts afresh."""
    segmenter = Segmenter()
    speech = noise(0.51234, -20.0)
    assert segmenter.push(speech) == []
    (utterance,) = segmenter.flush()
    assert np.array_equal(utterance, speech)
    assert segmenter.flush() == []


def test_long_speech_is_cut_where_it_is_quiet():
    """Ten seconds of syllables, no pause of 0.6 s: cut in the gap at 2.5 s, no sample lost or doubled."""
    samples = noise(10.0, -20.0)
    samples[np.arange(len(samples)) % (RATE // 4) < RATE // 20] *= 0.1  # 50 ms of every 250 ms at -40 dBFS
    samples[round(2.5 * RATE) : round(2.6 * RATE)] *= 0.01
    segmenter = Segmenter(max_seconds=4.0)
    pieces = segmenter.push(samples) + segmenter.flush()
    assert max(len(p) for p in pieces) <= 4 * RATE
    assert len(pieces[0]) / RATE == pytest.approx(2.55, abs=0.05)
    assert np.array_equal(np.concatenate(pieces), samples)


@pytest.mark.parametrize("piece", [100, 16_000])
def test_what_was_given_so_far_stays(piece):
    """Every 1.0 s, and where it may have ended; one that is too long is cut behind what was given."""
    speech = noise(9.0, -20.0)
    speech[np.arange(len(speech)) % (RATE // 4) < RATE // 20] *= 0.1  # syllables
    samples = np.concatenate([noise(1.0, -70.0, seed=1), speech, noise(1.0, -70.0, seed=1)])
    segmenter, so_far, given = Segmenter(max_seconds=4.0, partial_s=1.0), [], []
    for k in range(0, len(samples), piece):
        for utterance, whole in segmenter.steps(samples[k : k + piece]):
            so_far.append(utterance)
            if whole:
                given.append([len(one) / RATE for one in so_far])
                assert all(np.array_equal(one, utterance[: len(one)]) for one in so_far)
                so_far = []
    assert len(given) == 3 and given[0][:3] == [1.0, 2.0, 3.0] and 3.0 <= given[0][-1] <= 4.0
    assert given[-1][-1] == pytest.approx(given[-1][-2] + 0.08)  # after 0.24 and 0.32 s of silence


def test_not_finite():
    """NaN neither opens an utterance nor deafens the floor; inside one the encoder is to see it."""
    samples = scene()
    samples[100:200] = np.nan
    samples[round(1.5 * RATE)] = np.inf
    first, second = Segmenter().push(samples)
    assert np.isinf(first).any() and np.isfinite(second).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"sample_rate": 0},
        {"threshold_db": 0.0},
        {"hangover_s": 0.0},
        {"hangover_s": 5.0, "max_seconds": 4.0},
        {"partial_s": 0.2},
    ],
)
def test_wrong_parameters(wrong):
    """Refused when made, in one sentence."""
    with pytest.raises(ValueError, match="must be"):
        Segmenter(**wrong)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.9, 4.0, 4.01, 9.3, 60.0])
def test_split_covers_everything(seconds):
    """The pieces join up, none is over the limit, and their frames add up to the whole's."""
    samples = noise(seconds, -20.0)
    pieces = split(samples, 4 * RATE)
    assert np.array_equal(np.concatenate([samples[p] for p in pieces]), samples)
    assert all(p.stop - p.start <= 4 * RATE for p in pieces)
    assert sum(frame_count(p.stop - p.start) for p in pieces) == frame_count(len(samples))
    if len(pieces) > 1:
        assert min(p.stop - p.start for p in pieces) >= RATE - HOP


def test_split_at_the_quietest_point():
    """A gap of 0.2 s at 3.0 s is where the first piece ends, at a multiple of the hop."""
    samples = noise(6.0, -20.0)
    samples[round(2.9 * RATE) : round(3.1 * RATE)] *= 1e-3
    first, second = split(samples, 4 * RATE)
    assert first.stop == second.start and first.stop % HOP == 0
    assert first.stop / RATE == pytest.approx(3.0, abs=0.06)


def test_split_needs_room():
    """A limit under four hops leaves no choice."""
    with pytest.raises(ValueError, match="at least"):
        split(np.zeros(10_000, np.float32), 3 * HOP)
