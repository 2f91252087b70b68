"""Links whose ends stand still, and links without keys."""

import json
import os
import signal
import time

import pytest
import zmq
from deepsc_host.errors import HostError
from deepsc_host.link.results import ResultReader
from host_process import deepsc, started
from hosts import free_addresses

from gr_deepsc.link.protocol import pack_result
from gr_deepsc.link.sockets import make_keys, open_socket


def test_field_a_frozen_receiver_loses_nothing():
    """Stopped for 3 s, longer than other sockets' heartbeats allow, while 20 results come: it has them all then."""
    context, [address] = zmq.Context(), free_addresses(1)
    publisher = open_socket(context, "pub", address, bind=True)
    with started("receive", "--address", address, "--json", "--count", "22") as receiver:
        assert "listening" in receiver.stderr.readline()
        publisher.send_multipart(pack_result({"text": "first", "published": 0}))
        assert json.loads(receiver.stdout.readline())["text"] == "first"
        os.kill(receiver.pid, signal.SIGSTOP)
        for k in range(20):
            publisher.send_multipart(pack_result({"text": f"{k}", "published": k + 1}))
            time.sleep(0.15)
        os.kill(receiver.pid, signal.SIGCONT)
        publisher.send_multipart(pack_result({"text": "last", "published": 21}))
        out, err = receiver.communicate(timeout=30)
    assert [json.loads(line)["text"] for line in out.splitlines()] == [*map(str, range(20)), "last"]
    assert "went away" not in err and "missing" not in err
    context.destroy(linger=0)


def test_field_results_that_are_missing_are_told(capsys):
    """By their numbers; a flowgraph that begins again at 0, or tells none, lacks nothing."""
    context, [address] = zmq.Context(), free_addresses(1)
    publisher = open_socket(context, "pub", address, bind=True)
    reader = ResultReader(context, address)
    reader.wait_for_peer(10)
    for published in (4, 5, 9, 10, 0, 1, None, 7):
        publisher.send_multipart(pack_result({} if published is None else {"published": published}))
    for _ in range(8):
        assert reader.read(5.0)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and "3 results are missing" in said[0]
    reader.close()
    context.destroy(linger=0)


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
