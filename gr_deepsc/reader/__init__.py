"""Speech -> written text, as Whisper's own decoder reads it, held against what CTC heard.

whisper  `Reader`: encoder.onnx and decoder.onnx of a folder, waveform -> words
search   the likeliest tokens, greedily or by a beam search; ends in bounded time
check    words against the features P: how sure each is, and what is sent where the two disagree
checked  `CheckedReader`: all of it, for speech of any length
said     a text and how sure its reader is of it
"""

# Who reads: by the model; Whisper's decoder, five texts followed or one; or CTC with a language model.
READERS = ("auto", "whisper", "whisper-greedy", "ctc")
AUTO, WHISPER, WHISPER_GREEDY, CTC = READERS
BEAM = 5
