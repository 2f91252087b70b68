"""DeepSC for text (Xie et al. 2021, arXiv 2006.10685), the paper's baseline behind a speech recogniser: SR+DeepSC."""
