"""Sound in and out through sounddevice (PortAudio).

microphone  what is spoken, utterance by utterance
player      speech to the ear
"""
