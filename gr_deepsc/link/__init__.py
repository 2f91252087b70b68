"""ZeroMQ between a flowgraph and whoever speaks and listens: audio in, results out.

addresses  where the two links listen unless told otherwise
protocol   the two frames of a message, version 1: packed, unpacked, checked
sockets    bounded in memory and time; CURVE keys where they leave this machine
assembler  audio chunks of many senders -> whole utterances
"""
