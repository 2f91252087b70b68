"""Text and user ID -> log-mel spectrogram, all frames at once: durations are predicted, so it always ends.

After FastSpeech (Ren et al. 2019), with the Gaussian upsampling of non-attentive Tacotron (Shen et al. 2020) and the
pitch of FastPitch (Łańcucki 2021). It takes letters and, where the word is in the dictionary, what each one stands for
(`gr_deepsc.voice.pronunciation`); other words the encoder learns to pronounce.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.voice.pronunciation import SILENT, UNKNOWN, units

from ...layers.recurrent import BiGRU, valid_mask
from ..mel import FRAME_RATE, MELS
from ..spoken import EDGE, edged, edged_phones

MAX_FRAMES = 25  # mel frames, 0.4 s: no token is spoken for longer, whatever is predicted


@dataclass(frozen=True)
class AcousticDims:
    """Sizes of the parallel model; the decoder works on pairs of mel frames."""

    speakers: int = 2
    width: int = 256
    encoder_convs: int = 3
    encoder_layers: int = 2  # BiGRUs
    decoder_convs: int = 4
    decoder_units: int = 256  # a direction of its BiGRU
    postnet: int = 128
    kernel: int = 5
    dropout: float = 0.1


@dataclass(frozen=True)
class Prosody:
    """What is known or predicted of each token, float32 [batch, n]."""

    log_duration: Tensor  # natural logarithm of mel frames
    pitch: Tensor  # log F0 in the speaker's own standard deviations from the speaker's mean


class ConvBlock(nn.Module):
    """Convolution over time, ReLU, layer norm, residual: [batch, time, width] -> the same, zero outside the mask."""

    def __init__(self, width: int, kernel: int, dropout: float):
        super().__init__()
        self.conv = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`mask`: bool [batch, time, 1]; None: all is valid."""
        y = self.norm(F.relu(self.conv(x.transpose(1, 2)).transpose(1, 2).float()))
        x = x + self.dropout(y)
        return x if mask is None else x * mask


class TextEncoder(nn.Module):
    """Tokens and their phones -> what they sound like, whoever speaks: int64 [batch, n] twice -> [batch, n, width]."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.embedding = nn.Embedding(EDGE + 1, dims.width)
        self.phones = nn.Embedding(len(units()), dims.width, padding_idx=UNKNOWN)  # an unknown one adds nothing
        nn.init.zeros_(self.phones.weight)
        self.convs = nn.ModuleList(ConvBlock(dims.width, dims.kernel, dims.dropout) for _ in range(dims.encoder_convs))
        self.grus = nn.ModuleList(BiGRU(dims.width, dims.width // 2) for _ in range(dims.encoder_layers))
        self.dropout = nn.Dropout(dims.dropout)

    def forward(self, tokens: Tensor, phones: Tensor, counts: Tensor | None = None) -> Tensor:
        """`counts`: int64 [batch], how many of the tokens are valid; None: all."""
        mask = None if counts is None else valid_mask(counts, tokens.shape[1])[..., None]
        x = self.embedding(tokens) + self.phones(phones)
        x = x if mask is None else x * mask
        for conv in self.convs:
            x = conv(x, mask)
        for gru in self.grus:
            x = x + self.dropout(gru(x, counts))
        return x if mask is None else x * mask


class ProsodyPredictor(nn.Module):
    """Encoder states of a speaker [batch, n, width] -> log duration and pitch of each token."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.convs = nn.ModuleList(ConvBlock(dims.width, 3, 0.3) for _ in range(2))
        self.output = nn.Linear(dims.width, 2)

    def forward(self, x: Tensor, mask: Tensor | None) -> Prosody:
        """`mask`: bool [batch, n, 1]; None: all is valid."""
        for conv in self.convs:
            x = conv(x, mask)
        log_duration, pitch = self.output(x).unbind(2)
        return Prosody(log_duration, pitch)


def soft_alignment(durations: Tensor, steps: Tensor | int, reduction: int) -> tuple[Tensor, Tensor]:
    """Which tokens speak in each step of `reduction` mel frames, by a Gaussian about each token's middle.

    float32 [batch, n] mel frames, 0 where there is no token -> weights, and distances of the steps' middles from the
    tokens' in mel frames, both [batch, steps, n].
    """
    time = reduction * (torch.arange(steps, device=durations.device) + 0.5)
    centre = durations.cumsum(1) - durations / 2
    sigma = 0.4 * durations.clamp(min=1.0) + 0.2
    offset = time[None, :, None] - centre[:, None]
    score = -0.5 * (offset / sigma[:, None]) ** 2 - sigma.log()[:, None]
    return score.masked_fill((durations <= 0)[:, None], -1e9).softmax(2), offset


def upsample(states: Tensor, durations: Tensor, steps: Tensor | int) -> tuple[Tensor, Tensor]:
    """Token states spread over pairs of mel frames by a Gaussian about each token's middle.

    Args:
        states: [batch, n, width].
        durations: float32 [batch, n], mel frames; 0 where there is no token.
        steps: pairs of frames.

    Returns:
        [batch, steps, width], and [batch, steps, 2]: where in its token each step lies (-1..1) and log duration.
    """
    weights, offset = soft_alignment(durations, steps, 2)
    long = durations.clamp(min=1.0)
    within = (weights * (offset / long[:, None]).clamp(-1, 1)).sum(2)
    return weights @ states, torch.stack([within, (weights * long.log()[:, None]).sum(2)], 2)


class Decoder(nn.Module):
    """Upsampled states -> mel frames, in pairs: [batch, steps, width] -> two estimates [batch, 2 * steps, mels]."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.place = nn.Linear(2, dims.width)
        self.convs = nn.ModuleList(ConvBlock(dims.width, dims.kernel, dims.dropout) for _ in range(dims.decoder_convs))
        self.gru = BiGRU(dims.width, dims.decoder_units)
        self.output = nn.Linear(2 * dims.decoder_units, 2 * MELS)
        self.post_in = nn.Conv1d(MELS, dims.postnet, 5, padding=2)
        self.post = nn.ModuleList(ConvBlock(dims.postnet, 5, dims.dropout) for _ in range(2))
        self.post_out = nn.Linear(dims.postnet, MELS)

    def forward(self, x: Tensor, place: Tensor, steps: Tensor | None) -> tuple[Tensor, Tensor]:
        """`place` as of `upsample`; `steps`: int64 [batch], how many are valid; None: all."""
        mask = None if steps is None else valid_mask(steps, x.shape[1])[..., None]
        x = x + self.place(place)
        x = x if mask is None else x * mask
        for conv in self.convs:
            x = conv(x, mask)
        x = self.output(self.gru(x, steps))
        mel = x.reshape(x.shape[0], -1, MELS)
        mask = None if mask is None else mask.repeat_interleave(2, 1)
        mel = mel if mask is None else mel * mask
        y = F.relu(self.post_in(mel.transpose(1, 2)).transpose(1, 2).float())
        y = y if mask is None else y * mask
        for conv in self.post:
            y = conv(y, mask)
        return mel, mel + self.post_out(y)


class Acoustic(nn.Module):
    """The exported model. Inside, mels are normalised by `mel_mean` and `mel_scale` of the training data."""

    def __init__(self, dims: AcousticDims):
        super().__init__()
        self.dims = dims
        self.encoder = TextEncoder(dims)
        self.speaker = nn.Embedding(dims.speakers, dims.width)
        self.prosody = ProsodyPredictor(dims)
        self.pitch = nn.Conv1d(1, dims.width, 3, padding=1)
        self.decoder = Decoder(dims)
        self.register_buffer("mel_mean", torch.zeros(MELS))
        self.register_buffer("mel_scale", torch.ones(MELS))
        self.register_buffer("stretch", torch.ones(dims.speakers))  # mends the predicted durations' mean

    def states(
        self, tokens: Tensor, phones: Tensor, speakers: Tensor, counts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """int64 [batch, n] with edges twice, int64 [batch] -> encoder states without and with the speaker."""
        x = self.encoder(tokens, phones, counts)
        return x, x + self.speaker(speakers)[:, None]

    def durations(self, prosody: Prosody, speakers: Tensor) -> Tensor:
        """Mel frames of each token at the speaker's own pace, float32 [batch, n] in 1 to `MAX_FRAMES`."""
        lengths = prosody.log_duration.exp() * self.stretch[speakers][:, None]
        return lengths.clamp(1.0, MAX_FRAMES)

    def decode(
        self,
        x: Tensor,
        durations: Tensor,
        pitch: Tensor,
        counts: Tensor | None,
        steps: Tensor | int,
        valid: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """States with the speaker, prosody [batch, n] -> normalised mels before and after the post-net.

        `counts` tokens and `valid` of `steps` pairs of frames are no padding, int64 [batch]; None: all of them.
        """
        x = x + self.pitch(pitch[:, None]).transpose(1, 2)
        if counts is not None:
            x = x * valid_mask(counts, x.shape[1])[..., None]
        return self.decoder(*upsample(x, durations, steps), valid)

    def read(self, tokens: Tensor, phones: Tensor, user_id: Tensor, speed: Tensor) -> tuple[Tensor, Prosody, Tensor]:
        """Arguments as of `forward` -> states with the speaker, prosody, and eighths of a mel frame that each token is
        to last before they are rounded, float32 [1, n + 2]."""
        tokens = F.pad(tokens, (1, 1), value=EDGE)
        phones = F.pad(phones, (1, 1), value=SILENT)
        _, x = self.states(tokens, phones, user_id)
        prosody = self.prosody(x, None)
        durations = self.durations(prosody, user_id) / speed[:, None]
        return x, prosody, durations * 8

    def forward(self, tokens: Tensor, phones: Tensor, user_id: Tensor, speed: Tensor) -> Tensor:
        """One text, spoken.

        Args:
            tokens: int64 [1, n] of the alphabet, n >= 1.
            phones: int64 [1, n], what each one stands for: `pronunciation.pronounce`.
            user_id: int64 [1].
            speed: float32 [1], 1.0 is the speaker's own.

        Returns:
            Log-mels float32 [1, frames, 80]; frames <= 25 * (n + 2) / speed + 1.
        """
        x, prosody, eighths = self.read(tokens, phones, user_id, speed)
        durations = eighths.round() / 8  # eighths add up exactly, in whatever order they are added
        steps = (durations.sum() / 2).ceil().long()
        _, mel = self.decode(x, durations, prosody.pitch, None, steps)
        return mel * self.mel_scale + self.mel_mean


@torch.inference_mode()
def alignment(model: Acoustic, text: str, user: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-mels float32 [frames, 80] of a text, and where its n tokens, the edges included, begin and end.

    Returns:
        Mels, and float32 [n + 1] in seconds.
    """
    user_id = torch.tensor([user])
    tokens, phones = torch.tensor([edged(text)]), torch.tensor([edged_phones(text)])
    _, x = model.states(tokens, phones, user_id)
    durations = model.durations(model.prosody(x, None), user_id)[0]
    mel = model(tokens[:, 1:-1], phones[:, 1:-1], user_id, torch.ones(1))[0]
    return mel.numpy(), np.concatenate([[0], durations.cumsum(0).numpy()]) / FRAME_RATE


def parameters(model: nn.Module) -> int:
    """How many numbers are learnt."""
    return sum(p.numel() for p in model.parameters())
