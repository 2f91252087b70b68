"""What commands read and leave behind.

baseband     the modem's samples into SigMF recordings, and into wav in the audio band
encoding     text as files and terminals have it
transcripts  true texts of recordings, to compare with or to mark bursts with
wav          speech, and the audio band, as wav
writer       what `deepsc simulate --out` leaves of each recording
"""
