"""`deepsc receive`: what a running flowgraph recognises, on the terminal, as files and to the ear."""

import argparse
import itertools
import time
from pathlib import Path
from typing import Any

import zmq

from gr_deepsc.link.protocol import ProtocolError, Result, unpack_result
from gr_deepsc.link.sockets import receive_frames
from gr_deepsc.phy.utterance import SEQUENCE

from ..errors import DONE, SOME_FAILED, HostError
from ..link.peer import SETTLE_S, Peer
from ..show.report import complain, show
from ..sound import player as speech

UNREADABLE = ("header_crc", "header_version", "truncated")  # of a burst that names neither user nor utterance
PATIENCE = 10.0  # s without a flowgraph, where --timeout does not say otherwise


class ResultReader:
    """Results as they arrive from a Result Link.

    Args:
        session: only the results of this session's utterances, once they are `expect`ed; "" for all.
        user_id: of the session.

    A burst has no room for a session and counts utterances modulo 32: a result from the air is taken for the
    oldest utterance of this user that has no result yet and fits. While any is expected, an `unreadable` burst is a
    result as well: it may be one of them.
    """

    def __init__(
        self, context: zmq.Context, address: str, curve_key: str = "", session: str = "", user_id: int = 0
    ) -> None:
        self.peer = Peer(context, "sub", address, "Result Link", curve_key)
        self._session, self._user_id = session, user_id
        self._expected: list[int] = []

    def expect(self, seq: int) -> None:
        """An utterance of the session was sent."""
        self._expected.append(seq)

    def wait_for_peer(self, timeout_s: float) -> None:
        """Wait until results can no longer be missed; HostError after `timeout_s` seconds."""
        self.peer.wait(timeout_s)
        time.sleep(SETTLE_S)

    def read(self, timeout_s: float) -> Result | None:
        """The next result, or None after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while self.peer.socket.poll(max(0, round((deadline - time.monotonic()) * 1000))):
            try:
                result = unpack_result(receive_frames(self.peer.socket))
            except ProtocolError as error:
                complain(f"a message that is no result was dropped: {error}")
                continue
            if not self._session or self._ours(result.fields):
                return result
        return None

    def _ours(self, result: dict[str, Any]) -> bool:
        """Whether the session waits for it; gives a result from the air the name that it was sent by."""
        if unreadable(result):
            return bool(self._expected)
        if result["session"]:
            fits = [seq for seq in self._expected if seq == result["seq"]]
            ours = result["session"] == self._session
        else:
            fits = [seq for seq in self._expected if seq % SEQUENCE == result["seq"]]
            ours = bool(fits) and result["user_id"] == self._user_id
        if ours and fits:
            result |= {"session": self._session, "seq": fits[0]}
            self._expected.remove(fits[0])
        return ours

    def close(self) -> None:
        """Close the socket."""
        self.peer.close()


def unreadable(result: dict[str, Any]) -> bool:
    """A burst from the air of which nobody knows whose it was."""
    return not result["session"] and result["seq"] == -1 and result["error_type"] in UNREADABLE


def run(args: argparse.Namespace) -> int:
    """`deepsc receive`."""
    folder = _folder(args.out) if args.out else None
    player = speech.Player(args.device) if args.play else None
    context = zmq.Context()
    try:
        reader = ResultReader(context, args.address, args.curve_key)
        reader.wait_for_peer(PATIENCE if args.timeout is None else args.timeout)
        complain(f"listening at {args.address}")
        return _take_results(reader, args, folder, player)
    finally:
        context.destroy(linger=0)
        if player:
            player.close()


def _take_results(
    reader: ResultReader, args: argparse.Namespace, folder: Path | None, player: speech.Player | None
) -> int:
    status, count, last, there = DONE, 0, time.monotonic(), True
    while args.count is None or count < args.count:
        result = reader.read(0.2)
        if reader.peer.update() != there:
            there = not there
            complain("the flowgraph is back" if there else "the flowgraph went away; waiting for it")
        if result is not None:
            fields, spoken = result
            if folder and len(spoken):
                fields["file"] = str(_save(folder, result))
            show(fields, args.json)
            if player and len(spoken):
                player(spoken, fields["speech_rate"])
            count, last = count + 1, time.monotonic()
            if fields["lost"] or fields["error"]:
                status = SOME_FAILED
        elif args.timeout is not None and time.monotonic() - last > args.timeout:
            wanted = f" of {args.count}" if args.count else ""
            complain(f"{count}{wanted} results came, none in the last {args.timeout:g} s")
            return SOME_FAILED if args.count or not count else status
    return status


def _folder(name: str) -> Path:
    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HostError(f"cannot make the folder {name}: {error.strerror}") from None
    return Path(name)


def _save(folder: Path, result: Result) -> Path:
    """Speech as NUMBER-userID.wav, a free number: over the air there is no name, and sequence numbers repeat."""
    number = next(n for n in itertools.count(1) if not any(folder.glob(f"{n:04d}-*.wav")))
    path = folder / f"{number:04d}-user{result.fields['user_id']}.wav"
    speech.write(path, result.speech, result.fields["speech_rate"])
    return path
