"""Everything of gr-deepsc that needs torch: training, ONNX export, evaluation of the exported models."""
