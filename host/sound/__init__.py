"""Sound in and out through sounddevice (PortAudio).

microphone  what is spoken, utterance by utterance
player      speech to the ear
quiet       no flood of messages where there is no sound card
"""
