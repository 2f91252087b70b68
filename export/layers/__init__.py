"""Layers that several networks share, and the channel between a sender's and a receiver's."""
