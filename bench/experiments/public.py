"""The public benchmark: LibriSpeech test-clean through the whole modem."""

from functools import partial

from ..corpus import test_set
from ..errors import BenchError
from ..plot import curves
from ..work import Point
from .error_rates import rates
from .experiment import PUBLIC, Experiment, Outcome, Setting, Size
from .sweep import rows_of

WHERE = {"awgn": (-10.0, -8.0, -6.0, 0.0, 20.0), "rayleigh": (-2.0, 0.0, 4.0)}
SIZES = {"quick": Size(6), "default": Size(300), "full": Size(None)}


def run(setting: Setting) -> Outcome:
    """Error rates at every point of `WHERE`.

    Raises:
        BenchError: no corpus of that name is given.
    """
    folders = [folder for folder in setting.corpora if folder.name == PUBLIC]
    if not folders:
        raise BenchError(f"the public benchmark's folder, {PUBLIC}, is needed: name it by --corpus (docs/bench.md)")
    utterances = test_set(folders, setting.utterances or SIZES[setting.size].utterances)
    points = [Point(kind, snr) for kind in setting.channels for snr in setting.es_n0_db or WHERE.get(kind, ())]
    return rows_of(setting, "text", utterances, points, ["read"], rates)


TEST_CLEAN = Experiment(
    "WER and CER of LibriSpeech test-clean through the whole modem",
    run,
    partial(curves, y="wer", ylabel="WER"),
    systems=("gr-deepsc-520", "gr-deepsc-130"),
)
