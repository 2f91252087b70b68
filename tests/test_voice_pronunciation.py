"""What letters stand for: alignments of words that everybody knows, the file, and the model that may do without it."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from deepsc_export.voice.acoustic import letters, teach
from deepsc_export.voice.acoustic.model import Acoustic, AcousticDims
from deepsc_export.voice.batches import Batch
from deepsc_export.voice.spoken import edged, edged_phones

from gr_deepsc.voice import pronunciation

SMALL = AcousticDims(width=32, encoder_convs=1, encoder_layers=1, decoder_convs=1, decoder_units=32, postnet=16)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("through", "TH|R||UW1||"),
        ("six", "S|IH1|K S"),
        ("made", "M|EY1|D|"),
        ("knight", "|N|AY1|||T"),
        ("don't", "D|OW1|N||T"),
    ],
)
def test_letters_have_their_phones(word, wanted):
    """Two letters for one phone, one for two, and silent ones; whatever the alignment, all phones in their order."""
    found = [pronunciation.units()[n] for n in pronunciation.pronounce(word)]
    assert " ".join(filter(None, found)).split() == " ".join(filter(None, wanted.split("|"))).split()
    assert len(found) == len(word)


def test_one_number_a_character():
    """A word that nobody knows is unknown letter by letter, a space is silent."""
    assert pronunciation.pronounce("qzxv a") == [pronunciation.UNKNOWN] * 4 + [pronunciation.SILENT] + [
        pronunciation.units().index("AH0")
    ]
    assert pronunciation.pronounce("") == []
    assert len(pronunciation.dictionary()) > 120_000


def test_alignments_are_learnt(tmp_path):
    """From 200 words of three letters whose sounds are one to one, but for a silent e and an x of two phones."""
    sounds = {"a": ["AE1"], "b": ["B"], "k": ["K"], "s": ["S"], "e": [], "x": ["K", "S"]}
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list(sounds), 4)) for _ in range(200)]
    spoken = [(word, [phone for letter in word for phone in sounds[letter]]) for word in words]
    cost = letters.learn(spoken)
    right = [letters.cut(word, phones, cost) == [tuple(sounds[c]) for c in word] for word, phones in spoken]
    assert np.mean(right) > 0.95
    assert letters.cut("e", ["B", "B", "B"], cost) is None  # one letter is two phones at most
    path = tmp_path / "words.xz"
    pronunciation.write(path, {"ax": ["AE1", "K S"], "be": ["B", ""]})
    assert pronunciation.units(path) == ["?", "", "AE1", "B", "K S"]
    assert pronunciation.pronounce("ax be xa", path) == [2, 4, 1, 3, 1, 1, 0, 0]
    assert pronunciation.dictionary(path) == {"ax": ["AE1", "K", "S"], "be": ["B"]}


def test_unknown_words_are_letters_alone():
    """Before any training the phones add nothing; unknown ones never do. Words are forgotten whole, and only words."""
    torch.manual_seed(0)
    encoder = Acoustic(SMALL).encoder.eval()
    tokens, phones = torch.tensor([edged("a big lake")]), torch.tensor([edged_phones("a big lake")])
    unknown = torch.zeros_like(phones)
    with torch.inference_mode():
        alone = encoder(tokens, unknown)
        assert torch.equal(encoder(tokens, phones), alone)
        encoder.phones.weight[1:] += 1
        assert torch.equal(encoder(tokens, unknown), alone) and not torch.equal(encoder(tokens, phones), alone)
    many = [x.expand(2000, -1) for x in (tokens, phones)]
    found = teach.forgotten(Batch(*many, *[None] * 6), 0.25).phones
    lost = (found == pronunciation.UNKNOWN).float().mean(0)
    letter = (tokens[0] != 0) & (tokens[0] < 28)
    assert lost[letter].numpy() == pytest.approx(0.25, abs=0.04) and lost[~letter].max() == 0
    assert lost[3] == lost[4] == lost[5]  # "big" as a whole


def test_help_does_without():
    """`deepsc --help` reads no dictionary."""
    code = "import sys, deepsc_host.cli; print('gr_deepsc.voice.pronunciation' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
