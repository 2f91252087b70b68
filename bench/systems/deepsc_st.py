"""Ours: DeepSC-ST with the paper's codec and with the default model's, at every rate, and behind the burst modem."""

from importlib import resources

import numpy as np

from gr_deepsc.framing import SYMBOLS_PER_FRAME
from gr_deepsc.phy.equalise import mmse, zero_forcing
from gr_deepsc.phy.frame import deinterleave, interleave

from ..system import Air, Heard, Recording, Sent
from . import modem, recogniser


class PaperDeepSC:
    """The paper's channel codec, 40-40 and 40-40-29 units, on the default recogniser's P; h known, zero forcing.

    Symbols are sent in the order of the frames. `deepsc_export paper codec` trained the codec as the paper does, in
    Rician fading at 8 dB. What differs is the recogniser, and that the codec learnt behind a fixed one, from its P
    beside the transcripts.
    """

    name = "deepsc-st-paper"
    label = "DeepSC-ST (paper's codec, CSI known)"

    def __init__(self) -> None:
        recogniser.transmitter()
        with resources.files(__package__).joinpath("paper_codec.npz").open("rb") as file:
            self._weights = dict(np.load(file))

    def send(self, utterance: Recording) -> Sent:
        hidden = _relu6(self._dense("encoder.hidden", recogniser.features(utterance.samples)))
        pairs = self._dense("encoder.output", hidden).reshape(-1, 2)
        symbols = pairs[:, 0] + 1j * pairs[:, 1]
        return Sent((symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64), 0)

    def receive(self, sent: Sent, air: Air) -> Heard:
        received, csi, _ = air(sent.symbols)
        z, _ = zero_forcing(received, csi)
        x = np.stack([z.real, z.imag], axis=1).reshape(-1, 2 * SYMBOLS_PER_FRAME)
        for layer in ("decoder.hidden1", "decoder.hidden2"):
            x = _relu6(self._dense(layer, x))
        logits = self._dense("decoder.output", x)
        probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Heard(recogniser.text_of(probabilities), None)

    def _dense(self, layer: str, x: np.ndarray) -> np.ndarray:
        return x @ self._weights[f"{layer}.weight"].T + self._weights[f"{layer}.bias"]


class DeepSC:
    """The default model and a channel codec, MMSE and reliability, interleaved as the burst modem does; h known.

    What `deepsc simulate --csi ideal` does, noise and fading included.
    """

    def __init__(self, name: str, label: str, rate: str) -> None:
        """`rate` as of `gr_deepsc.codec.encode.Encoder`."""
        self.name, self.label, self._rate = name, label, rate
        self._decode = recogniser.decoder()

    def send(self, utterance: Recording) -> Sent:
        """`side`: the codec, which a header tells."""
        sent = recogniser.coded(utterance.samples, self._rate)
        return Sent(interleave(sent.symbols), 0, sent.codec)

    def receive(self, sent: Sent, air: Air) -> Heard:
        z, rho = (deinterleave(each) for each in mmse(*air(sent.symbols)))
        return Heard(self._decode(z, rho, sent.side).text, None)


class GrDeepSC(DeepSC):
    """The same behind the whole modem, which estimates everything."""

    def send(self, utterance: Recording) -> Sent:
        """`symbols`: the payload, in its own order."""
        sent = recogniser.coded(utterance.samples, self._rate)
        return Sent(sent.symbols, modem.overhead(len(sent.symbols), sent.codec), sent.codec)

    def receive(self, sent: Sent, air: Air) -> Heard:
        return modem.transmit(sent.symbols, sent.side, air, self._decode)


def _relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)
