"""Where a flowgraph's links listen unless told otherwise; here, since naming them needs no ZeroMQ."""

AUDIO_ADDRESS = "tcp://127.0.0.1:5555"
RESULT_ADDRESS = "tcp://127.0.0.1:5556"
SPECTRUM_ADDRESS = "tcp://127.0.0.1:5557"
