"""Prints the tables of docs/radio.md about what is on the air, and of other modes: `python docs/make_air.py`."""

import math

from gr_deepsc.codec.rates import AUTO, CHOICES, PACE, sentence
from gr_deepsc.phy.preamble import LONG, PREAMBLES
from gr_deepsc.phy.units import OnAir, energy_n0_db, snr_3khz_db
from gr_deepsc.radio.profiles import PROFILES

SECONDS = 5.0  # of speech in the sentence
WORDS = 14  # in it, and 77 characters
TEXT_DB = {"520": -10.5, "130": -4.5}  # Es/N0 in AWGN at which CER is 0.15 or less, MODELS.md; others were not measured
NOISE_DBM = -174.0 + 10.0  # in 1 Hz, of a receiver with a noise figure of 10 dB
AUDIO, RADIO = (PROFILES[name].symbol_rate for name in ("audio", "usrp"))
FT8_CHARACTERS, JS8_WPM = 13, 16  # of free text a transmission; words a minute
FT8_S = 12.64 * math.ceil(SECONDS * PACE / FT8_CHARACTERS)
JS8_S = 60 * WORDS / JS8_WPM * 12.64 / 15  # of every 15 s it sends 12.64
# Mode: threshold in dB, in how many hertz of noise, hertz wide, seconds on the air, what comes out. Published.
OTHERS = {
    "FreeDV 700D": (-2.0, 3000.0, 1000, SECONDS, "a voice, at once; Codec 2 at 700 bit/s"),
    "RADE V1": (-2.0, 3000.0, 1500, SECONDS, "the speaker's own voice, 8 kHz wide, at once"),
    "FT8, free text": (-21.0, 2500.0, 50, FT8_S, "capitals and digits; all six received: 1 in 64"),
    "JS8, normal": (-24.0, 2500.0, 50, JS8_S, "text that somebody types"),
}


def rates() -> list[str]:
    """What each rate makes of the sentence."""
    rows = ["| `--rate` | symbols of payload, a second of speech | all symbols, a second | overhead |"]
    rows[0] += f" on the air at {AUDIO:,.0f} symbols/s | at {RADIO:,.0f} |"
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for rate, preamble in (*((rate, None) for rate in CHOICES if rate != AUTO), ("130", LONG)):
        payload, sent = sentence(rate, SECONDS, preamble)
        share = f"{100 * (1 - payload / sent.symbols):.0f} %"
        numbers = f"{payload:,}, {payload / SECONDS:.0f} | {sent.symbols:,}, {sent.symbols / SECONDS:.0f} | {share}"
        name = "130, short: default but in audio" if rate == "130" else rate
        name = "130, long: default in audio" if preamble else name
        rows.append(f"| {name} | {numbers} | {sent.symbols / AUDIO:.2f} s | {1e3 * sent.symbols / RADIO:.0f} ms |")
    return rows


def limits() -> list[str]:
    """Where text ends, in what a radio meets."""
    rows = [f"| `--rate` | Es/N0 | at {RADIO:,.0f} symbols/s: C/N0, SNR in 3 kHz, power | at {AUDIO:,.0f} symbols/s |"]
    rows.append("| --- | --- | --- | --- |")
    for rate, es_n0_db in TEXT_DB.items():
        kinds = (None, RADIO), (LONG, AUDIO)  # the audio profile's preamble is the long one
        ratios = [sentence(rate, SECONDS, kind)[1].cn0_dbhz(es_n0_db, symbols) for kind, symbols in kinds]
        met = (f"{cn0:.0f} dBHz, {snr_3khz_db(cn0):.0f} dB, {cn0 + NOISE_DBM:.0f} dBm" for cn0 in ratios)
        rows.append(f"| {rate} | {es_n0_db} dB | {' | '.join(met)} |")
    return rows


def modes() -> list[str]:
    """Ours and others by C/N0 on the air, and what the whole sentence costs."""
    rows = ["| mode | C/N0, SNR in 3 kHz | wide | on the air | energy / N0: sentence, word | what comes out |"]
    rows.append("| --- | --- | --- | --- | --- | --- |")
    for rate, preamble in (("520", "long"), ("130", "long"), ("130", "short")):
        sent: OnAir = sentence(rate, SECONDS, PREAMBLES[preamble])[1]
        cn0_dbhz, seconds = sent.cn0_dbhz(TEXT_DB[rate], AUDIO), sent.symbols / AUDIO
        name, out = f"gr-deepsc, audio, rate {rate}, {preamble}", "text, CER at most 0.15; a synthetic voice"
        rows.append(_mode(name, cn0_dbhz, 1500, seconds, out))
    for name, (snr_db, hertz, wide, seconds, out) in OTHERS.items():
        rows.append(_mode(name, snr_db + 10 * math.log10(hertz), wide, seconds, out))
    return rows


def _mode(name: str, cn0_dbhz: float, wide: int, seconds: float, out: str) -> str:
    whole = energy_n0_db(cn0_dbhz, seconds)
    ratio = f"{cn0_dbhz:.1f} dBHz, {snr_3khz_db(cn0_dbhz):.1f} dB"
    energy = f"{whole:.1f} dB, {energy_n0_db(whole, 1 / WORDS):.1f} dB"
    return f"| {name} | {ratio} | {wide:,} Hz | {seconds:.1f} s | {energy} | {out} |"


if __name__ == "__main__":
    print("\n".join([*rates(), "", *limits(), "", *modes()]))
