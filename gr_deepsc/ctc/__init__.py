"""The features P -> text, by connectionist temporal classification (Graves et al. 2006).

greedy      the likeliest token of each frame
beam        the likeliest text, with a language model over characters
align       which frame says which letter of a known text
spikes      how sure P is of each letter
confidence  how far each word can be trusted
"""

DECODERS = ("greedy", "beam")  # how a text is found
