"""Audio as it comes -> utterances that the transmitter takes: 16 kHz, mono, float32.

audio    one recording or utterance: read, checked, mixed down, resampled, or refused with a typed `AudioError`
reading  a file or pipe of any format, in blocks; container opens it
recording  a whole file cut into utterances at its pauses
segment  a stream cut into utterances at its pauses, and a long waveform into pieces that a model can take
"""
