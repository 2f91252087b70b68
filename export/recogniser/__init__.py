"""The semantic encoder: speech -> P, the probabilities of 29 tokens, 25 times a second."""
