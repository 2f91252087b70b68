"""The whole of DeepSC-ST, cut where the air is: what the transmitter runs and what the receiver runs."""

import torch
from torch import Tensor, nn

from ..config import Config
from .codec import ChannelDecoder, ChannelEncoder, Codec
from .recogniser import build


class DeepSC(nn.Module):
    """Semantic encoder and channel codec of a configuration."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.recogniser = build(config.encoder)
        self.codec = Codec(config.codec)


class Transmitter(nn.Module):
    """Waveform [batch, samples] -> symbols [batch, n, 2] and features P [batch, frames, 29]."""

    def __init__(self, recogniser: nn.Module, encoder: ChannelEncoder):
        super().__init__()
        self.recogniser, self.encoder = recogniser, encoder

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        features = self.recogniser(waveform).softmax(-1)
        return self.encoder(features), features


class Receiver(nn.Module):
    """Symbols [batch, n, 2] and reliability [batch, n] -> log-probabilities [batch, frames, 29]."""

    def __init__(self, decoder: ChannelDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, symbols: Tensor, reliability: Tensor) -> Tensor:
        return self.decoder(symbols, reliability).log_softmax(-1)


def parameter_counts(config: Config) -> tuple[int, int]:
    """Trainable parameters of the recogniser alone, and of the whole system."""
    with torch.device("meta"):  # shapes only, no memory
        system = DeepSC(config)

    def count(module: nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)

    return count(system.recogniser), count(system)
