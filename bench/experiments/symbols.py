"""Table II of the paper: complex symbols that each system sends for 16,000 samples of speech."""

from gr_deepsc.framing import SAMPLE_RATE

from ..systems import SYSTEMS
from .experiment import Experiment, Outcome, Setting, Size, field

SIZES = {"quick": Size(6), "default": Size(60), "full": Size(None)}


def run(setting: Setting) -> Outcome:
    """Symbols counted from what was sent; those of framing and modem, `Sent.overhead`, beside them."""
    utterances = setting.speech(SIZES[setting.size])
    sent = setting.runner.measure("text", setting.systems, utterances, [])
    rows = []
    for name in setting.systems:
        counts = [sent[name, None, u.key].figures for u in utterances]
        seconds = sum(count["samples"] for count in counts) / SAMPLE_RATE
        row = {"system": name, "label": counts[0]["label"], "utterances": len(counts)}
        for column in ("symbols", "overhead"):
            row[column] = field(sum(count[column] for count in counts) / seconds)
        rows.append(row)
    return Outcome(rows, [u.key for u in utterances], [])


TABLE2 = Experiment("symbols for 16,000 samples of speech", run, systems=tuple(SYSTEMS))
