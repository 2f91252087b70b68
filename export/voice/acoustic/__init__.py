"""Text and user ID -> log-mels, all frames at once; the model that is shipped."""
