"""What a person sees, and what a program reads.

report       a result as a line for a person, or as JSON
picture      speech before and after the channel as spectrograms: Fig. 10 of the paper
spectrogram  its levels
"""
