"""What every training shares: the loop, its options, checkpoints, descent, error rates, curves."""
