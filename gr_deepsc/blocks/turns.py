"""Work of many senders on few threads: in order for each of them, by turns between them."""

import atexit
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import pmt

from ..session import give_up
from .pdu import PduBlock, PduError, get, metadata

THREADS = 2  # so that a short piece of work need not wait for the end of a long one of somebody else
LIMIT_S = 660.0  # of one sender that may wait: a recording of ten minutes, sent at once
TOTAL_S = 1800.0  # of all: at 16 kHz 115 MB
END = "end"  # whose turn it is when there are no more turns; a session has a word before its name
PATIENCE_S = 0.3  # with what is under way when a flowgraph stops


_left = WeakSet[threading.Thread]()  # of flowgraphs that were stopped


@atexit.register
def _end() -> None:
    """What is still under way ends now: ONNX Runtime would abort a process that ends in the middle of it."""
    if any(thread.is_alive() for thread in _left):
        give_up()
        for thread in list(_left):
            thread.join(1.0)


class Turns:
    """A queue for each sender; of each at most one piece of work is under way."""

    def __init__(self, work: Callable[[Any], None], threads: int = THREADS) -> None:
        """`work`: does a piece; must not raise."""
        self._work, self._count = work, threads
        self._queues: OrderedDict[str, deque[tuple[float, Any]]] = OrderedDict()  # whose turn it is comes first
        self._busy: set[str] = set()
        self._waiting: dict[str, float] = {}  # seconds, by sender
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._stopping = False

    def start(self) -> None:
        """Begin to work."""
        self._stopping = False
        self._threads = [threading.Thread(target=self._run, name="turns", daemon=True) for _ in range(self._count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Forget what waits; what is under way has `PATIENCE_S` seconds to end, and may go on behind."""
        with self._changed:
            self._stopping = True
            self._queues.clear()
            self._waiting.clear()
            self._changed.notify_all()
        deadline = time.monotonic() + PATIENCE_S
        for thread in self._threads:
            _left.add(thread)
            thread.join(max(0.0, deadline - time.monotonic()))

    def put(self, sender: str, seconds: float, piece: Any) -> None:
        """Let `piece`, `seconds` long, wait for its turn.

        Raises:
            PduError: overload, too much waits already.
        """
        with self._changed:
            own, total = self._waiting.get(sender, 0.0), sum(self._waiting.values())
            if own + seconds > LIMIT_S or total + seconds > TOTAL_S:
                whose = "of this sender" if own + seconds > LIMIT_S else "of all senders"
                raise PduError("overload", f"{max(own, total):.0f} s {whose} wait already: send more slowly")
            self._waiting[sender] = own + seconds
            self._queues.setdefault(sender, deque()).append((seconds, piece))
            self._changed.notify()

    def waits(self, sender: str) -> bool:
        """Whether work of this sender waits."""
        return sender in self._queues

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                sender = self._changed.wait_for(self._next_or_end)
                if sender in (None, END) or me not in self._threads:
                    return
                piece = self._take(sender)
            self._work(piece)
            with self._changed:
                self._busy.discard(sender)
                self._changed.notify_all()

    def _next_or_end(self) -> str | None:
        """Whose turn it is; None while there is nothing to do."""
        return END if self._stopping else next((each for each in self._queues if each not in self._busy), None)

    def _take(self, sender: str) -> Any:
        queue = self._queues.pop(sender)
        seconds, piece = queue.popleft()
        self._waiting[sender] -= seconds
        if queue:
            self._queues[sender] = queue  # behind the others
        else:
            del self._waiting[sender]
        self._busy.add(sender)
        return piece


class PatientBlock(PduBlock):
    """A `PduBlock` whose work takes long: of what came over a link senders take turns, told apart by their session.

    They are marked `linked`. All else is worked on at once, in GNU Radio's thread: it came from a file, a stream or the
    air, and a flowgraph that ends with its file ends when all of it is done. One with a link does not end by itself.
    Subclasses say in `seconds` how much speech a PDU is.
    """

    def __init__(self, name: str, port_in: str, port_out: str | None = None, failed: str | None = "failed"):
        """As of `PduBlock`."""
        super().__init__(name, port_in, port_out, failed)
        self._turns = Turns(super()._receive)

    def start(self):
        """Begin to work; also after a stop."""
        self._turns.start()
        return True

    def stop(self):
        """Stop soon, whatever waits."""
        self._turns.stop()
        return True

    def seconds(self, meta: Any, vector: Any) -> float:
        """Of speech in a PDU."""
        raise NotImplementedError

    def more(self, meta: Any) -> bool:
        """Whether more waits behind what is worked on, of the same sender if it came over a link."""
        if get(meta, "linked", False):
            return self._turns.waits(f"session {get(meta, 'session', '')}")
        return self.nmsgs(self._in) > 0

    def _receive(self, message: Any) -> None:
        meta = metadata(message)
        try:
            if not get(meta, "linked", False):
                super()._receive(message)
                return
            sender = get(meta, "session", "")
            vector = pmt.cdr(message)
            seconds = self.seconds(meta, vector) if pmt.is_uniform_vector(vector) else 0.0
            self._turns.put(f"session {sender}", seconds, message)
        except Exception as error:
            self.refuse(meta, error)
