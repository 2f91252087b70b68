"""Corpora, their audio, augmentation, batches; texts; and synthetic speech."""
