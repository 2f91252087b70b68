"""WaveNet is what its definition says; its prediction against theory; its generator is the network; its files."""

import json
import math
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from deepsc_export.onnx_files.contract import write_contract
from deepsc_export.onnx_files.trace import ParityError
from deepsc_export.training.run import Plan
from deepsc_export.voice import mel
from deepsc_export.voice.files import speech_like
from deepsc_export.voice.wavenet import export, mixture, train
from deepsc_export.voice.wavenet import model as wavenet
from deepsc_export.voice.wavenet.prediction import Prediction, levinson, predict, subframes
from deepsc_export.voice.wavenet.step import synthesise
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter
from scipy.stats import logistic

import gr_deepsc.voice.wavenet
from gr_deepsc.session import ContractError, open_session
from gr_deepsc.voice.files import open_part
from gr_deepsc.voice.wavenet import Frames

RATE = 16_000
TINY = wavenet.WaveNetDims(layers=6, cycles=2, residual=8, skip=8, condition=4, mixtures=3)
SMALL = replace(wavenet.EXCITATION, layers=6, residual=16, skip=16, condition=8, mixtures=3)


def receptive_field(dims):
    """How many earlier inputs the distribution of one sample depends on."""
    return sum(dims.dilations) + 1


def network(dims):
    torch.manual_seed(0)
    model = wavenet.WaveNet(dims).eval()
    for parameter in model.parameters():  # no two tensors alike, as after training
        parameter.data += 0.01 * torch.randn(parameter.shape)
    return model


@pytest.fixture
def net(request):
    return network(getattr(request, "param", TINY))


both = pytest.mark.parametrize("net", [TINY, SMALL], indirect=True, ids=["plain", "excitation"])


@pytest.fixture(scope="module", params=[TINY, SMALL], ids=["plain", "excitation"])
def shipped(request, tmp_path_factory):
    """A network and the folder of its files; exporting checks their parity."""
    model, folder = network(request.param), tmp_path_factory.mktemp("wavenet")
    assert export.export(model, folder, 0.7, "a test") < export.TOLERANCE
    return model, folder


# --- the network -------------------------------------------------------------------------------------------------


def test_dimensions():
    """Receptive field of cycles of 2^k dilations: cycles * (2^per cycle - 1) + 1."""
    assert receptive_field(wavenet.PAPER) == 3 * 1023 + 1 and receptive_field(wavenet.COMPACT) == 2 * 1023 + 1
    assert receptive_field(wavenet.EXCITATION) == 2 * 255 + 1
    assert TINY.dilations == [1, 2, 4, 1, 2, 4]


def test_wavenet_is_causal_over_its_receptive_field(net):
    """The parameters at t see samples t - 15 .. t - 1, all of them and no other."""
    features, waveform = torch.randn(1, 3, 80), 0.1 * torch.randn(1, 512)
    t = 300
    waveform.requires_grad_(True)
    net(waveform, features)[0, t].sum().backward()
    seen = waveform.grad[0].nonzero()[:, 0].tolist()
    assert seen == list(range(t - receptive_field(TINY), t))


@pytest.mark.parametrize("net", [SMALL], indirect=True)
def test_excitation_is_causal_and_looks_a_pitch_period_back(net):
    """Beside the samples before it (the prediction's order added), those about one pitch period before them all."""
    features, waveform = speech_like(5, 1), 0.01 * torch.randn(1, 1024)
    t = 940  # the receptive field is in one sub-frame
    lag, reach = net.guide(features).lag[0, t // 64].item(), receptive_field(SMALL) - 1 + 16
    waveform.requires_grad_(True)
    net(waveform, features)[0, t].sum().backward()
    seen = waveform.grad[0].nonzero()[:, 0].tolist()
    assert seen[-reach - 1 :] == list(range(t - reach - 1, t))
    assert seen[0] == t - reach - lag - 2  # the farthest of the taps


def test_conditions_are_centred_on_frames(net):
    """A frame's mels reach the samples less than 1.5 frames around 256 times its number (two layers' kernels)."""
    features = torch.zeros(1, 9, 80)
    silent = net.condition(features)
    features[0, 4] = 1
    touched = (net.condition(features) - silent).abs().sum(2)[0].nonzero()[:, 0]
    assert silent.shape == (1, 8 * 256, 4)
    middle = (touched.min() + touched.max()).item() / 2
    assert middle == pytest.approx(4 * 256, abs=1) and touched.max() - touched.min() < 3 * 256


@both
def test_margin_is_context_only(net):
    """Without its margins a crop's parameters are the whole's, once the layers' memory is full."""
    features, waveform = speech_like(9, 1), 0.01 * torch.randn(1, 2048)
    with torch.inference_mode():
        whole, kept = net(waveform, features), net(waveform, features, margin=2)
    assert kept.shape[1] == 2048 - 4 * 256
    memory = receptive_field(net.dims)
    wanted = whole[:, 512 + memory : -512]
    assert kept[:, memory:].numpy() == pytest.approx(wanted.numpy(), abs=1e-4)


# --- the mixture -------------------------------------------------------------------------------------------------


def test_likelihood_is_the_mixture_of_logistics():
    """Against scipy's logistic distribution: the probability between a level's edges, and all of it sums to 1."""
    rng = np.random.default_rng(0)
    weights, means, scales = rng.normal(size=3), np.array([-0.4, 0.0, 0.7]), np.array([0.2, 0.01, 0.0005])
    parameters = torch.tensor(np.concatenate([weights, means, np.log(scales)]), dtype=torch.float64)
    x = np.linspace(-0.9, 0.9, 37)
    half = 1 / 65_535
    shares = np.exp(weights) / np.exp(weights).sum()
    wanted = sum(
        w * (logistic.cdf(x + half, m, s) - logistic.cdf(x - half, m, s))
        for w, m, s in zip(shares, means, scales, strict=True)
    )
    found = mixture.log_likelihood(parameters.expand(37, 9), torch.from_numpy(x)).exp().numpy()
    assert found == pytest.approx(wanted, rel=1e-3)
    levels = torch.linspace(-1, 1, 65_536, dtype=torch.float64)
    total = mixture.log_likelihood(parameters.expand(65_536, 9), levels).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-4)


def test_samples_are_distributed_as_the_mixture():
    """Mean and variance of 20,000 draws: sum w m, and sum w (T^2 s^2 pi^2 / 3 + m^2) - mean^2."""
    weights, means, scales = np.array([0.25, 0.75]), np.array([-0.3, 0.1]), np.array([0.02, 0.01])
    parameters = torch.tensor(np.concatenate([np.log(weights), means, np.log(scales)]), dtype=torch.float32)
    uniform = torch.from_numpy(gr_deepsc.voice.wavenet.draws(20_000, 0))
    for temperature in (1.0, 0.5):
        x = mixture.sample(parameters.expand(20_000, 6), uniform, temperature).numpy()
        mean = weights @ means
        variance = weights @ ((temperature * scales) ** 2 * np.pi**2 / 3 + means**2) - mean**2
        assert x.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / 20_000))
        assert x.var() == pytest.approx(variance, rel=0.03)


def test_shifted_mixture_is_that_of_a_shifted_and_scaled_variable():
    """If e has density p, x = c + g e has p((x - c) / g) / g: in levels, the logarithm is less by log g."""
    parameters = torch.tensor([0.3, -0.1, 0.2, -0.3, -1.0, -2.0], dtype=torch.float64)
    c, g, e = torch.tensor(0.1).double(), torch.tensor(0.02).double(), torch.tensor([-0.6, 0.0, 0.5]).double()
    found = mixture.log_likelihood(mixture.shifted(parameters, c, g).expand(3, 6), c + g * e)
    wanted = mixture.log_likelihood(parameters.expand(3, 6), e) - math.log(g)
    assert found.numpy() == pytest.approx(wanted.numpy(), abs=1e-3)


# --- linear prediction -------------------------------------------------------------------------------------------


def test_levinson_solves_the_normal_equations():
    """Against scipy's Toeplitz solver; the error's power is r_0 - sum a_k r_k."""
    r = np.array([2.0, 1.1, 0.3, -0.2, -0.25, 0.1])
    a, error = levinson(torch.from_numpy(r))
    assert a.numpy() == pytest.approx(solve_toeplitz(r[:-1], r[1:]), rel=1e-9)
    assert error.item() == pytest.approx(r[0] - a.numpy() @ r[1:], rel=1e-9)


def test_prediction_read_off_the_mels_whitens():
    """Noise through a resonance at 1 kHz, bandwidth 200 Hz: theory's gain is 10 log10 of 1 / (1 - k1^2)(1 - k2^2).

    The powers of excitation and waveform are those foretold, within 1 dB.
    """
    radius, angle = math.exp(-math.pi * 200 / RATE), 2 * math.pi * 1000 / RATE
    poles = [1, -2 * radius * math.cos(angle), radius**2]
    noise = np.random.default_rng(0).standard_normal(2 * RATE // 256 * 256)
    waveform = torch.from_numpy(0.01 * lfilter([1], poles, noise)).float()[None]
    a, gain, level = Prediction()(mel.log_mel(waveform))
    excitation = waveform - predict(waveform, a)
    won = 10 * torch.log10(waveform.square().mean() / excitation.square().mean()).item()
    k1, k2 = poles[1] / (1 + poles[2]), poles[2]
    theory = -10 * math.log10((1 - k1**2) * (1 - k2**2))
    assert won == pytest.approx(theory, abs=0.7)
    for foretold, signal in ((gain, excitation), (level, waveform)):
        ratio = signal.square().mean() / foretold.square().mean()
        # the mean magnitude of noise is pi / 4 below its power: 1.05 dB
        assert 10 * math.log10(ratio) == pytest.approx(1.05, abs=1)


def test_subframes_lie_on_lines_between_frames():
    found = subframes(torch.tensor([[0.0, 8.0, 0.0]]))
    assert found.tolist() == [[1, 3, 5, 7, 7, 5, 3, 1]]


# --- generating --------------------------------------------------------------------------------------------------


@both
def test_cached_equals_plain(net):
    """What the generator drew with its rings, the convolutions draw at once from the same numbers; of two texts."""
    features = torch.cat([speech_like(4, 1), speech_like(4, 2)])
    made = synthesise(net, features, seed=3, temperature=0.9)
    assert made.shape == (2, 768) and np.abs(made).max() <= 1 and made.std() > 1e-3
    uniform = torch.from_numpy(gr_deepsc.voice.wavenet.draws(768, 3)).expand(2, -1, -1)
    with torch.inference_mode():
        again = mixture.sample(net(torch.from_numpy(made), features), uniform, 0.9)
    assert again.numpy() == pytest.approx(made, abs=1e-5)


def test_files_and_their_contract(shipped):
    """They draw what torch does (see `shipped`), the same for one seed; their weights come back out of them."""
    net, folder = shipped
    for name in ("wavenet_frames", "wavenet_step"):
        contract = {p.key: p.value for p in onnx.load(folder / f"{name}.onnx").metadata_props}
        assert (contract["kind"], contract["training_data"], contract["weights"]) == (name, "a test", "half")
        assert json.loads(contract["dilations"]) == net.dims.dilations
    generator = gr_deepsc.voice.wavenet.WaveNet(folder)
    features = torch.cat([speech_like(2, seed) for seed in range(3)]).numpy()
    made = generator(features, seed=1)
    assert generator.temperature == 0.7 and made.shape == (3, 256) and np.abs(made).max() <= 1
    assert np.array_equal(made, generator(features, seed=1))
    assert not np.array_equal(made, generator(features, seed=2))
    state = export.read_wavenet(folder, net.dims)
    for key, value in net.state_dict().items():
        assert state[key].numpy() == pytest.approx(value.numpy(), rel=1e-3, abs=1e-4), key
    with pytest.raises(ValueError, match="no weight"):
        export.read_wavenet(folder, replace(net.dims, residual=24))


def test_half_precision_keeps_the_prediction(shipped):
    """The file's coefficients of speech and of silence are torch's: its signal processing is not rounded."""
    net, folder = shipped
    features = torch.cat([speech_like(40), torch.full((1, 40, 80), math.log(1e-5))])
    values = open_session(folder / "wavenet_frames.onnx").run(None, {"mel": features.numpy()})
    found, wanted = Frames(*values), net.guide(features)
    assert found.a == pytest.approx(wanted.a.flip(2).permute(1, 2, 0).numpy(), abs=0.02)
    assert found.gain == pytest.approx(wanted.gain.T.numpy(), rel=0.02)
    assert found.level == pytest.approx(wanted.level.T.numpy(), rel=0.02)


def test_parity_check_can_fail(shipped):
    net = network(shipped[0].dims)
    net.head[3].bias.data += 0.1
    with pytest.raises(ParityError, match="differ by"):
        export.check_parity(net, shipped[1])


def test_files_of_two_trainings_are_refused(shipped, tmp_path):
    for path in shipped[1].glob("*.onnx"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    _, contract = open_part(tmp_path, "wavenet_step")
    write_contract(tmp_path / "wavenet_step.onnx", contract | {"checkpoint_sha256": "another"})
    with pytest.raises(ContractError, match="not of one training"):
        gr_deepsc.voice.wavenet.WaveNet(tmp_path)


@both
def test_hostile_mels_stay_bounded(net):
    """Whatever an acoustic model puts out: finite and in -1..1."""
    features = torch.stack([torch.full((3, 80), value) for value in (-50.0, -11.5, 5.0, 50.0)])
    made = synthesise(net, features)
    assert np.isfinite(made).all() and np.abs(made).max() <= 1


# --- training ----------------------------------------------------------------------------------------------------


class Tones:
    """A corpus of harmonic tones in noise, as `Recordings` gives crops."""

    def crop(self, rng, frames):
        f0, t = rng.uniform(100, 300), np.arange(frames * 256) / RATE
        tone = 0.05 * sum(np.cos(2 * np.pi * k * f0 * t) / k for k in range(1, 20))
        samples = tone + 0.005 * rng.standard_normal(len(t))
        return samples.astype(np.float32), np.full(frames + 1, f0, np.float32), np.ones(frames + 1, bool)


def test_training_lowers_the_loss_and_resumes(tmp_path):
    """15 steps on tones; a resumed run has the same weights, step count and best validation; the pitch layer stays."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    initial = train.initial_weights(SMALL, None)
    model = wavenet.WaveNet(SMALL)
    model.load_state_dict(initial, strict=False)
    held = torch.from_numpy(Tones().crop(np.random.default_rng(0), 12)[0])[None]
    before, plan = train.validate(model, held), Plan(tmp_path, (15, "steps"))
    run = train.Training(plan, model, [Tones()], held, batch=2, frames=4, lr=5e-3)
    run.train()
    run = run.run
    assert train.validate(model, held) < before - 0.1
    again = train.Training(plan, wavenet.WaveNet(SMALL), [Tones()], held).run
    assert (again.steps, again.best) == (15, run.best)
    for key, value in model.state_dict().items():
        assert torch.equal(again.networks["wavenet"].state_dict()[key], value)
    for key, value in initial.items():
        assert torch.equal(model.state_dict()[key].cpu(), value)
