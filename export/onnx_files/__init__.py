"""Networks as .onnx files: traced and compared with torch, stored small, with a contract; and read back."""

import gr_deepsc.session  # noqa: F401  it must be the first to import ONNX Runtime: it switches telemetry off
