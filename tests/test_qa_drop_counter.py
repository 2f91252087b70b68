"""Drop Counter: what a USRP says of samples that were lost."""

import numpy as np
import pmt
import pytest
from gnuradio import blocks, gr
from graph import pdu, post, received, running, sink, wait_until

from gr_deepsc.blocks import DropCounter

RATE = 200e3


def tag(sample: int, key: str, value) -> gr.tag_t:
    made = gr.tag_t()
    made.offset, made.key, made.value = sample, pmt.intern(key), value
    return made


def rx_time(sample: int, seconds: int, fraction: float) -> gr.tag_t:
    return tag(sample, "rx_time", pmt.make_tuple(pmt.from_uint64(seconds), pmt.from_double(fraction)))


def run(counter: DropCounter, *tags: gr.tag_t) -> None:
    top_block = gr.top_block()
    top_block.connect(blocks.vector_source_c([0] * 100_000, False, 1, list(tags)), counter)
    top_block.run()


def event(*codes: str):
    """As usrp_sink sends it."""
    inside = pmt.make_dict()
    for key, value in (("channel", pmt.from_long(0)), ("event_code", pmt.list1(pmt.intern(codes[0])))):
        inside = pmt.dict_add(inside, pmt.intern(key), value)
    for code in codes[1:]:
        known = pmt.dict_ref(inside, pmt.intern("event_code"), pmt.PMT_NIL)
        inside = pmt.dict_add(inside, pmt.intern("event_code"), pmt.list_add(known, pmt.intern(code)))
    return pmt.cons(pmt.intern("uhd_async_msg"), inside)


def test_start_is_no_overflow():
    """The first rx_time says when the stream began."""
    counter = DropCounter(RATE)
    run(counter, rx_time(0, 5, 0.25))
    assert not any(counter.counters.values())


def test_overflows_and_their_samples():
    """The time jumps by more than the samples account for: by 1,000 and by 200,000 of them, over a second's end."""
    counter = DropCounter(RATE)
    second = 0.9 + 21_000 / RATE  # 20,000 samples came, 21,000 were sent
    third = 1 + second + 50_000 / RATE
    run(
        counter, rx_time(0, 7, 0.9), rx_time(20_000, 8, second - 1), rx_time(70_000, 7 + int(third), third - int(third))
    )
    assert (counter.overflows, counter.samples_lost) == (2, 1_000 + 200_000)


def test_device_without_a_clock():
    """Its tags say 0 for ever: overflows are counted, nobody knows how long they were."""
    counter = DropCounter(RATE)
    run(counter, rx_time(0, 0, 0.0), rx_time(20_000, 0, 0.0))
    assert (counter.overflows, counter.samples_lost) == (1, 0)


def test_tag_of_another_shape_stops_nothing():
    """Samples are worth more than their count."""
    counter = DropCounter(RATE)
    run(counter, tag(0, "rx_time", pmt.PMT_T), tag(10, "rx_time", pmt.PMT_T))
    assert counter.nitems_read(0) == 100_000


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("underflow", "underflows"),
        ("underflow_in_packet", "underflows"),
        ("sequence_error", "sequence_errors"),
        ("time_error", "late"),
    ],
)
def test_asynchronous_messages(code, name):
    """Counted by kind; that a burst was sent to its end is none of them."""
    counter, top_block = DropCounter(RATE), gr.top_block()
    out = sink(top_block, counter, "status")
    with running(top_block):
        for message in (event("burst_ack"), event(code), event("burst_ack", code), pmt.PMT_T, event(code)):
            post(counter, "async_msgs", message)
        wait_until(lambda: out.num_messages() == 3)
        wait_until(lambda: getattr(counter, name) == 3)
    assert sum(counter.counters.values()) == 3
    assert pmt.to_python(out.get_message(2))[name] == 3


def test_results_gain_the_counters():
    """A host reads with each text what the radio lost; what is no PDU passes as it is."""
    counter, top_block = DropCounter(RATE), gr.top_block()
    out = sink(top_block, counter, "text")
    with running(top_block):
        for message in (event("underflow"), event("time_error")):
            post(counter, "async_msgs", message)
        wait_until(lambda: counter.late == 1)
        post(counter, "text", pdu(np.zeros(1, np.complex64), text="hello", seq=4))
        post(counter, "text", pmt.PMT_T)
        wait_until(lambda: out.num_messages() == 2)
        ((meta, _),) = received(out, 1)
    expected = {"overflows": 0, "samples_lost": 0, "underflows": 1, "sequence_errors": 0, "late": 1}
    assert meta == {"text": "hello", "seq": 4} | expected
    assert pmt.equal(out.get_message(1), pmt.PMT_T)


def test_impossible_rate():
    with pytest.raises(ValueError, match="above 0"):
        DropCounter(0.0)
