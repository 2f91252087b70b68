"""Text -> speech in a registered user's voice.

speaker      a received text -> speech, whatever its letters and user: what could not be done as asked is said
synthesizer  text -> log-mels by acoustic.onnx, then a vocoder
mel          what acoustic models and vocoders agree on: the log-mel spectrogram's constants and filters
vocoders     log-mels -> waveform, by name: a fast network, wavenet, or griffin_lim, which needs no training
wavenet      the paper's vocoder, sample by sample
pronunciation  what the letters of English words stand for, from CMUdict
files        where the voice's .onnx files lie, and their contract
"""
