"""The fast vocoder: log-mels -> waveform, all samples at once."""
