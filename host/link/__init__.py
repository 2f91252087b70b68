"""The host's ends of the ZeroMQ links to a running flowgraph (gr_deepsc.link).

sender   utterances to the Audio Link
results  what its Result Link says
peer     a connecting socket, and whether somebody is at the other end
"""
