"""What is measured on what a receiver made of an utterance."""
