"""The reader: Whisper's text decoder over its encoder, from recordings to text as people write it."""
