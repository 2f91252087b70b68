"""The burst modem in NumPy: symbols -> samples -> air -> samples -> symbols. Nothing here imports GNU Radio.

An utterance's symbols become bursts:

units        C/N0 and SNR of what is on the air, out of Es/N0 and the layout
utterance    one utterance as one burst or several, and the receiver's `Joiner` that puts them together again
framer       those bursts at a level, limited to full scale, with silence around each
burst        one burst: header and payload -> samples; `Burst` and `Lost`, what a receiver makes of one
header       38 bits about the burst -> QPSK symbols of a polar code (polar), and back
frame        which symbol of a burst is where: chirps (preamble), header, pilots, interleaved payload
pulse        symbols -> samples, four a symbol, and the matched filter

They cross a channel:

channel      the paper's, on symbols: y = h x + n
fading       on samples: fading by blocks, Doppler, two paths of short wave
impair       what radios add: noise, carrier, clock, delay, converters, mixers
air          one radio path out of all these
resample     from one sample rate or carrier to another
interpolate  the same for rates in any ratio

A receiver finds them and undoes the channel:

excise       carriers of others, taken out before anything else
detect       samples -> preambles, by a false-alarm probability
seek         a preamble -> its header, wherever it may be
ambiguity    where else a burst may start of which one chirp alone was heard
pilots       whether a header's pilots speak for a burst
legal        headers that no transmitter sends
budget       how much of this a stream may make it do
synchronise  time, carrier, drift and channel of the header, from what is known of it
realign      samples that were lost inside a burst, made room for
refine       time, carrier, drift and clock over the whole burst, and its channel
track        the channel between known symbols, with its error
multipath    a channel with echoes, and the equaliser that undoes it
demodulate   payload symbols with their reliability, out of a flat channel or out of echoes
equalise     the same where the channel is known: MMSE, and the paper's zero forcing
receiver     all of this over a stream: samples -> bursts
listener     bursts -> utterances, and the account of what was heard

exact        complex products that do not depend on where arrays lie in memory: for a receiver equal in any pieces
"""
