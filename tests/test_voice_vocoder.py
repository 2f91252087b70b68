"""Vocoders but WaveNet: sources against theory, copies keep the mels, ONNX equals torch."""

import csv
import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from deepsc_export.onnx_files.trace import ParityError, check_parity
from deepsc_export.training import checkpoint
from deepsc_export.training.run import Plan
from deepsc_export.voice import crops, mel, pitch
from deepsc_export.voice.files import speech_like
from deepsc_export.voice.vocoder import export, losses, train
from deepsc_export.voice.vocoder.model import Onsets, Vocoder, VocoderDims
from deepsc_export.voice.vocoder.source import Fourier, pulses

from gr_deepsc.session import open_session
from gr_deepsc.voice import griffin_lim

RATE = 16_000
SMALL = VocoderDims(width=32, hidden=64, blocks=2, pitch_width=16)


@pytest.fixture
def small():
    torch.manual_seed(1)
    model = Vocoder(SMALL).eval()
    for parameter in model.parameters():  # no two tensors alike, as after training
        parameter.data += 0.01 * torch.randn(parameter.shape)
    return model


def harmonic(f0, seconds=1.0, harmonics=20):
    phase = 2 * np.pi * np.cumsum(np.full(int(RATE * seconds), f0) if np.isscalar(f0) else f0) / RATE
    return (0.05 * sum(np.cos(k * phase) / k for k in range(1, harmonics + 1))).astype(np.float32)


# --- pitch -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f0", [80.0, 143.7, 220.0, 387.0])
def test_pitch_of_harmonic_tones(f0):
    """Within 0.3 % (5 cents), not an octave off, although the lag is a whole number of samples at none of them."""
    found = pitch.track(harmonic(f0))
    assert found[4:-4] == pytest.approx(f0, rel=0.003)


def test_pitch_follows_a_glide_and_leaves_noise_alone():
    f0 = np.linspace(120, 240, RATE)
    found = pitch.track(harmonic(f0))[4:-4]
    wanted = f0[np.minimum(np.arange(4, 59) * 256, RATE - 1)]
    assert found == pytest.approx(wanted, rel=0.01)
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert (pitch.track(noise) > 0).mean() < 0.05
    assert not pitch.track(np.zeros(RATE, np.float32)).any()


# --- the fast vocoder --------------------------------------------------------------------------------------------


def test_pulses_are_flat_harmonics_of_unit_power():
    """1 s of 100 Hz: 79 lines of equal amplitude sqrt(2 / 79), to the norm's half a line; nothing in between."""
    x = pulses(torch.full((1, 64), 100.0))[0, :RATE].double().numpy()
    lines = np.abs(np.fft.rfft(x)) / RATE * 2
    wanted = 2 / math.sqrt(2 * 79 + 1)
    assert lines[100:7901:100] == pytest.approx(wanted, rel=0.01)
    between = np.delete(lines, np.arange(0, 8001, 100))
    assert between.max() < 0.01 * wanted
    assert x.var() == pytest.approx(1, rel=0.02)


def test_pulses_keep_their_phase_over_long_time():
    """After 60 s of 200 Hz in frames the phase is the closed form's: same samples as at the start."""
    x = pulses(torch.full((1, 3751), 200.0))[0]
    assert (x[-8000:] - x[:8000]).abs().max() < 1e-2  # of a peak of 9


def test_pulses_follow_a_glide_without_a_seam():
    """F0 from 100 to 300 Hz in 1 s passes 200 periods: as many positive peaks, and the phase has no jump."""
    x = pulses(torch.linspace(100, 300, 64)[None])[0].numpy()
    peaks = np.flatnonzero((x[1:-1] > 3.5) & (x[1:-1] >= x[:-2]) & (x[1:-1] > x[2:])) + 1
    assert len(peaks) == pytest.approx(200 * 63 * 256 / RATE, abs=1)
    intervals = np.diff(peaks)
    assert intervals[0] == pytest.approx(RATE / 101.6, abs=2) and intervals[-1] == pytest.approx(RATE / 300, abs=2)
    assert np.abs(np.diff(RATE / intervals)).max() < 25  # one sample of rounding at 300 Hz is 6 Hz


def test_fourier_inverts():
    """Analysis, then synthesis: the waveform, to float32's rounding; and analysis is torch's STFT."""
    waveform = torch.randn(2, 5 * 256, generator=torch.Generator().manual_seed(0))
    fourier, padded = Fourier(), torch.nn.functional.pad(waveform, (512, 512))
    spectra = fourier(padded)
    assert fourier.inverse(spectra).numpy() == pytest.approx(waveform.numpy(), abs=1e-5)
    reference = torch.stft(padded, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True)
    real, imaginary = spectra.chunk(2, 1)
    assert real.numpy() == pytest.approx(reference.real.numpy(), abs=1e-3)
    assert imaginary.numpy() == pytest.approx(reference.imag.numpy(), abs=1e-3)


def test_onsets_lie_about_the_middle_of_their_frame():
    """One frame's four gains alone: a trapezium from 160 samples before its middle to 160 after, in sources' time."""
    onsets = Onsets(8)
    onsets.output.bias.data[:] = 0
    with torch.inference_mode():
        assert torch.equal(onsets(torch.randn(2, 7, 80)), torch.ones(4, 10 * 256))
        onsets.input.weight.data[:] = 0
        onsets.input.weight.data[:, 0, 2] = 1
        onsets.output.weight.data[:, :, 1] = 0.1
        features = torch.zeros(1, 7, 80)
        features[0, 3, 0] = 10
        gains = onsets(features)
    touched = (gains[0] - gains[0, 0]).abs().gt(1e-6).nonzero()[:, 0]
    middle = 3 * 256 + 512
    assert (touched.min().item(), touched.max().item()) == (middle - 159, middle + 159)
    assert torch.equal(gains[0], gains[1])


@pytest.mark.parametrize("frames", [2, 3, 50])
def test_vocoder_shapes(small, frames):
    waveform = small(torch.randn(2, frames, 80) - 4)
    assert waveform.shape == (2, 256 * (frames - 1)) and torch.isfinite(waveform).all()


def test_untrained_vocoder_is_a_classic_one():
    """Given F0 and voicing, the sources and the mels alone give a harmonic tone back within 0.35 nepers of mel."""
    torch.manual_seed(0)
    model = Vocoder(VocoderDims()).eval()
    waveform = torch.from_numpy(harmonic(180.0)[: 62 * 256] + 1e-3 * np.random.default_rng(0).standard_normal(62 * 256))
    wanted = mel.log_mel(waveform.float()[None])
    frames = wanted.shape[1]
    with torch.inference_mode():
        noise = torch.randn(1, (frames + 3) * 256)
        made = model.synthesise(wanted, torch.full((1, frames), 180.0), torch.full((1, frames), 4.0), noise)
    loud = wanted > wanted.max() - 4
    difference = (mel.log_mel(made) - wanted).abs()
    assert difference[loud].mean() < 0.35
    assert pitch.track(made[0].numpy())[4:-4] == pytest.approx(180, rel=0.01)


def test_hostile_mels_stay_bounded(small):
    """Whatever an acoustic model puts out: finite, and no louder than its loudest band allows."""
    for value in (-50.0, -11.5, 5.0, 50.0):
        waveform = small(torch.full((1, 20, 80), value))
        assert torch.isfinite(waveform).all()


# --- ONNX --------------------------------------------------------------------------------------------------------


def test_onnx_parity_and_contract(small, tmp_path):
    """ONNX Runtime's waveform is torch's to 1e-4 at five lengths from 16 ms to 15 s: 2,400 periods keep phase."""
    path = tmp_path / "vocoder.onnx"
    assert export.export(small, path, "a test") < 1e-4
    contract = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert (contract["sample_rate"], contract["hop"], contract["mels"]) == ("16000", "256", "80")
    assert contract["training_data"] == "a test" and len(contract["checkpoint_sha256"]) == 64
    features = speech_like(100)
    (waveform,) = open_session(path).run(None, {"mel": features.numpy()})
    with torch.inference_mode():
        wanted = small(features).numpy()
    assert waveform.shape == (1, 256 * 99)
    # weights in half precision: 11 bits, so some 60 dB down where the phase agrees
    assert 10 * np.log10(np.square(wanted).mean() / np.square(wanted - waveform).mean()) > 30


def test_onnx_parity_check_can_fail(small, tmp_path):
    export.to_onnx(small, tmp_path / "a.onnx")
    small.output.bias.data[:513] += 0.1
    with pytest.raises(ParityError, match="differ by"):
        check_parity(small, tmp_path / "a.onnx", ["mel"], [(speech_like(40),)])


def test_weights_come_back_out_of_the_file(small, tmp_path):
    """Exact where stored in float32, else to half precision; another size is refused."""
    export.export(small, tmp_path / "vocoder.onnx", "a test")
    state = export.read_vocoder(tmp_path / "vocoder.onnx", SMALL)
    for key, value in small.state_dict().items():
        assert state[key].numpy() == pytest.approx(value.numpy(), rel=1e-3, abs=1e-6), key
    with pytest.raises(ValueError, match="no weight"):
        export.read_vocoder(tmp_path / "vocoder.onnx", replace(SMALL, width=48))


# --- training ----------------------------------------------------------------------------------------------------


class Tones:
    """A corpus of harmonic tones, as `Recordings` gives crops."""

    def crop(self, rng, frames):
        f0 = rng.uniform(100, 300)
        return (harmonic(f0, frames * 256 / RATE), np.full(frames + 1, f0, np.float32), np.ones(frames + 1, bool))


def test_training_lowers_the_loss_and_resumes(tmp_path):
    """20 steps on tones; a resumed run has the same weights and goes on; the discriminators join."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = {"corpora": [Tones()], "valid": [harmonic(150.0)], "batch": 2, "frames": 24}

    def training(steps: int, **more) -> train.Training:
        plan = Plan(tmp_path, (steps, "steps"), save_every=(5, "steps"))
        return train.Training(plan, Vocoder(SMALL), **settings, **more)

    training(20).train()
    again = training(21, judged_from=0.0)
    assert again.run.steps == 20
    kept = checkpoint.best(tmp_path).networks["vocoder"]
    for key, value in again.run.average("vocoder").state_dict().items():
        assert torch.equal(kept[key], value.cpu()), key
    again.train()
    with (tmp_path / "log.csv").open() as file:
        first, *_, last, judged = csv.DictReader(file)  # means of five steps each, and the last one
    for loss in ("mel", "spectral", "pitch"):
        assert float(last[loss]) < float(first[loss]), loss
    # hinge loss of a discriminator that knows nothing
    assert judged["steps"] == "21" and float(judged["judge"]) == pytest.approx(2, abs=0.5)


def test_predicted_mels_lie_on_their_waveform():
    """A crop's mels are those of its waveform at the crop's own level, where a model predicts them without error."""
    wave = harmonic(150.0, 2.0)
    mels = mel.mel_of(wave).astype(np.float16)
    exact = crops.Predicted([wave], [np.full(len(mels), 150, np.float32)], [mels])
    drawn = crops.draw([exact], 4, 24, np.random.default_rng(0))
    assert drawn.mel.shape == (4, 25, 80) and drawn.f0.shape == drawn.voiced.shape == (4, 25)
    heard = drawn.mel[:, 2:23] > math.log(mel.FLOOR) + 2  # at the ends a crop is reflected; the floor has no level
    assert (mel.log_mel(drawn.waveform) - drawn.mel)[:, 2:23][heard].abs().mean() < 0.02


def test_spectral_loss_is_zero_for_equals_and_knows_level():
    """Twice the amplitude: spectral convergence 0.5, log magnitudes ln 2 (less what lies below the floor)."""
    noise = torch.randn(2, 8192, generator=torch.Generator().manual_seed(0))
    assert losses.spectral_loss(noise, noise).item() == 0
    assert losses.spectral_loss(noise, 2 * noise).item() == pytest.approx(0.5 + math.log(2), abs=0.01)
    assert losses.mel_distance(noise, 2 * noise).item() == pytest.approx(math.log(2), abs=1e-3)


def test_unvoiced_pitch_is_interpolated():
    found = crops.through(np.array([0, 100, 0, 400, 0], np.float32))
    assert found == pytest.approx([100, 100, 200, 400, 400])
    assert crops.through(np.zeros(3)) == pytest.approx(160)


# --- Griffin-Lim -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [1, 2, 3, 63])
def test_griffin_lim_keeps_mels(frames):
    """A voice-like tone in noise comes back with its mels: 0.15 nepers on average, and its length."""
    waveform = harmonic(170.0, 62 * 256 / RATE) + 0.003 * np.random.default_rng(0).standard_normal(62 * 256)
    wanted = mel.log_mel(torch.from_numpy(waveform.astype(np.float32))[None])[0, :frames].numpy()
    made = griffin_lim.griffin_lim(wanted)
    assert made.shape == (256 * (frames - 1),) and made.dtype == np.float32
    if frames > 3:
        assert np.abs(mel.log_mel(torch.from_numpy(made)[None])[0].numpy() - wanted).mean() < 0.15


def test_magnitudes_have_the_mels():
    wanted = mel.log_mel(torch.from_numpy(harmonic(210.0))[None])[0].numpy()
    found = griffin_lim.magnitudes(wanted)
    assert (found >= 0).all()
    difference = np.log(mel.band_filters().numpy() @ found).T - wanted
    assert np.abs(difference).mean() < 0.2  # nothing but a few lines: narrower than any band
