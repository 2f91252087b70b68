"""The networks: the paper's parameter count, one framing for all, and padding that changes nothing."""

import numpy as np
import pytest
import torch
from deepsc_export.codec.model import Codec
from deepsc_export.codec.system import parameter_counts
from deepsc_export.layers import frontend
from deepsc_export.layers.recurrent import reverse
from deepsc_export.recogniser.config import CONFIGS, CodecDims, ConvDims, DeepSpeechDims, WhisperDims
from deepsc_export.recogniser.model import build, frames_of

from gr_deepsc.framing import frame_count
from gr_deepsc.voice.mel import mel_filters

SMALL = {
    "deepspeech": DeepSpeechDims((ConvDims(4, (11, 11), (2, 2)), ConvDims(4, (11, 11), (2, 2))), 2, 16),
    "whisper": WhisperDims(width=32, heads=2, layers=2, head_layers=2, head_units=16),
}


@pytest.fixture(params=SMALL)
def recogniser(request):
    torch.manual_seed(1)
    model = build(SMALL[request.param]).eval()
    for name, buffer in model.named_buffers():  # a trained BatchNorm is not the identity
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.5, 1.5)
    return model


def test_paper_parameter_count():
    """85,796,042 is the paper's figure for DeepSC-ST, 85,788,733 its figure for Deep Speech 2 alone."""
    assert parameter_counts(CONFIGS["paper"]) == (85_788_733, 85_796_042)


def test_paper_codec_parameter_count():
    """Decoder (40, 40, 29): 4,469; encoder (40, 40): 2,840."""
    codec = Codec(CONFIGS["paper"].codec)
    counts = [sum(p.numel() for p in half.parameters()) for half in (codec.encoder, codec.decoder)]
    assert counts == [2_840, 4_469]


@pytest.mark.parametrize("samples", [1, 639, 640, 641, 16_000, 33_333])
def test_frames(recogniser, samples):
    """25 frames a second, the last one partial: the framing that gr_deepsc.framing states."""
    logits = recogniser(torch.randn(1, samples))
    assert logits.shape == (1, frame_count(samples), 29)
    assert int(frames_of(torch.tensor(samples))) == frame_count(samples)


def test_padding_does_not_leak(recogniser):
    """An utterance padded in a batch gives the logits it gives alone, to float32's accuracy."""
    long, short = torch.randn(1, 40_000), torch.randn(1, 25_000)
    batch = torch.zeros(2, 40_000)
    batch[0], batch[1, :25_000] = long[0], short[0]
    with torch.inference_mode():
        together = recogniser(batch, torch.tensor([40_000, 25_000]))
        alone = [recogniser(long), recogniser(short)]
    for row, single in zip(together, alone, strict=True):
        assert (row[: single.shape[1]] - single[0]).abs().max() < 1e-5


def test_codec_padding_does_not_leak():
    """Nor does padding change the power normalisation or the decoder's context."""
    torch.manual_seed(2)
    codec = Codec(CodecDims(reliability=True, context=8)).eval()
    p = torch.softmax(torch.randn(2, 30, 29), -1)
    frames = torch.tensor([30, 18])
    symbols = codec.encoder(p, frames)
    alone = codec.encoder(p[1:, :18])
    assert (symbols[1, : 18 * 20] - alone[0]).abs().max() < 1e-6
    rho = torch.rand(2, 600)
    decoded = codec.decoder(symbols, rho, frames)
    assert (decoded[1, :18] - codec.decoder(alone, rho[1:, :360])[0]).abs().max() < 1e-5


def test_unit_power():
    """E|x|^2 = 1 over the utterance, whatever P is."""
    codec = Codec(CodecDims(reliability=True, context=8))
    symbols = codec.encoder(torch.softmax(5 * torch.randn(3, 50, 29), -1))
    assert symbols.square().sum(-1).mean(-1).detach().numpy() == pytest.approx(1.0, abs=1e-5)


def test_reverse():
    x = torch.arange(10.0).reshape(2, 5, 1)
    assert reverse(x, torch.tensor([5, 3]))[..., 0].tolist() == [[4, 3, 2, 1, 0], [7, 6, 5, 8, 9]]


def test_spectrum_is_a_dft():
    """A bin-centred sine of amplitude a through a window w has power (a sum(w) / 2)^2 in its bin."""
    window = torch.hamming_window(320, periodic=False)
    spectrum = frontend.PowerSpectrum(window, centre=80)
    sine = 0.5 * torch.sin(2 * torch.pi * 1000 * torch.arange(16_000) / 16_000)
    power = spectrum(sine[None])[0]
    assert power.shape == (161, 100)
    assert power[20, 50].item() == pytest.approx((0.5 * window.sum().item() / 2) ** 2, rel=1e-3)
    assert power[40, 50] < 1e-5 * power[20, 50]


def test_log_spectrum_is_normalised():
    """Each bin has zero mean and unit deviation over the utterance, so level does not matter."""
    audio = torch.randn(1, 32_000)
    features = frontend.LogSpectrum()(audio)[0].numpy()
    assert np.abs(features.mean(0)).max() < 1e-4
    assert features.std(0) == pytest.approx(1.0, abs=1e-4)
    assert np.abs(frontend.LogSpectrum()(0.01 * audio)[0].numpy() - features).max() < 1e-3


def test_mel_filters():
    """Slaney's filters: unit area in Hz, peaks evenly spaced below 1 kHz (200/3 Hz a mel)."""
    filters = mel_filters(400, 80)
    assert filters.shape == (80, 201)
    assert filters[45:].sum(1) * 40 == pytest.approx(1.0, rel=0.03)  # bins are 40 Hz apart
    spread = np.diff(filters[:20].argmax(1))
    assert set(spread) <= {0, 1, 2} and filters.argmax(1).max() == 192
