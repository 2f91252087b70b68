"""The channel codec of the paper, frame by frame, and the two files that it makes with a recogniser."""
