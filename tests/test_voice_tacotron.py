"""Tacotron 2: the paper's sizes, attention that learns to go along the text, and a loop that ends."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from deepsc_export.training.run import Plan
from deepsc_export.voice.acoustic.model import parameters, soft_alignment
from deepsc_export.voice.batches import collate
from deepsc_export.voice.judging import pictures
from deepsc_export.voice.mel import MELS
from deepsc_export.voice.spoken import EDGE, Voices, begin
from deepsc_export.voice.tacotron import export, losses, train
from deepsc_export.voice.tacotron.model import COMPACT, MAX_FRAMES, PAPER, STOP, Prenet, Tacotron, TacotronDims
from PIL import Image
from test_voice_acoustic import language, spoken  # noqa: F401

from gr_deepsc.session import open_session

SMALL = TacotronDims(
    width=32, prenet=16, attention=16, location_filters=4, location_kernel=7, lstm=32, postnet=16,
    postnet_convs=2, speaker=8, reduction=2,
)  # fmt: skip


def test_paper_sizes():
    """Parts counted by hand: 4 gates of an LSTM cell of u units on x inputs are 4 (x + u + 2) u."""
    model = Tacotron(PAPER)
    context = 512 + 64
    assert parameters(model.attention_lstm) == 4 * 1024 * (256 + context + 1024 + 2)
    assert parameters(model.decoder_lstm) == 4 * 1024 * (1024 + context + 1024 + 2)
    assert parameters(model.encoder.lstm) == 2 * 4 * 256 * (512 + 256 + 2)
    assert parameters(model.encoder.convs) == 3 * (512 * 512 * 5 + 2 * 512)
    assert len(model.postnet) == 5 and parameters(model.postnet[1]) == 512 * 512 * 5 + 2 * 512
    print(f"paper {parameters(model):,}, compact {parameters(Tacotron(COMPACT)):,} parameters")
    assert parameters(model) == 28_658_674 and parameters(Tacotron(COMPACT)) < 6e6


def batch(rows: int = 2) -> tuple[torch.Tensor, ...]:
    tokens = torch.randint(0, EDGE + 1, (rows, 9))
    return tokens, torch.arange(rows) % 2, torch.tensor([9, 6][:rows]), torch.randn(rows, 24, MELS)


def test_shapes():
    torch.manual_seed(0)
    before, after, stops, weights = Tacotron(SMALL)(*batch())
    assert before.shape == after.shape == (2, 24, MELS)
    assert stops.shape == (2, 12) and weights.shape == (2, 12, 9)
    assert weights.sum(2).allclose(torch.ones(2, 12)) and weights[1, :, 6:].max() == 0  # nothing past the text


def test_guided_attention_matrix():
    """1 - exp(-(i/n - t/T)^2 / 0.08): 0 on the diagonal, 1 - exp(-0.25 / 0.08) = 0.956 half a text away, 0 outside."""
    cost = losses.off_diagonal(torch.tensor([4, 2]), torch.tensor([8, 4]))
    assert cost.shape == (2, 8, 4)
    assert cost[0, 0, 0] == cost[0, 4, 2] == 0
    assert cost[0, 0, 2].item() == pytest.approx(1 - math.exp(-0.25 / 0.08), abs=1e-6)
    assert cost[1, 4:].max() == 0 and cost[1, :, 2:].max() == 0
    diagonal = torch.zeros(2, 8, 4)
    diagonal[0, torch.arange(8), torch.arange(8) // 2] = 1
    counts, steps = torch.tensor([4, 2]), torch.tensor([8, 4])
    assert losses.guided_attention_loss(diagonal, counts, steps) < 0.1
    assert losses.guided_attention_loss(diagonal.flip(1), counts, steps) > 0.3


def test_path_loss():
    """Attention on its path costs 0, even attention over four tokens log 4 where the path is sharp."""
    path = torch.zeros(1, 6, 4)
    path[0, range(6), [0, 1, 1, 2, 3, 3]] = 1
    steps = torch.tensor([6])
    assert losses.path_loss(path, path, steps).item() == pytest.approx(0, abs=1e-5)
    even = losses.path_loss(torch.full((1, 6, 4), 0.25), path, steps)
    assert even.item() == pytest.approx(math.log(4))
    soft = torch.softmax(torch.randn(1, 6, 4), 2)
    assert losses.path_loss(soft, soft, steps).item() == pytest.approx(0, abs=1e-5)


def test_a_path_needs_no_loop():
    """Held to the path that attention took by itself, all steps at once give the same mels and weights."""
    torch.manual_seed(0)
    model = Tacotron(SMALL).eval()
    model.prenet.forward = lambda frame, drop=True: Prenet.forward(model.prenet, frame, False)
    tokens, speakers, counts, target = batch()
    with torch.inference_mode():
        mel, _, stops, weights = model(tokens, speakers, counts, target)
        held = model(tokens, speakers, counts, target, weights)
    assert (held[0] - mel).abs().max() < 1e-5 and (held[2] - stops).abs().max() < 1e-5
    assert (held[3] - weights).abs().max() < 1e-5


@pytest.mark.parametrize("n", [1, 2, 50])
def test_it_ends(n):
    """A decoder that never wants to stop makes 25 frames a token; one that wants to at once makes one step."""
    torch.manual_seed(0)
    model = Tacotron(SMALL).eval()
    tokens = torch.randint(0, EDGE, (n,))
    model.stop.bias.data.fill_(-1e4)
    mel, weights = model.speak(tokens, 1)
    assert len(mel) == MAX_FRAMES * n // 2 * 2 and weights.shape == (MAX_FRAMES * n // 2, n)
    assert mel.isfinite().all()
    model.stop.bias.data.fill_(1e4)
    assert len(model.speak(tokens, 1)[0]) == 2


def test_loss_of_the_truth():
    """Perfect mels cost nothing; a stop logit of +-10 at the right steps log(1 + e^-10) = 4.5e-5."""
    _, _, _, target = batch()
    frames = torch.tensor([24, 15])
    stops = torch.full((2, 12), -10.0)
    stops[0, 11:] = stops[1, 7:] = 10.0
    spectrum, stop = losses.tacotron_loss(target, target, stops, target, frames, 2)
    assert spectrum == 0 and stop.item() == pytest.approx(math.log1p(math.exp(-10)), rel=1e-2)


@pytest.mark.slow
def test_attention_learns_to_read():
    """Each of six tokens is two steps of a band of its own: in 200 steps attention learns to go there."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = Tacotron(SMALL)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    counts, frames = torch.full((16,), 6), torch.full((16,), 24)
    durations = torch.full((16, 6), 4.0)
    path, _ = soft_alignment(durations, 12, 2)
    for i in range(200):
        tokens = torch.randint(0, 20, (16, 6))
        target = 2.0 * torch.nn.functional.one_hot(tokens.repeat_interleave(4, 1), MELS)
        lead = min(1.0, 2 - i / 100)  # then less and less
        users = torch.zeros(16, dtype=torch.long)
        before, after, stops, weights = model(tokens, users, counts, target, path, lead)
        spectrum, stop = losses.tacotron_loss(before, after, stops, target, frames, 2)
        strayed = losses.path_loss(weights, path, frames // 2)
        optimiser.zero_grad()
        (spectrum + stop + 0.1 * strayed).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    model.eval()
    tokens = torch.tensor([3, 14, 1, 5, 9, 2])
    mel, weights = model.speak(tokens, 0)
    assert 22 <= len(mel) <= 26
    wanted = torch.arange(6).repeat_interleave(2)
    assert (weights.argmax(1)[:11] - wanted[:11]).abs().max() <= 1
    led, weights = model.speak(tokens, 0, path=path[0])
    assert len(led) == 24 and weights.allclose(path[0], atol=1e-6)


class Loop:
    """The loop, with ONNX Runtime only: `Loop(folder)(tokens, user_id)`."""

    def __init__(self, folder: Path):
        self._reader, self._step, self._refine = (
            open_session(Path(folder) / f"{name}.onnx") for name in ("encoder", "step", "post")
        )
        self._reduction = int(self._step.get_modelmeta().custom_metadata_map["reduction"])
        self._shapes = {i.name: i.shape for i in self._step.get_inputs()}

    def __call__(self, tokens: np.ndarray, user_id: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """int64 [n] with edges -> log-mels float32 [frames, 80], at most `MAX_FRAMES` a token.

        The pre-net's dropout is drawn from `rng`; without one nothing is dropped, and speech can be repeated.
        """
        memory, keys = self._reader.run(None, {"tokens": tokens[None], "user_id": np.array([user_id])})
        n = len(tokens)
        sizes = {name: [n if isinstance(size, str) else size for size in self._shapes[name]] for name in export.STATE}
        state = {name: np.zeros(size, np.float32) for name, size in sizes.items()}
        frame, frames = np.zeros((1, 1, MELS), np.float32), []
        keep = np.ones(self._shapes["keep"], np.float32)
        for _ in range(max(1, MAX_FRAMES * n // self._reduction)):
            if rng is not None:
                keep = 2 * rng.integers(0, 2, keep.shape).astype(np.float32)
            feed = {"memory": memory, "keys": keys, "frame": frame, "keep": keep, **state}
            mel, stop, *rest = self._step.run(None, feed)
            state = dict(zip(export.STATE, rest, strict=True))
            frame = mel[:, -1:]
            frames.append(mel[0])
            if stop.item() > math.log(STOP / (1 - STOP)):
                break
        return self._refine.run(None, {"frames": np.concatenate(frames)[None]})[0][0]


@pytest.mark.parametrize("n", [3, 20])
def test_onnx_parity(n, tmp_path):
    """The loop over three graphs says what torch says: 40 steps within 1e-4; the generator decides what is dropped."""
    torch.manual_seed(n)
    model = Tacotron(SMALL).eval()
    for tensor in model.parameters():  # exact in half precision, so that storage changes nothing
        tensor.data = tensor.data.half().float()
    model.stop.bias.data.fill_(-1e4)
    export.export(model, tmp_path)
    speaker = Loop(tmp_path)
    tokens = np.random.default_rng(n).integers(0, EDGE + 1, n)
    wanted, _ = model.speak(torch.from_numpy(tokens), 1, drop=False)
    given = speaker(tokens, 1)
    assert given.shape == wanted.shape
    assert np.abs(given[:80] - wanted.numpy()[:80]).max() < 1e-4
    dropped = [speaker(tokens, 1, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert np.array_equal(dropped[0], dropped[1]) and not np.array_equal(dropped[0], dropped[2])


@pytest.mark.slow
def test_training_learns_and_resumes(language, tmp_path):  # noqa: F811
    """In 100 steps attention learns a language of tones, and is on its own; another run of the folder goes on."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    plan = Plan(tmp_path, (100, "steps"), train.RISE)
    voices = Voices(["a", "b"], language[:50], language[50:])
    training = train.Training(plan, begin(Tacotron(SMALL), voices), voices, lr=1e-2, frames=600)

    def strayed() -> float:
        run = training.run
        average, batch = run.average("tacotron"), collate(voices.valid, voices.pitch, run.device)
        with torch.inference_mode():
            return train.losses(average, batch, 1.0)["path"].item()

    before = strayed()
    assert training.lead() == 1 and len(training.suitable()) == 50
    training.train()
    assert strayed() < before / 2 and training.lead() == 0
    assert train.Training(plan, Tacotron(SMALL), voices).run.steps == 100
    model, names = export.load_tacotron(tmp_path)
    assert names == voices.speakers
    pictures.draw_attention(model, {0: "abc", 1: "edge"}, dict(enumerate(names)), tmp_path / "attention.png")
    with Image.open(tmp_path / "attention.png") as image:
        assert image.size == (880, 416)  # 11 x 5.2 inches at 80 dots
