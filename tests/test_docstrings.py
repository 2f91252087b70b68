"""The examples in gr_deepsc's docstrings print what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHOWN = [path for path in sorted(ROOT.glob("gr_deepsc/**/*.py")) if ">>> " in path.read_text()]
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SHOWN]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the checkout's root: they read the recordings of tests/samples."""
    monkeypatch.chdir(ROOT)
    tried = doctest.testmod(importlib.import_module(name))
    assert tried.attempted and not tried.failed


def test_examples_are_found() -> None:
    """What a newcomer calls first has one."""
    first = ("codec.decode", "codec.encode", "ctc.greedy", "phy.air", "phy.channel", "speech.audio")
    assert {f"gr_deepsc.{name}" for name in first} <= set(MODULES)
