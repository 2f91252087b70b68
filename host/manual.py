"""The help texts of the command `deepsc`."""

DESCRIPTION = """\
Speech in, meaning over the air, text and a voice out: DeepSC-ST on GNU Radio.

With no radio and nothing running, try `deepsc simulate RECORDING`; files of a radio's samples are written by
`deepsc record` and read by `deepsc play`.
With a flowgraph: `deepsc flowgraph run sim_fading` in one terminal, `deepsc receive` in a second one,
`deepsc send RECORDING` in a third. When something does not work: `deepsc doctor`.
"""

EXIT_STATUS = """\
EXIT STATUS
  0    all went well
  1    something failed: a recording, an utterance, a check; all else was still done
  2    nothing could be done: bad options, no model, no flowgraph at the address, GNU Radio missing
"""

SIMULATE = """\
Send recordings through the whole modem and a simulated radio path in one GNU Radio flowgraph, in this process.

Recordings: wav, flac, ogg, opus, ...; 8 to 192 kHz, mono or stereo, 0.1 to 60 s of speech each. The receiver
is told nothing of the path: it finds the bursts, and estimates time, carrier (within 10 % of the symbol rate),
clock, fading and noise. With --csi ideal the symbols go through the channel one by one, and the receiver is
told h and N0. awgn, rayleigh and rician are the paper's channels: one fading coefficient for 128 symbols. Noise
and fading follow from --seed and the place of the file in the call, so the same call gives the same text.

--rate chooses the channel codec: 520, 260 or 130 complex symbols for a second of speech at its usual pace, by
the codec with context, which sends characters; auto, the lowest of them for --target-snr; or paper, the model's
own codec, 500 symbols whatever is said. The receiver reads the rate in the burst's header.

With --out or --play, what was recognised is spoken in the voice registered for --user-id (see `deepsc voices`).
"""

SIMULATE_EXAMPLES = """\
OUTPUT
  One block a file to read, or with --json one object a line with the keys: file, text, channel, es_n0_db,
  seed, n_symbols, symbols_per_second (of speech), rtf (processing time / speech time), user_id, lost, error
  (null or a sentence), and error_type, confidence, seconds, snr_3khz_db, cn0_dbhz, model, csi; and of the
  modem, null with ideal CSI or where no burst was read: detected (a burst was found, even if it could not be
  read), es_n0_db_estimated, cfo_hz and clock_ppm as estimated, evm (of the pilots), fading (the kind of channel
  that explained the pilots best), overhead (share of all symbols that is not payload), n_bursts and
  bursts_missing; then rate (nominal symbols a second) and words (each word and its confidence: the share of
  such words that were right on recordings held out of training). With speech also: voice (the user ID whose
  voice it is), speech_s (its duration), synthesis_s (time to make it, not in rtf), speech (its file, with
  --out), and warning (null or a sentence: the user has no voice here, nothing was recognised).
  SNR is given as Es/N0 per complex symbol of the payload; SNR in 3 kHz and C/N0 are for payload symbols sent
  as fast as the speech makes them.
  error_type says what was lost: not_detected, header_crc, bursts_missing (the text has gaps), stopped (the
  flowgraph itself), or what is wrong with the recording: missing, corrupt, empty, silent, not_finite, ...

  To read, a word of confidence below 0.5 has a question mark behind it.

EXAMPLES
  deepsc simulate hello.wav
  deepsc simulate --rate 130 --snr -2 hello.wav
  deepsc simulate --decoder beam hello.wav
  deepsc simulate --channel rician --snr 8 --json *.flac
  deepsc simulate --snr -6 --cfo-hz 4000 --clock-ppm 100 --delay-samples 1234.5 hello.wav
  deepsc simulate --model compact --channel none --out results/ speech.opus
"""

RECORD = """\
Write what a radio would send for recordings of speech to a file; needs no GNU Radio.

NAME.sigmf-meta makes a SigMF recording (NAME.sigmf-data beside it), NAME.wav the audio band: 48 kHz, 16 bits,
the signal 1.5 kHz wide about 1500 Hz, for the microphone input of a single-sideband transceiver. An older file
of the same name is replaced. SigMF recordings mark each burst, with its text if --transcripts has it. With
--channel and the options below it, the signal goes through a simulated path first, as in `deepsc simulate`.
"""

RECORD_EXAMPLES = """\
EXAMPLES
  deepsc record hello.wav --out hello.sigmf-meta
  deepsc record *.flac --out faded.sigmf-meta --channel rayleigh --snr 6 --cfo-hz 2000 --datatype ci8
  deepsc record hello.wav --out hackrf.sigmf-meta --profile hackrf    # 2 Msample/s, 250 kHz off the centre
  deepsc record hello.wav --out ssb.wav
"""

PLAY = """\
Find and decode the bursts in recordings of a radio, made by anything; needs no GNU Radio.

NAME.sigmf-meta or NAME.sigmf-data: complex samples of any SigMF datatype at any rate that leaves room for the
signal. NAME.wav: what a single-sideband receiver gives out, the signal about 1500 Hz. Any length will do.
"""

PLAY_EXAMPLES = """\
OUTPUT
  One line an utterance, or with --json one object with the keys: file, text, time_s (of the first burst),
  user_id, seq (modulo 32), lost, error (null or a sentence), error_type, confidence, words (each with its
  confidence), seconds (of speech, roughly: symbols over the rate's nominal figure), n_symbols,
  es_n0_db, cfo_hz, clock_ppm, timing (sample of the stream at 4 a symbol), evm, fading, n_bursts,
  bursts_missing, received (share of the utterance that was there). Files that cannot be read and files
  without a burst (not_detected) are such results, too, and make the exit status 1.

EXAMPLES
  deepsc play hello.sigmf-meta
  deepsc play --profile hackrf hackrf.sigmf-meta
  deepsc play --json ssb.wav
  deepsc play --through-gnuradio hello.sigmf-meta     # the same by the blocks of a flowgraph
"""

SEND = """\
Send recordings, or what the microphone hears, to a running flowgraph.

The microphone's audio is cut into utterances at its pauses. Ctrl-C ends it.

--wait prints one result an utterance. Over the air there is none where a burst is not heard. One that is heard
but cannot be read does not say whose it is: it is reported at once on stderr (with --json also as an object of
error_type header_crc, seq -1 and no session), and the wait goes on.
"""

SEND_EXAMPLES = """\
EXAMPLES
  deepsc send hello.wav
  deepsc send --wait hello.wav goodbye.flac      # and print what came back
  deepsc send --mic --wait                       # speak
"""

RECEIVE = """\
Print the texts that a running flowgraph recognises, one a line, until Ctrl-C. Flowgraphs with a Speech
Synthesizer send speech as well: --play plays it, --out saves it.
"""

RECEIVE_EXAMPLES = """\
EXAMPLES
  deepsc receive
  deepsc receive --play --out received/
  deepsc receive --json --count 2 --timeout 30
"""

FLOWGRAPH = """\
List, run, compile or open the flowgraphs that come with gr-deepsc; NAME may also be a .grc file.

Only a GRC started through this command finds gr-deepsc's blocks and this Python environment by itself.
Generated Python goes to ~/.cache/deepsc, never into the checkout.
"""

FLOWGRAPH_EXAMPLES = """\
EXAMPLES
  deepsc flowgraph list
  deepsc flowgraph run sim_fading -- --channel rician --es-n0-db 8
  deepsc flowgraph run sim_fading -- --help      # what the flowgraph can be told
  deepsc flowgraph open sim_gui
"""

SAY = """\
Speak a text in the voice of a registered user: a duration-based acoustic model and a vocoder, no attention, so
that any text ends. Letters and apostrophes are spoken; numbers have to be spelled out. An unknown user gets the
voice of user 0 and a warning. Needs no GNU Radio.

VOCODERS
  fast        a filtered pulse train and noise, 60 times faster than speech; the default
  wavenet     the paper's, sample by sample: some four seconds for a second of speech; a bar shows how far it is
  griffinlim  a phase found by iteration, no training; for comparison
"""

SAY_EXAMPLES = """\
OUTPUT
  With --json one object with the keys: text (as spoken), user_id, name, seconds, vocoder, rtf (time taken /
  seconds), first_audio_s (from the text to the first sample that could be played: a text is made as a whole),
  load_s (of the models, before that), warnings, file.

EXAMPLES
  deepsc say "the voice at the other end" --user-id 1
  deepsc say "hello world" --out hello.wav --json
  deepsc say "hello" --vocoder wavenet --out hello.wav
"""

VOICES = """\
List the registered users: ID, name, licence of the recordings that the voice was learnt from. docs/voices.md
says how another user is registered.
"""

BENCH = """\
Run one of the paper's experiments: the compared systems, the same recordings, the same channel realisations.
Needs pip install '.[bench]'.

What is measured is kept in DIR at once: a stopped run goes on from there, and fig6 needs no more than fig5.
The results do not depend on the number of processes or machines.
"""

BENCH_EXAMPLES = """\
OUTPUT
  DIR/NAME.csv, NAME.png, NAME.json (machine, command, revision, seed, models, packages), NAME-costs.csv (CPU
  seconds of every item) and items.sqlite (what was measured). docs/bench.md explains the columns.

EXAMPLES
  deepsc bench --list
  deepsc bench fig5 --quick
  deepsc bench fig5 --corpus corpora/LJSpeech-1.1 corpora/mini_librispeech
  deepsc bench fig5 --scheduler tcp://10.0.0.1:8786    # `dask scheduler`, `dask worker tcp://10.0.0.1:8786`
"""

DOCTOR = """\
Check what gr-deepsc needs: GNU Radio, NumPy, the blocks, the models and their hashes, audio devices, ports.
Says of each how to mend it. Exit status 0 when all that is necessary is there.
"""

KEYS = """\
Make the CURVE keys that `send`, `receive` and the link blocks need to talk to another machine.

FOLDER gets a key pair of the server (the flowgraph) and one of a client; FOLDER/clients holds the public keys
of those who may connect. Copy server.key, client.key and client.key_secret to the client's machine, no more.
"""
