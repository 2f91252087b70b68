"""Hours of use, in a quarter of one: DEEPSC_SOAK_MINUTES says how many (15)."""

import os
import time
from pathlib import Path

import fixture_models
import pytest
from host_process import flowgraph, started
from hosts import Host, free_addresses

MINUTES = float(os.environ.get("DEEPSC_SOAK_MINUTES", "15"))
WARM = 0.2  # of the time: until then memory is still being taken
SENTENCES = ("still here", "hello world", "a", "the quick brown fox jumps over the lazy dog")


def resident(pid: int) -> float:
    """MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.slow
def test_field_soak(fixture_model, tmp_path):
    """One utterance after the other through sim_fading and back, while a `deepsc receive` prints them all.

    No message is lost, memory stays within 5 % of what it was when warm, no file descriptor more is open.
    """
    audio, results = free_addresses()
    end, warm = time.monotonic() + 60 * MINUTES, time.monotonic() + 60 * MINUTES * WARM
    speech, sent, before = [fixture_models.speak(text) for text in SENTENCES], 0, {}
    with (
        (tmp_path / "printed").open("w+") as log,
        flowgraph("sim_fading", fixture_model, audio, results, "--channel", "none", "--rate", "paper") as graph,
        Host(audio, results) as host,
        started("receive", "--address", results, "--json", log=log) as receiver,
    ):
        host.settle()
        while "listening" not in (tmp_path / "printed").read_text():
            time.sleep(0.1)
        pids = {"flowgraph": graph.pid, "receive": receiver.pid}
        while time.monotonic() < end:
            host.send(speech[sent % len(speech)], seq=sent)
            result = host.result()
            assert (result["seq"], result["text"], result["lost"]) == (sent, SENTENCES[sent % len(speech)], False)
            sent += 1
            if not before and time.monotonic() > warm:
                before = {name: (resident(pid), descriptors(pid)) for name, pid in pids.items()}
        after = {name: (resident(pid), descriptors(pid)) for name, pid in pids.items()}
        time.sleep(1)
        printed = sum('"session": "test"' in line for line in (tmp_path / "printed").read_text().splitlines())
    print(f"{sent} utterances in {MINUTES:g} minutes, {printed} printed; (MB, files): {before} -> {after}")
    assert printed == sent > 10 * MINUTES
    for name in pids:
        assert after[name][0] == pytest.approx(before[name][0], rel=0.05), name
        assert after[name][1] == before[name][1], name
