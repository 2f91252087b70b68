"""Everything of gr-deepsc that needs torch: training, ONNX export, evaluation of the exported models."""

import gr_deepsc.session  # noqa: F401 - first, for it switches ONNX Runtime's telemetry off
