"""What several tests share: the analytic models and a voice for them."""

import fixture_models
import pytest


@pytest.fixture(scope="session")
def fixture_model(tmp_path_factory):
    """Folder with transmitter.onnx and receiver.onnx of the analytic fixture."""
    return fixture_models.write(tmp_path_factory.mktemp("fixture_model"))


@pytest.fixture(scope="session")
def speak():
    """speak(text) -> float32 waveform at 16 kHz that the fixture recognises as that text."""
    return fixture_models.speak
