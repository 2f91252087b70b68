"""The two semantic encoders behind one interface: waveform -> logits of the 29 tokens, 25 frames a second."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gr_deepsc.framing import HOP
from gr_deepsc.text import TOKENS

from ..layers.frontend import LogSpectrum
from ..layers.recurrent import BiGRU, FrameBatchNorm, valid_mask
from .config import ConvDims, DeepSpeechDims, WhisperDims
from .whisper import WhisperEncoder

SpecAugment = Callable[[Tensor], Tensor]


def frames_of(samples: Tensor) -> Tensor:
    """Feature frames of waveforms of so many samples (int64 in and out), as `gr_deepsc.framing.frame_count`."""
    return -(-samples // HOP)


class ConvModule(nn.Module):
    """Convolution over (time, frequency), ReLU6, batch normalisation: [batch, channels, time, bins] -> the same."""

    def __init__(self, channels: int, dims: ConvDims):
        super().__init__()
        self.stride = dims.stride[0]
        self.conv = nn.Conv2d(channels, dims.filters, dims.kernel, dims.stride, dims.padding, bias=False)
        self.norm = FrameBatchNorm(dims.filters)

    def forward(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        x = F.relu6(self.conv(x)).transpose(1, 2)  # [batch, time, channels, bins]
        return self.norm(x, lengths).transpose(1, 2)


class DeepSpeech(nn.Module):
    """The paper's semantic encoder (its section IV-B, which is Deep Speech 2): CNN and BiGRU modules."""

    def __init__(self, dims: DeepSpeechDims):
        super().__init__()
        self.frontend = LogSpectrum()
        channels, bins, self.conv = 1, dims.bins, nn.ModuleList()
        for conv in dims.conv:
            self.conv.append(ConvModule(channels, conv))
            channels, bins = conv.filters, (bins + 2 * conv.padding[1] - conv.kernel[1]) // conv.stride[1] + 1
        width, self.gru, self.norm = channels * bins, nn.ModuleList(), nn.ModuleList()
        for _ in range(dims.gru_layers):
            self.gru.append(BiGRU(width, dims.gru_units))
            width = 2 * dims.gru_units
            self.norm.append(FrameBatchNorm(width))
        self.output = nn.Linear(width, TOKENS)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None, augment: SpecAugment | None = None) -> Tensor:
        """[batch, samples] (and their true lengths) -> logits [batch, frames, 29]."""
        return self.output(self.hidden(waveform, lengths, augment)[-1])

    def hidden(
        self, waveform: Tensor, lengths: Tensor | None = None, augment: SpecAugment | None = None
    ) -> list[Tensor]:
        """What each BiGRU module puts out: [batch, frames, 2 * gru_units]."""
        x = self.frontend(waveform, lengths)  # [batch, time, bins]
        if augment is not None:
            x = augment(x)
        x, steps = x[:, None], None if lengths is None else frames_of(lengths) * 4
        for module in self.conv:
            steps = None if steps is None else steps // module.stride
            x = module(x, steps)
        x = x.transpose(1, 2).flatten(2).float()  # [batch, frames, channels * bins]
        out = []
        with torch.autocast(x.device.type, enabled=False):  # cuDNN's half is float16: small gradients would vanish
            for gru, norm in zip(self.gru, self.norm, strict=True):
                x = norm(gru(x, steps), steps)
                out.append(x)
        return out


class WhisperRecogniser(nn.Module):
    """Whisper's encoder, pairs of its 50 Hz states side by side, BiGRU layers."""

    def __init__(self, dims: WhisperDims):
        super().__init__()
        self.encoder = WhisperEncoder(dims)
        widths = [2 * dims.width] + [2 * dims.head_units] * (dims.head_layers - 1)
        self.head = nn.ModuleList(BiGRU(width, dims.head_units) for width in widths)
        self.dropout = nn.Dropout(0.1)
        self.output = nn.Linear(2 * dims.head_units, TOKENS)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None, augment: SpecAugment | None = None) -> Tensor:
        """[batch, samples] (and their true lengths) -> logits [batch, frames, 29]."""
        frames = None if lengths is None else frames_of(lengths)
        return self.classify(self.encoder(waveform, None if frames is None else 2 * frames, augment), frames)

    def classify(self, states: Tensor, frames: Tensor | None = None) -> Tensor:
        """The head alone: encoder states [batch, 2 * frames, width] -> logits [batch, frames, 29]."""
        x = states.float().reshape(states.shape[0], -1, 2 * states.shape[2])  # [batch, frames, 2 * width]
        for gru in self.head:
            x = gru(self.dropout(x), frames)
        return self.output(self.dropout(x))


def build(dims: DeepSpeechDims | WhisperDims) -> DeepSpeech | WhisperRecogniser:
    """An untrained recogniser of these sizes."""
    return WhisperRecogniser(dims) if isinstance(dims, WhisperDims) else DeepSpeech(dims)


def distillation_loss(logits: Tensor, teacher: Tensor, frames: Tensor) -> Tensor:
    """Mean over the frames of KL(teacher || student), both [batch, frames, 29] logits."""
    divergence = F.kl_div(logits.log_softmax(-1), teacher.log_softmax(-1), reduction="none", log_target=True).sum(-1)
    return divergence[valid_mask(frames, logits.shape[1])].mean()


def ctc_loss(logits: Tensor, frames: Tensor, tokens: Tensor, token_counts: Tensor) -> Tensor:
    """CTC loss a token, mean over the batch: equation (7) of the paper. Impossible alignments count as zero."""
    log_probs = logits.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(log_probs, tokens, frames, token_counts, blank=TOKENS - 1, zero_infinity=True)
