"""What a burst becomes on the air: symbol rate and the sample rate of the device, by name."""

from typing import NamedTuple

from ..phy.framer import AUTO
from ..phy.pulse import SAMPLES_PER_SYMBOL


class Profile(NamedTuple):
    """`symbol_rate`, `sample_rate` of the device, and `offset` of the carrier from its centre, all in hertz.

    `preamble`: one of `phy.framer.CHOICES`; the long one for short wave, which fades.
    """

    title: str
    symbol_rate: float
    sample_rate: float
    offset: float = 0.0
    preamble: str = AUTO

    @property
    def baseband_rate(self) -> float:
        """Hz; of the modem's samples."""
        return self.symbol_rate * SAMPLES_PER_SYMBOL


PROFILES = {
    "usrp": Profile("USRP: 62.5 kHz wide, 200 ksample/s", 50_000, 200_000),
    "hackrf": Profile("HackRF: as USRP, at 2 Msample/s", 50_000, 2_000_000, 250_000),
    "audio": Profile("sound card and SSB transceiver: 1.5 kHz wide about 1500 Hz", 1_200, 48_000, 1_500, "long"),
}
DEFAULT = "usrp"
