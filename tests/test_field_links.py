"""Links whose ends stand still, and links without keys."""

import json
import os
import signal
import time

import fixture_models
import pytest
import zmq
from deepsc_host.errors import HostError
from deepsc_host.link.results import ResultReader
from host_process import deepsc, flowgraph, started
from hosts import Host, free_addresses

from gr_deepsc.link.sockets import make_keys, open_socket


@pytest.mark.slow
def test_field_a_frozen_receiver_loses_nothing(fixture_model):
    """Stopped for 3 s, longer than heartbeats allow, while 20 results come: it has them all then, in their order."""
    audio, results = free_addresses()
    speech = [fixture_models.speak(text) for text in ("still here", "hello")]
    with (
        flowgraph("sim_fading", fixture_model, audio, results, "--channel", "none", "--rate", "paper"),
        Host(audio, results) as host,
        started("receive", "--address", results, "--json", "--timeout", "20") as receiver,
    ):
        assert "listening" in receiver.stderr.readline()
        host.settle()
        host.send(speech[0], seq=0)
        while json.loads(receiver.stdout.readline())["session"] != "test":  # before it, what settling gave
            pass
        os.kill(receiver.pid, signal.SIGSTOP)
        for seq in range(1, 21):
            host.send(speech[seq % 2], seq=seq)
            time.sleep(0.15)
        os.kill(receiver.pid, signal.SIGCONT)
        host.send(speech[0], seq=21)
        heard = [json.loads(receiver.stdout.readline())["seq"] for _ in range(21)]
    assert heard == list(range(1, 22))


def test_field_a_link_off_this_machine_without_a_key_names_the_cause():
    """Neither side of it starts, and both say what to do."""
    for command in (
        ("receive", "--address", "tcp://192.0.2.1:5556"),
        ("send", "--mic", "--address", "tcp://192.0.2.1:5555"),
    ):
        done = deepsc(*command)
        assert done.returncode == 2 and "deepsc keys" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("server", "client", "words"),
    [("a", "", "wants a key .*--curve-key"), ("", "a", "leave out --curve-key"), ("a", "b", "add it to its clients/")],
)
def test_field_a_key_on_one_side_only_is_named(tmp_path, server, client, words):
    """Somebody listens, and will not talk: not the same as nobody."""
    for name in "ab":
        make_keys(tmp_path / name)
    keys = [str(tmp_path / name) if name else "" for name in (server, client)]
    context, other, [address] = zmq.Context(), zmq.Context(), free_addresses(1)
    publisher = open_socket(context, "pub", address, bind=True, curve_key=keys[0])
    reader = ResultReader(other, address, keys[1])
    try:
        with pytest.raises(HostError, match=words):
            reader.wait_for_peer(1.0)
    finally:
        reader.close()
        publisher.close(linger=0)
        for each in (other, context):
            each.destroy(linger=0)
