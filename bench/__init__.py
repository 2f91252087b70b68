"""The paper's experiments: baselines, metrics, curves."""
