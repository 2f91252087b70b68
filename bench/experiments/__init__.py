"""The experiments by name, as `deepsc bench NAME` runs them."""

from .complexity import COMPLEXITY
from .error_rates import FIG5, FIG6, JUDGE
from .experiment import Experiment
from .learning_rates import FIG4
from .public import TEST_CLEAN
from .rates import RATES, SYMBOLS
from .robust import ROBUST
from .spectrograms import FIG10
from .speech_distances import FIG7, FIG8
from .symbols import TABLE2
from .unknown import UNKNOWN

EXPERIMENTS: dict[str, Experiment] = {
    "fig4": FIG4,
    "fig5": FIG5,
    "fig6": FIG6,
    "fig7": FIG7,
    "fig8": FIG8,
    "fig10": FIG10,
    "judge": JUDGE,
    "table2": TABLE2,
    "complexity": COMPLEXITY,
    "robust": ROBUST,
    "rates": RATES,
    "symbols": SYMBOLS,
    "unknown": UNKNOWN,
    "test-clean": TEST_CLEAN,
}
