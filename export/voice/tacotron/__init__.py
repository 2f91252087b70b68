"""Tacotron 2, the paper's text -> log-mels, frame after frame; not shipped."""
