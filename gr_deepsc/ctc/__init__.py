"""The features P -> text, by connectionist temporal classification (Graves et al. 2006).

greedy      the likeliest token of each frame
beam        the likeliest text, with a language model over characters
align       which frame says which letter of a known text
spikes      how sure P is of each letter
confidence  how far each word can be trusted
"""

# How a text is found: by the codec, the likeliest token of each step, or a search with a language model.
DECODERS = ("auto", "greedy", "beam")
