"""What the networks cost: parameters, multiply-accumulates for a second of speech, bytes, real-time factor."""

import json
import time

import numpy as np
import onnx

from gr_deepsc.framing import SAMPLE_RATE, SYMBOL_RATE
from gr_deepsc.session import open_session

from ..metrics import networks
from ..provenance import network_files
from ..work import Point
from .experiment import Experiment, Outcome, Setting, Size

READING_PACE = 15  # characters a second
RUNS = {"quick": 3, "default": 20, "full": 100}
SPEECH, WHERE = Size(12), Point("awgn", 4.0)  # of the whole systems


def second_of_speech(contract: dict[str, str]) -> dict[str, np.ndarray] | None:
    """Inputs that stand for a second of speech, by a network's metadata; None for a kind that is not known here."""
    rng = np.random.default_rng(0)
    match contract.get("kind"):
        case "transmitter" | "reader encoder":
            return {"waveform": 0.1 * rng.standard_normal((1, SAMPLE_RATE)).astype(np.float32)}
        case "receiver":
            symbols = rng.standard_normal((1, SYMBOL_RATE, 2)).astype(np.float32) / np.float32(np.sqrt(2))
            return {"symbols": symbols, "reliability": np.full((1, SYMBOL_RATE), 0.5, np.float32)}
        case "contextual encoder":
            tokens = len(contract["vocabulary"]) + 1
            letters = rng.dirichlet(np.full(tokens, 0.1), (1, READING_PACE)).astype(np.float32)
            return {"letters": letters, "rate": np.array(0)}
        case "contextual decoder":
            most = max(each for _, each in json.loads(contract["rates"]))  # symbols a character
            symbols = rng.standard_normal((1, READING_PACE, most, 2)).astype(np.float32) / np.float32(np.sqrt(2))
            return {"symbols": symbols, "reliability": np.full(symbols.shape[:3], 0.5, np.float32), "rate": np.array(0)}
        case "sender":
            return {"tokens": rng.integers(0, 28, (1, READING_PACE))}
        case "memory":
            heard = READING_PACE * int(contract["symbols_per_character"])
            symbols = rng.standard_normal((1, heard, 2)).astype(np.float32) / np.float32(np.sqrt(2))
            return {"symbols": symbols, "reliability": np.full((1, heard), 0.5, np.float32)}
        case "acoustic":
            tokens = rng.integers(1, 27, (1, READING_PACE))
            who = {"user_id": np.zeros(1, np.int64), "speed": np.ones(1, np.float32)}
            return {"tokens": tokens, "phones": np.zeros_like(tokens)} | who
        case "vocoder":
            frames = SAMPLE_RATE // int(contract["hop"])
            mels = rng.standard_normal((1, frames, int(contract["mels"]))) - 5  # nepers: speech, roughly
            return {"mel": mels.astype(np.float32)}
    return None


def run(setting: Setting) -> Outcome:
    """A row a network. Real-time factors, of the networks for that second and of the whole systems, are costs."""
    rows, costs = [], []
    for name, path in network_files().items():
        metadata = onnx.load(path, load_external_data=False).metadata_props
        feed = second_of_speech({entry.key: entry.value for entry in metadata})
        counted = networks.measure(path, feed)
        row = {"network": name, "parameters": counted.parameters, "macs": counted.macs, "bytes": counted.bytes}
        rows.append(row | ({} if feed else {"macs": ""}))
        if feed:
            session, took = open_session(path), []
            for _ in range(RUNS[setting.size] + 1):  # the first one warms up
                start = time.process_time()
                session.run(None, feed)
                took.append(time.process_time() - start)
            costs.append({"of": name, "rtf": round(float(np.median(took[1:])), 5)})
    costs += _systems(setting)
    lines = [f"{cost['of']:28} real-time factor {cost['rtf']:.4f}" for cost in costs]
    return Outcome(rows, [], costs, "\n".join(lines))


def _systems(setting: Setting) -> list[dict]:
    """CPU time of sending and receiving over the time of the speech, models loaded; without speaking the text.

    Reading, which all senders of text share, is a row of its own.
    """
    utterances, rows = setting.speech(SPEECH), []
    names = ("read", *setting.systems)
    items = setting.runner.measure("text", names, utterances, [WHERE])
    for name in names:
        sent = [items[name, None, u.key] for u in utterances]
        spent = sum(item.seconds for item in sent) + sum(items[name, WHERE, u.key].seconds for u in utterances)
        seconds = sum(item.figures["samples"] for item in sent) / SAMPLE_RATE
        rows.append({"of": name, "rtf": round(spent / seconds, 5)})
    return rows


COMPLEXITY = Experiment("parameters, multiply-accumulates, bytes and real-time factors", run, networks=("",))
