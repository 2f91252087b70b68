"""C/N0 that is printed against C/N0 that an outsider measures in what `record` writes: power while it is on the air
over noise density, all rates and profiles. And the spectra of those files: images, and noise in the audio band."""

import re

import numpy as np
import pytest
import soundfile
from deepsc_host.files.baseband import BasebandWriter, check_room
from deepsc_host.show import report
from scipy.signal import welch

from gr_deepsc.codec.contextual import frames_for
from gr_deepsc.codec.rates import CODECS, RATES
from gr_deepsc.framing import SYMBOLS_PER_FRAME
from gr_deepsc.joined import joined
from gr_deepsc.phy import impair, units
from gr_deepsc.phy.air import Air, Path
from gr_deepsc.phy.channel import complex_gaussian
from gr_deepsc.phy.frame import STRENGTH
from gr_deepsc.phy.framer import LEVEL_DB, Framer, suiting
from gr_deepsc.phy.pulse import SAMPLES_PER_SYMBOL
from gr_deepsc.phy.resample import Resampler, low_pass
from gr_deepsc.radio.iqfile import IqFileError, IqReader
from gr_deepsc.radio.profiles import PROFILES
from gr_deepsc.result import Result

ES_N0_DB = 20.0
SIZES = {
    f"{rate}, {text} characters": (codec, frames_for(text, rate)) for codec, rate in CODECS.items() for text in (16, 77)
}
SIZES["520, two bursts"] = (8, 500)
SIZES["paper, 5 s"] = (4, 125)


def payload(frames, seed=1):
    symbols = complex_gaussian(np.random.default_rng(seed), SYMBOLS_PER_FRAME * frames)
    return (symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64)


def written(folder, profile, bursts):
    """What `record` writes of bursts, as another program reads it: complex, or real of a wav."""
    path = folder / ("x.wav" if profile == "audio" else "x.sigmf-meta")
    with BasebandWriter(str(path), PROFILES[profile]) as writer:
        for burst in bursts:
            writer.write(burst)
    if profile == "audio":
        return soundfile.read(path)[0]
    return np.concatenate([*IqReader(path).chunks(1 << 20)])


def on_the_air(samples, per_symbol):
    """Which samples belong to a burst: the mean power of 16 symbols about them is a quarter of the burst's or more."""
    window = np.ones(16 * per_symbol) / (16 * per_symbol)
    power = np.convolve(np.abs(samples) ** 2, window, "same")
    return power > 0.25 * np.median(power[power > 1e-2 * power.max()])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("profile", PROFILES)
def test_printed_is_what_is_measured(tmp_path, profile, size):
    """Noise of N0 = Es / 100, Es being the payload's power over the symbol rate; within 0.1 dB.

    Half the power of a real signal, and half the density to either side of 0 Hz: the ratio is the complex one's.
    """
    (codec, frames), about = SIZES[size], PROFILES[profile]
    bursts = [each.samples for each in Framer(silence=400)(payload(frames), codec, 0, 0)]
    clean = written(tmp_path, profile, bursts)
    real = profile == "audio"
    n0 = 10 ** ((LEVEL_DB - ES_N0_DB) / 10) / about.symbol_rate / (2 if real else 1)
    rng = np.random.default_rng(2)
    noise_power = n0 * about.sample_rate / (2 if real else 1)
    noise = rng.standard_normal(len(clean)) if real else complex_gaussian(rng, len(clean))
    noisy = clean + np.sqrt(noise_power) * noise
    sent = on_the_air(clean, round(about.sample_rate / about.symbol_rate))
    measured = 10 * np.log10((np.mean(np.abs(noisy[sent]) ** 2) - noise_power) / n0)

    known = {"n_symbols": SYMBOLS_PER_FRAME * frames, "n_bursts": len(bursts), "codec": codec}
    known["preamble"] = suiting(codec).name
    result = Result.of(known, symbol_rate=about.symbol_rate, es_n0_db=ES_N0_DB)
    assert result.cn0_dbhz == pytest.approx(measured, abs=0.1)
    assert result.snr_3khz_db == pytest.approx(measured - 10 * np.log10(3000), abs=0.1)
    [printed] = re.findall(r"\(SNR in 3 kHz (.*) dB, C/N0 (.*) dBHz\)", report.line(result))
    assert [float(each) for each in printed] == pytest.approx([result.snr_3khz_db, result.cn0_dbhz], abs=0.06)
    assert result.air_s == pytest.approx(sent.sum() / about.sample_rate, rel=0.02)


def test_between_payload_and_header():
    """A burst's mean power lies between its payload's and its header's, 10 lg 1.5 = 1.76 dB; a longer one's is nearer
    to the payload's. What a second of speech costs over N0 is C/N0 times the share of the time on the air."""
    last = 10 * np.log10(STRENGTH)
    for frames in (10, 40, 125, 375):
        known = {"n_symbols": 20 * frames, "n_bursts": 1, "codec": 8, "preamble": "long", "text": "four words are here"}
        result = Result.of(known, symbol_rate=1200.0, es_n0_db=0.0, seconds=frames / 25)
        above = result.cn0_dbhz - 10 * np.log10(1200)
        assert 0 < above < last
        last = above
        share = 10 * np.log10(result.air_s / result.seconds)
        assert result.speech_cn0_dbhz == pytest.approx(result.cn0_dbhz + share, abs=0.02)
        word = result.speech_cn0_dbhz + 10 * np.log10(result.seconds / 4)
        assert result.word_n0_db == pytest.approx(word, abs=0.02)
        assert result.air_symbols_per_second == pytest.approx(result.air_symbols / result.seconds, abs=0.01)


def test_without_a_burst_the_payload_is_all():
    """--csi ideal: nothing is on the air, and a second of 500 symbols costs 27 dB more than one symbol does."""
    result = Result(n_symbols=1000, seconds=2.0, es_n0_db_set=3.0, text="a b").in_radio_units()
    assert (result.cn0_dbhz, result.snr_3khz_db, result.air_s) == (None, None, None)
    assert (result.speech_cn0_dbhz, result.word_n0_db) == (29.99, 29.99)
    assert "C/N0" not in report.line(result)


def test_of_several_utterances():
    """Powers of both, by their lengths; the sizes are sums."""
    known = [
        {"n_symbols": n, "n_bursts": 1, "preamble": "long", "symbol_rate": 1200.0, "es_n0_db": 1.0} for n in (400, 4000)
    ]
    parts = [Result.of(each) for each in known]
    whole = joined(parts).in_radio_units()
    powers = [10 ** (each.cn0_dbhz / 10) for each in parts]
    expected = np.average(powers, weights=[each.air_symbols for each in parts])
    assert whole.cn0_dbhz == pytest.approx(10 * np.log10(expected), abs=0.02)
    assert whole.air_s == pytest.approx(sum(each.air_s for each in parts), abs=1e-3)


def test_conversions():
    assert units.energy_n0_db(-2, 500) == pytest.approx(-2 + 10 * np.log10(500))
    assert units.snr_3khz_db(10 * np.log10(3000)) == pytest.approx(0)
    assert units.OnAir(10, 15.0).cn0_dbhz(1.0, 100) == pytest.approx(1 + 20 + 10 * np.log10(1.5))


def test_images_are_those_of_the_flowgraph(tmp_path):
    """A burst at 2 Msample/s: its pulse's foot reaches 100 kHz; images, 200 kHz apart, are 98 dB below its peak.

    `hackrf_tx` interpolates by the same taps: sample by sample the same."""
    from gnuradio import blocks, filter, gr

    (burst,) = (each.samples for each in Framer(silence=200)(payload(375), 8, 0, 0))
    samples = written(tmp_path, "hackrf", [burst]).astype(complex)
    frequency, density = welch(samples, 2e6, "blackmanharris", 1 << 13, return_onesided=False, detrend=False)
    away = np.abs(frequency - 250e3) > 135e3
    assert 10 * np.log10(density[away].max() / density.max()) < -98

    top_block, out = gr.top_block(), blocks.vector_sink_c()
    interpolator = filter.rational_resampler_ccf(interpolation=10, decimation=1, taps=low_pass(10))
    top_block.connect(blocks.vector_source_c(burst.tolist() + [0] * 100), interpolator, out)
    top_block.run()
    resampler = Resampler(10.0)
    ours = np.concatenate([resampler.push(burst), resampler.flush()])
    ours = ours[len(low_pass(10)) // 2 :]  # GNU Radio begins where all of the filter is on the stream
    np.testing.assert_allclose(np.array(out.data())[: len(ours)], ours, atol=2e-4)  # single precision, in another order


def test_noise_of_a_wav_is_flat(tmp_path):
    """Complex noise of N0 a sample, 4,800 a second, has N0 / 4800 a hertz; of its real part half is above 0 Hz. Two
    minutes in bins of 94 Hz: 1.5 % each. Flat where a signal is that the receiver finds (1500 +- 870 Hz)."""
    n0 = 1e-2
    noise = impair.noise(np.zeros(120 * 4800, np.complex64), n0, np.random.default_rng(3))
    frequency, density = welch(written(tmp_path, "audio", [noise]), 48_000, nperseg=512)
    inside = np.abs(frequency - 1500) < 900
    np.testing.assert_allclose(density[inside], n0 / 4800 / 2, rtol=0.06)
    assert density[frequency < 500].max() < 1.06 * n0 / 4800 / 2
    assert density[frequency > 4000].max() < 1e-6 * n0 / 4800


def test_es_n0_of_a_wav_is_what_was_asked_for(tmp_path):
    """Burst and path as `record --channel awgn` has them, N0 measured in each sixth of the signal's band before the
    burst, the power in the burst: C/N0 within 0.2 dB of what is printed, in every sixth."""
    about, silence = PROFILES["audio"], 240_000
    (burst,) = (each.samples for each in Framer(silence=silence)(payload(375), 8, 0, 0))
    received = Path(Air("awgn", 3.0), seed=4)(burst, LEVEL_DB, 0, 0)
    samples = written(tmp_path, "audio", [received])
    before = round(silence / SAMPLES_PER_SYMBOL * 40)
    frequency, quiet = welch(samples[: before - 1000], about.sample_rate, nperseg=1024)
    _, loud = welch(samples[before + 1000 : len(samples) - before - 1000], about.sample_rate, nperseg=1024)
    inside = np.abs(frequency - 1500) < 750
    power = np.sum((loud - quiet)[inside]) * (frequency[1] - frequency[0])
    result = Result.of({"n_symbols": 7500, "n_bursts": 1, "preamble": "long"}, symbol_rate=1200.0, es_n0_db=3.0)
    for sixth in np.array_split(np.flatnonzero(inside), 6):
        assert 10 * np.log10(power / quiet[sixth].mean()) == pytest.approx(result.cn0_dbhz, abs=0.2)


def test_a_signal_that_would_fold_is_refused():
    """2,500 symbols a second reach 1,562.5 Hz below the carrier at 1,500 Hz."""
    check_room("x.wav", 2400, 1500, 48_000, real=True)
    with pytest.raises(IqFileError, match="no room"):
        check_room("x.wav", 2500, 1500, 48_000, real=True)


def test_all_rates_are_in_here():
    assert {CODECS[codec] for codec, _ in SIZES.values() if codec in CODECS} == set(RATES)
