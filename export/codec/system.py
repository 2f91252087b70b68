"""Count a configuration's trainable parameters."""

import argparse

import torch
from torch import Tensor, nn

from ..recogniser.config import CONFIGS, Config
from ..recogniser.model import build
from .model import ChannelDecoder, ChannelEncoder, Codec


class DeepSC(nn.Module):
    """Semantic encoder and channel codec of a configuration, which are cut where the air is."""

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


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `info`."""
    parser.add_argument("--config", choices=CONFIGS, default="paper")


def run(args: argparse.Namespace) -> None:
    """Prints the counts."""
    recogniser, system = parameter_counts(CONFIGS[args.config])
    print(f"{args.config}: {recogniser:,} trainable parameters in the recogniser, {system:,} in the whole system")
