"""What flowgraphs with a real radio are refused for, before a device is opened: permission, rates, frequencies."""

from ..phy.pulse import ROLL_OFF, SAMPLES_PER_SYMBOL

CONFIRMATION = "yes"
MAX_PPM = 200.0  # of the reference oscillator; no radio in use is worse
USABLE = 0.8  # share of the sample rate that a device's filters leave flat


class RadioError(ValueError):
    """A radio that must not be started like this. `error_type` is a short slug, the message says what to do."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def permit(answer: str) -> bool:
    """True where a person has said that the transmitter may be switched on.

    Raises:
        RadioError: not_permitted.
    """
    if answer != CONFIRMATION:
        raise RadioError(
            "not_permitted",
            "the transmitter stays off: nobody has confirmed that it may transmit. It radiates on the frequency you "
            "set; nearly everywhere that needs a licence for the band, the power and this mode, or a shielded cable: "
            "transmitter - attenuator of at least 40 dB - receiver, and no antenna (docs/radio.md). If that is so, "
            f"start again with --i-may-transmit {CONFIRMATION}",
        )
    return True


def check(
    symbol_rate: float,
    sample_rate: float,
    frequency: float,
    lo_offset: float = 0.0,
    ppm: float = 0.0,
    offset_in_band: bool = True,
) -> bool:
    """True where a burst fits between these numbers.

    Args:
        symbol_rate: symbols a second.
        sample_rate: Hz, of the device.
        frequency: Hz, the signal's centre.
        lo_offset: Hz, of the signal above the device's local oscillator, whose leakage it avoids; 0: none.
        ppm: error of the device's reference oscillator.
        offset_in_band: the offset is made within the device's sample rate, not by the device itself.

    Raises:
        RadioError: bad_rate, bad_frequency, bad_offset or bad_ppm.
    """
    if not symbol_rate > 0:
        raise RadioError("bad_rate", f"a symbol rate of {symbol_rate} Hz: it must be above 0")
    baseband, bandwidth = SAMPLES_PER_SYMBOL * symbol_rate, (1 + ROLL_OFF) * symbol_rate
    if sample_rate < baseband or sample_rate % baseband:
        raise RadioError(
            "bad_rate",
            f"a sample rate of {sample_rate:g} Hz is no whole multiple of {baseband:g} Hz, {SAMPLES_PER_SYMBOL} "
            f"samples for each of {symbol_rate:g} symbols a second; change either",
        )
    if not frequency > bandwidth:
        raise RadioError("bad_frequency", f"a frequency of {frequency:g} Hz: a radio needs one")
    if lo_offset and abs(lo_offset) < bandwidth / 2:
        raise RadioError(
            "bad_offset",
            f"an LO offset of {lo_offset:g} Hz leaves the local oscillator's leakage inside the signal, which is "
            f"{bandwidth:g} Hz wide; take {bandwidth:g} Hz or more, or 0 for none",
        )
    edge = abs(lo_offset) + bandwidth / 2
    if offset_in_band and edge > USABLE * sample_rate / 2:
        raise RadioError(
            "bad_offset",
            f"with an LO offset of {lo_offset:g} Hz the signal reaches {edge:g} Hz, too near to the edge of "
            f"{sample_rate:g} samples a second; take a smaller offset or a higher rate",
        )
    if not abs(ppm) <= MAX_PPM:
        raise RadioError("bad_ppm", f"a correction of {ppm:g} ppm: it must be within {MAX_PPM:g}")
    return True
