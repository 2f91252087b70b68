"""WaveNet, the paper's vocoder: log-mels -> waveform, sample after sample."""
