"""Waveform -> time-frequency features, as convolutions with a Fourier basis so that they export to plain ONNX."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.framing import HOP
from gr_deepsc.voice.mel import mel_filters

from .recurrent import valid_mask

HOP_IN = 160  # samples a spectrum, 10 ms: four spectra for one feature frame
SPECTRA_PER_FRAME = HOP // HOP_IN


def fourier_basis(window: Tensor) -> Tensor:
    """Convolution kernels [2 * bins, 1, n] whose outputs are the real, then the imaginary parts of a windowed DFT."""
    n = len(window)
    angle = 2 * torch.pi * torch.outer(torch.arange(n // 2 + 1), torch.arange(n)) / n
    return (torch.cat([angle.cos(), -angle.sin()]) * window)[:, None].float()


def pad_to_frames(waveform: Tensor) -> Tensor:
    """[batch, samples] with zeros appended up to a whole number of feature frames."""
    return F.pad(waveform, (0, -waveform.shape[1] % HOP))


class PowerSpectrum(nn.Module):
    """|DFT|^2 of windows centred at 160 k + `centre`: [batch, samples] -> [batch, bins, samples / 160]."""

    def __init__(self, window: Tensor, centre: int):
        super().__init__()
        self.pad = (len(window) // 2 - centre, len(window) // 2 + centre - HOP_IN)
        self.register_buffer("basis", fourier_basis(window), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        # in full precision also on a GPU: weak bins lie 60 dB and more below the strong ones of the same window
        full = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.autocast(waveform.device.type, enabled=False), full:
            real, imaginary = F.conv1d(F.pad(waveform, self.pad)[:, None], self.basis, stride=HOP_IN).chunk(2, dim=1)
            return real**2 + imaginary**2


class LogSpectrum(nn.Module):
    """The paper's input: log power of 161 bins, each bin normalised over the utterance.

    20 ms Hamming windows every 10 ms, centred in their hop: 100 spectra for 16,000 samples.
    """

    def __init__(self):
        super().__init__()
        self.spectrum = PowerSpectrum(torch.hamming_window(320, periodic=False), centre=HOP_IN // 2)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> Tensor:
        """[batch, samples] (and true lengths in samples, int64 [batch]) -> [batch, time, 161], zero beyond the end."""
        log_psd = torch.log(self.spectrum(pad_to_frames(waveform)) + 1e-14)
        if lengths is None:
            centred = log_psd - log_psd.mean(2, keepdim=True)
            deviation = centred.square().mean(2, keepdim=True).sqrt()
            return (centred / (deviation + 1e-6)).transpose(1, 2)
        spectra = -(-lengths // HOP) * SPECTRA_PER_FRAME
        valid = valid_mask(spectra, log_psd.shape[2])[:, None].float()
        count = spectra[:, None, None]
        centred = (log_psd - (log_psd * valid).sum(2, keepdim=True) / count) * valid
        deviation = (centred.square().sum(2, keepdim=True) / count).sqrt()
        return (centred / (deviation + 1e-6)).transpose(1, 2)


class LogMel(nn.Module):
    """Whisper's input: log10 mel energies, 80 bands, floored 8 decades below the utterance's maximum.

    25 ms Hann windows every 10 ms, centred at multiples of 10 ms; the very first and last are completed with zeros
    (Whisper reflects the signal there; the difference is one window at either end).
    """

    def __init__(self, bands: int = 80):
        super().__init__()
        self.spectrum = PowerSpectrum(torch.hann_window(400), centre=0)
        self.register_buffer("filters", torch.from_numpy(mel_filters(400, bands)), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """[batch, samples] -> [batch, 80, time]. Zeros appended to a waveform do not change its other frames."""
        log_mel = torch.log10((self.filters @ self.spectrum(pad_to_frames(waveform))).clamp(min=1e-10))
        floor = log_mel.amax(dim=(1, 2), keepdim=True) - 8
        return (torch.maximum(log_mel, floor) + 4) / 4
