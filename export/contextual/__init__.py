"""The channel codec with context: it sends characters instead of frames, at several rates."""
