"""Voices: text and user ID -> log-mel spectrogram (acoustic model) -> waveform (vocoder), in torch."""
