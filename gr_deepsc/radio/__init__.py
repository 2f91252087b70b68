"""What stands between the modem's samples and a device or a recording.

profiles    symbol rate, the device's sample rate and the carrier's offset, by name
permission  what a flowgraph with a real transmitter is refused for before a device is opened
ptt         a transceiver keyed and released, by a process that outlives ours
iqfile      recordings as SigMF, read and written
recordings  recordings of any program, read
"""
