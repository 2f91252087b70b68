"""The same signal to noise ratio in the units of others."""

import math

REFERENCE_BANDWIDTH = 3000.0  # Hz: a single-sideband voice channel, in which radio amateurs state SNR


def snr_3khz_db(es_n0_db: float, symbol_rate: float) -> float:
    """Signal to noise ratio in 3 kHz, in dB, for symbols of Es/N0 `es_n0_db` at `symbol_rate` a second."""
    return es_n0_db + 10 * math.log10(symbol_rate / REFERENCE_BANDWIDTH)


def cn0_dbhz(es_n0_db: float, symbol_rate: float) -> float:
    """Carrier to noise density ratio, in dB Hz, for symbols of Es/N0 `es_n0_db` at `symbol_rate` a second."""
    return es_n0_db + 10 * math.log10(symbol_rate)
