"""Speech -> complex symbols, and symbols with their reliability -> text.

framewise   the recogniser (waveform -> P) and the paper's channel codec: 20 symbols for each frame of P, 500 a second
letters     a text and how sure its reader is of it -> what the channel encoder is given
contextual  the codec with context: characters instead of frames, a few symbols each, at the rates of `rates`
characters  what its decoder says -> text
former      its predecessor's decoder, for what was recorded with it
rates       symbols a second by name, and which of them an Es/N0 allows
encode      `Encoder`: an utterance's samples -> its symbols, by either codec
decode      `Decoder`: equalised symbols -> a text and how far each word can be trusted
"""
