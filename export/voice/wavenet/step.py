"""WaveNet taken apart for generation: what the mels say, and one sample of a batch from what is remembered.

`gr_deepsc.voice.wavenet.generate` runs the two, in torch here or as ONNX graphs; see there for shapes.
"""

import numpy as np
import torch
from torch import Tensor, nn

from gr_deepsc.voice.wavenet import SUBHOP, Frames, Past, draws, generate

from .mixture import sample, shifted
from .model import WaveNet


class FramesPart(nn.Module):
    """Log-mels [batch, frames, 80] -> `Frames` as tensors."""

    def __init__(self, model: WaveNet):
        super().__init__()
        self.model = model

    def forward(self, mel: Tensor) -> tuple[Tensor, ...]:
        """In the order of `Frames`."""
        condition, guide = self.model.condition(mel), self.model.guide(mel)
        condition = torch.stack([layer.condition(condition) for layer in self.model.layers])
        a = guide.a.flip(2).permute(1, 2, 0)
        return condition.permute(2, 0, 1, 3), a, guide.gain.T, guide.level.T, guide.lag.T


class StepPart(nn.Module):
    """One time step's values of `Frames` and `Past`, and a temperature [] -> the next sample."""

    def __init__(self, model: WaveNet):
        super().__init__()
        self.model = model

    def forward(self, *told: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sample and excitation [batch], the layers' inputs [layers, batch, residual]."""
        condition, a, gain, level, recent, excitation, rings, uniform, temperature = told
        model = self.model
        prediction = (recent * a).sum(0)
        x = model.input(model.relative(recent[-1], prediction, excitation.T, gain, level))
        told = (condition + rings @ model.past).unbind()
        inputs, made = [], []
        for layer, part in zip(model.layers, told, strict=True):
            inputs.append(x)
            x, y = layer(x, part)
            made.append(y)
        parameters = shifted(model.head(model.skip(torch.cat(made, 1))), prediction, gain)
        drawn = sample(parameters, uniform, temperature)
        return drawn, drawn - prediction, torch.stack(inputs)


@torch.inference_mode()
def synthesise(model: WaveNet, mel: Tensor, seed: int = 0, temperature: float = 1.0) -> np.ndarray:
    """Log-mels [batch, frames, 80] -> waveform float32 [batch, 256 (frames - 1)], in torch."""
    part, heat = StepPart(model.eval()), torch.tensor(temperature)

    @torch.inference_mode()
    def step(frames: Frames, past: Past) -> tuple[np.ndarray, ...]:
        told = (frames.condition, frames.a, frames.gain, frames.level, *past)
        return tuple(x.numpy() for x in part(*map(torch.from_numpy, told), heat))

    frames = Frames(*(x.contiguous().numpy() for x in FramesPart(model)(mel)))
    return generate(step, frames, model.dims.dilations, draws(len(frames.a) * SUBHOP, seed))
