"""Tacotron 2 (Shen et al. 2018), as the paper uses it: one mel frame, or a few, after the other.

The user ID joins the decoder as a learned embedding. Attention is taught the diagonal (Tachibana et al. 2018) or,
better, the durations that `acoustic.align` found; both are losses on its weights. The loop is bounded.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...layers.recurrent import valid_mask
from ..mel import MELS
from ..spoken import EDGE

MAX_FRAMES = 25  # mel frames a token: the decoder is stopped there, whatever it says
STOP = 0.5  # probability from which a step is the last
DROPOUT = 0.1  # of the LSTMs' outputs, where Shen et al. have zoneout


@dataclass(frozen=True)
class TacotronDims:
    """Sizes; `reduction` mel frames come out of each step of the decoder."""

    width: int = 512  # embedding, convolutions and BiLSTM of the encoder
    encoder_convs: int = 3
    prenet: int = 256
    attention: int = 128
    location_filters: int = 32
    location_kernel: int = 31
    lstm: int = 1024
    postnet: int = 512
    postnet_convs: int = 5
    speaker: int = 64
    speakers: int = 2
    reduction: int = 1


PAPER = TacotronDims()
# What a CPU trains: a third of the widths, and two frames a step, which attention learns twice as fast from.
COMPACT = TacotronDims(width=256, prenet=128, lstm=384, postnet=256, postnet_convs=3, reduction=2)


def conv_norm(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution and batch normalisation over [batch, channels, time]."""
    return nn.Sequential(nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2, bias=False), nn.BatchNorm1d(outputs))


class Encoder(nn.Module):
    """int64 [batch, n] tokens, of which `counts` are valid (None: all) -> [batch, n, width]."""

    def __init__(self, dims: TacotronDims):
        super().__init__()
        self.embedding = nn.Embedding(EDGE + 1, dims.width)
        self.convs = nn.ModuleList(conv_norm(dims.width, dims.width, 5) for _ in range(dims.encoder_convs))
        self.lstm = nn.LSTM(dims.width, dims.width // 2, batch_first=True, bidirectional=True)

    def forward(self, tokens: Tensor, counts: Tensor | None) -> Tensor:
        """Zero outside the `counts`."""
        mask = valid(tokens, counts)[:, None]
        x = self.embedding(tokens).transpose(1, 2) * mask
        for conv in self.convs:
            x = F.dropout(F.relu(conv(x)), 0.5, self.training) * mask
        if counts is None:
            return self.lstm(x.transpose(1, 2))[0]
        packed = nn.utils.rnn.pack_padded_sequence(
            x.transpose(1, 2), counts.cpu(), batch_first=True, enforce_sorted=False
        )
        x, _ = self.lstm(packed)
        return nn.utils.rnn.pad_packed_sequence(x, batch_first=True, total_length=tokens.shape[1])[0]


def valid(tokens: Tensor, counts: Tensor | None) -> Tensor:
    """Which of the tokens [batch, n] are no padding: bool [batch, n]; all of them where `counts` is None."""
    return torch.ones_like(tokens, dtype=torch.bool) if counts is None else valid_mask(counts, tokens.shape[1])


class LocationAttention(nn.Module):
    """Additive attention that sees where it was and where it has been (Chorowski et al. 2015)."""

    def __init__(self, dims: TacotronDims):
        super().__init__()
        self.query = nn.Linear(dims.lstm, dims.attention, bias=False)
        self.key = nn.Linear(dims.width, dims.attention, bias=False)
        self.location = nn.Conv1d(
            2, dims.location_filters, dims.location_kernel, padding=dims.location_kernel // 2, bias=False
        )
        self.place = nn.Linear(dims.location_filters, dims.attention, bias=False)
        self.energy = nn.Linear(dims.attention, 1)

    def forward(self, query: Tensor, keys: Tensor, weights: Tensor, total: Tensor, mask: Tensor) -> Tensor:
        """Weights of the tokens in one step or several, float32 [batch, steps, n].

        Args:
            query: [batch, steps, lstm].
            keys: projected, [batch, n, attention]; mask: bool [batch, n].
            weights, total: of the step before and summed up to it, [batch, steps, n].
        """
        places = self.location(torch.stack([weights, total], 2).flatten(0, 1)).transpose(1, 2)
        place = self.place(places).unflatten(0, weights.shape[:2])
        energy = self.energy(torch.tanh(self.query(query)[:, :, None] + keys[:, None] + place)).squeeze(3)
        return energy.float().masked_fill(~mask[:, None], -torch.inf).softmax(2)


class Prenet(nn.Module):
    """Two layers under a dropout that never ends, also in inference: the last frame must not be all that counts."""

    def __init__(self, dims: TacotronDims):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(MELS, dims.prenet), nn.Linear(dims.prenet, dims.prenet)])

    def forward(self, frame: Tensor, drop: bool = True) -> Tensor:
        """[..., mels] -> [..., prenet]."""
        for layer in self.layers:
            frame = F.dropout(F.relu(layer(frame)), 0.5, drop)
        return frame


class Tacotron(nn.Module):
    """Mels are normalised by `mel_mean` and `mel_scale`, as in `acoustic.Acoustic`."""

    def __init__(self, dims: TacotronDims):
        super().__init__()
        self.dims = dims
        self.encoder = Encoder(dims)
        self.speaker = nn.Embedding(dims.speakers, dims.speaker)
        self.prenet = Prenet(dims)
        context = dims.width + dims.speaker
        self.attention_lstm = nn.LSTM(dims.prenet + context, dims.lstm, batch_first=True)
        self.attention = LocationAttention(dims)
        self.decoder_lstm = nn.LSTM(dims.lstm + context, dims.lstm, batch_first=True)
        self.mel = nn.Linear(dims.lstm + context, dims.reduction * MELS)
        self.stop = nn.Linear(dims.lstm + context, 1)
        widths = [MELS] + [dims.postnet] * (dims.postnet_convs - 1) + [MELS]
        self.postnet = nn.ModuleList(conv_norm(a, b, 5) for a, b in pairwise(widths))
        self.register_buffer("mel_mean", torch.zeros(MELS))
        self.register_buffer("mel_scale", torch.ones(MELS))

    def refine(self, mel: Tensor) -> Tensor:
        """[batch, time, mels] before -> after the post-net."""
        x = mel.transpose(1, 2)
        for i, conv in enumerate(self.postnet):
            x = conv(x)
            x = F.dropout(torch.tanh(x) if i + 1 < len(self.postnet) else x, 0.5, self.training)
        return mel + x.transpose(1, 2)

    def begin(self, tokens: Tensor, speakers: Tensor, counts: Tensor | None = None) -> "State":
        """Before the first step: int64 [batch, n] with edges, of which `counts` are valid, int64 [batch] speakers."""
        memory = self.encoder(tokens, counts)
        memory = torch.cat([memory, self.speaker(speakers)[:, None].expand(-1, memory.shape[1], -1)], 2)
        rows, n = tokens.shape
        weights = memory.new_zeros(rows, 1, n)
        keys = self.attention.key(memory[..., : self.dims.width])
        context = memory.new_zeros(rows, 1, memory.shape[2])
        return State(memory, keys, valid(tokens, counts), None, weights, weights, context)

    def attend(
        self, state: "State", pre: Tensor, path: Tensor | None = None, lead: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Moves `state` on by a step, from what the pre-net made of the last frame [batch, 1, prenet].

        With a `path` [batch, 1, n], attention is drawn there by a share of `lead`.

        Returns:
            What the decoder LSTM sees, [batch, 1, lstm + context], and where attention went by itself [batch, 1, n].
        """
        hidden, state.first = self.attention_lstm(torch.cat([pre, state.context], 2), state.first)
        query = F.dropout(hidden, DROPOUT, self.training)
        own = self.attention(query, state.keys, state.weights, state.total, state.mask)
        state.weights = own if path is None else own + lead * (path - own)
        state.total = state.total + state.weights
        state.context = state.weights @ state.memory
        return torch.cat([query, state.context], 2), own

    def attend_along(self, state: "State", pre: Tensor, path: Tensor) -> tuple[Tensor, Tensor]:
        """All steps at once with attention held on `path`, float32 [batch, steps, n].

        Returns:
            What the decoder LSTM sees, [batch, steps, lstm + context], and where attention would have gone from each
            step of the path to the next.
        """
        context = path @ state.memory
        hidden, _ = self.attention_lstm(torch.cat([pre, before(context)], 2))
        query = F.dropout(hidden, DROPOUT, self.training)
        weights = self.attention(query, state.keys, before(path), before(path.cumsum(1)), state.mask)
        return torch.cat([query, context], 2), weights

    def decode(
        self, seen: Tensor, second: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """What `attend` returned, [batch, steps, lstm + context], and the decoder LSTM's state before.

        Returns:
            Mels [batch, steps * reduction, mels], stop logits [batch, steps], the state after.
        """
        hidden, second = self.decoder_lstm(seen, second)
        out = torch.cat([F.dropout(hidden, DROPOUT, self.training), seen[..., self.dims.lstm :]], 2)
        return self.mel(out).reshape(len(seen), -1, MELS), self.stop(out).squeeze(2), second

    def forward(
        self,
        tokens: Tensor,
        speakers: Tensor,
        counts: Tensor,
        target: Tensor,
        path: Tensor | None = None,
        lead: float = 1.0,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Teacher forcing: of the mels, and with a `path` of attention as well.

        `lead` is the share of the path in where attention is. All of it needs no loop; less of it teaches attention to
        find back from its own errors.

        Args:
            tokens: int64 [batch, n], the edges included; counts: int64 [batch]; speakers: int64 [batch].
            target: normalised mels [batch, steps * reduction, mels].
            path: float32 [batch, steps, n], for instance `acoustic.soft_alignment`'s.

        Returns:
            Mels before and after the post-net, both as `target`; stop logits [batch, steps]; attention weights
            [batch, steps, n].
        """
        state = self.begin(tokens, speakers, counts)
        pre = self.prenet(before(target[:, self.dims.reduction - 1 :: self.dims.reduction]))
        if path is not None and lead == 1:
            seen, weights = self.attend_along(state, pre, path)
        else:
            ways = [None] * pre.shape[1] if path is None else path.split(1, 1)
            steps = [self.attend(state, frame, way, lead) for frame, way in zip(pre.split(1, 1), ways, strict=True)]
            seen, weights = (torch.cat(parts, 1) for parts in zip(*steps, strict=True))
        # attention does not see the decoder LSTM: with the mels known, that one runs over all steps at once
        mel, stops, _ = self.decode(seen)
        return mel, self.refine(mel), stops, weights

    @torch.inference_mode()
    def speak(
        self, tokens: Tensor, speaker: int, drop: bool = True, path: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One text: int64 [n] with edges -> log-mels [frames, mels] and attention weights [steps, n].

        On the model's device. frames <= `MAX_FRAMES` * n: it ends in bounded time on any text. `drop=False` makes it
        repeatable. With a `path` [steps, n] it reads along that, to its end.
        """
        device = self.mel_mean.device
        state = self.begin(tokens[None].to(device), torch.tensor([speaker], device=device))
        frame, second, mels, weights = state.memory.new_zeros(1, 1, MELS), None, [], []
        steps = max(1, MAX_FRAMES * len(tokens) // self.dims.reduction) if path is None else len(path)
        for i in range(steps):
            way = None if path is None else path[None, i : i + 1]
            seen, _ = self.attend(state, self.prenet(frame, drop), way, 1.0)
            mel, stop, second = self.decode(seen, second)
            mels.append(mel)
            weights.append(state.weights)
            frame = mel[:, -1:]
            if path is None and stop.sigmoid().item() > STOP:
                break
        mel = self.refine(torch.cat(mels, 1))[0]
        return mel * self.mel_scale + self.mel_mean, torch.cat(weights, 1)[0]


@dataclass
class State:
    """What attention carries from step to step."""

    memory: Tensor  # [batch, n, width + speaker]
    keys: Tensor  # [batch, n, attention]
    mask: Tensor  # bool [batch, n]
    first: tuple[Tensor, Tensor] | None  # of the attention LSTM
    weights: Tensor  # [batch, 1, n], of the last step
    total: Tensor  # [batch, 1, n], of all steps
    context: Tensor  # [batch, 1, width + speaker]


def before(x: Tensor) -> Tensor:
    """What each step has from the step before: [batch, steps, any], zeros first."""
    return F.pad(x[:, :-1], (0, 0, 1, 0))
