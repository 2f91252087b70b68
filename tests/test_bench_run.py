"""`deepsc bench`: the same results on one core, two cores and a cluster, and after an interruption."""

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from deepsc_bench import corpus, provenance
from deepsc_bench.errors import BenchError
from deepsc_bench.experiments import EXPERIMENTS
from deepsc_bench.record import FIGURES
from deepsc_bench.tables import document, thresholds
from deepsc_host.cli import main
from host_process import COMMAND, deepsc, deepsc_here

OURS = "deepsc-st-paper"  # the quickest one
PATIENCE = 600.0  # s; on a machine that does much else
SMALL = ("--utterances", "2", "--snr", "-8", "4", "--channels", "awgn", "rayleigh", "--systems", OURS)
ITEMS = 2 * (2 + 2 + 1 + 4)  # of each recording: clean and read, sent and received; ours, received at four points


def bench(out: Path, *options: str) -> None:
    assert main(["bench", *options, "--out", str(out)]) == 0


def heed_interrupts() -> None:
    """A shell has its background jobs ignore SIGINT, and they hand that down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def items(out: Path) -> int:
    """How many are finished; 0 before there is a table."""
    try:
        with sqlite3.connect(out / "items.sqlite") as base:
            return base.execute("SELECT count(*) FROM items").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


@pytest.fixture(scope="module")
def one_core(tmp_path_factory):
    """A small fig5, measured by one process."""
    out = tmp_path_factory.mktemp("one")
    bench(out, "fig5", *SMALL, "--jobs", "1")
    return out


def rows(out: Path, name: str) -> list[dict[str, str]]:
    with (out / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_written(one_core):
    """A row a point with its interval; provenance; the cost of every item; a picture."""
    found = {(row["system"], row["channel"], row["es_n0_db"]): row for row in rows(one_core, "fig5.csv")}
    points = [("awgn", "-8"), ("awgn", "4"), ("rayleigh", "-8"), ("rayleigh", "4")]
    references = ("clean", "none", "inf"), ("read", "none", "inf")
    assert list(found) == [*references, *((OURS, *point) for point in points)]
    cer = {key: float(row["cer"]) for key, row in found.items()}
    # 0.06 and 0.014 on the whole test split of LJSpeech (MODELS.md)
    assert 0 < cer[references[0]] < 0.1 and cer[references[1]] < cer[references[0]]
    ours = [cer[OURS, *point] for point in (("awgn", "4"), ("awgn", "-8"), ("rayleigh", "-8"))]
    assert cer[references[0]] - 0.02 < ours[0] < ours[1] < ours[2]
    for row in found.values():
        assert float(row["cer_low"]) <= float(row["cer"]) <= float(row["cer_high"]) and row["utterances"] == "2"
    about = json.loads((one_core / "fig5.json").read_text())
    assert about["seed"] == 0 and about["utterances"] == ["samples/LJ002-0004", "samples/arctic_a0209"]
    assert len(about["models"]["default/transmitter"]) == 64 and about["packages"]["onnxruntime"]
    costs = rows(one_core, "fig5-costs.csv")
    assert len(costs) == 8 and all(float(row["send_s"]) > 0 for row in costs)
    assert (one_core / "fig5.png").stat().st_size > 10_000
    assert items(one_core) == ITEMS


def test_two_cores_after_an_interruption(one_core, tmp_path):
    """Ctrl-C as soon as something is finished; the same command goes on and gives one core's CSV."""
    options = ["fig5", *SMALL, "--jobs", "2"]
    command = [*COMMAND, "bench", *options, "--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)
    deadline = time.monotonic() + PATIENCE
    while not items(tmp_path) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGINT and "goes on from there" in errors and "Traceback" not in errors
    assert 0 < items(tmp_path) < ITEMS
    bench(tmp_path, *options)
    assert (tmp_path / "fig5.csv").read_bytes() == (one_core / "fig5.csv").read_bytes()


@pytest.mark.slow
def test_two_workers_of_a_cluster(one_core, tmp_path):
    distributed = pytest.importorskip("distributed", reason="pip install '.[bench]'")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        bench(tmp_path, "fig5", *SMALL, "--scheduler", cluster.scheduler_address)
    assert (tmp_path / "fig5.csv").read_bytes() == (one_core / "fig5.csv").read_bytes()


def test_one_recording_does_not_change_another(one_core, tmp_path):
    """The channel follows from the recording's key: with a third one between them, the two are not measured again."""
    (tmp_path / "items.sqlite").write_bytes((one_core / "items.sqlite").read_bytes())
    bench(tmp_path, "fig5", *SMALL, "--utterances", "3")
    assert items(tmp_path) == ITEMS * 3 // 2


def test_an_unknown_es_n0_is_the_mean_over_all(one_core, tmp_path):
    """CER over all points is that of fig5's points together, which have equally many characters; shares add up to 1."""
    (tmp_path / "items.sqlite").write_bytes((one_core / "items.sqlite").read_bytes())
    bench(tmp_path, "unknown", *SMALL)
    points = rows(one_core, "fig5.csv")
    for row in rows(tmp_path, "unknown.csv"):
        each = [float(p["cer"]) for p in points if (p["system"], p["channel"]) == (OURS, row["channel"])]
        assert float(row["cer"]) == pytest.approx(np.mean(each), abs=1e-4) and (row["from_db"], row["to_db"]) == (
            "-8",
            "4",
        )
        assert sum(float(row[share]) for share in ("readable", "in_part", "lost")) == pytest.approx(1, abs=2e-4)
    assert items(tmp_path) == ITEMS


def test_other_figures_need_nothing_new(one_core, tmp_path):
    """fig6 is fig5's words; table2 is what was sent; complexity knows what it took."""
    (tmp_path / "items.sqlite").write_bytes((one_core / "items.sqlite").read_bytes())
    for name in ("fig6", "table2", "complexity"):
        bench(tmp_path, name, *SMALL, "--quick")
    assert items(tmp_path) == ITEMS + 2  # complexity receives what was read, too
    assert (tmp_path / "fig6.csv").read_bytes() == (one_core / "fig5.csv").read_bytes()
    # 20 symbols a frame of 40 ms, the last frame of each recording completed: 77,205 and 43,433 samples
    (row,) = rows(tmp_path, "table2.csv")
    assert row["symbols"] == f"{20 * (121 + 68) / ((77_205 + 43_433) / 16_000):.4f}"
    assert row["overhead"] == "0.0000"
    networks = {row["network"]: row for row in rows(tmp_path, "complexity.csv")}
    assert int(networks["default/transmitter"]["macs"]) > 10 * int(networks["default/receiver"]["macs"]) > 0
    rtf = {row["of"]: float(row["rtf"]) for row in rows(tmp_path, "complexity-costs.csv")}
    assert rtf["default/transmitter"] > 0 and rtf[OURS] > 0


def test_stale_figures_are_found(one_core, tmp_path, capsys):
    """Current where table and networks are those that were measured; stale where one differs, and check says which."""
    for name in ("fig5.csv", "fig5.json"):
        shutil.copy(one_core / name, tmp_path)
    about = json.loads((tmp_path / "fig5.json").read_text())

    def state() -> str:
        assert main(["bench", "check", "--out", str(tmp_path)]) == 1  # the others were never made
        (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("fig5 "))
        return line

    assert state().endswith("current") and about["revision"][:12] in state()
    other = about["models"] | {"reader/decoder": "0" * 64}
    (tmp_path / "fig5.json").write_text(json.dumps(about | {"models": other}))
    assert state().endswith("other than shipped: reader/decoder")
    (tmp_path / "fig5.json").write_text(json.dumps(about | {"models": about["models"] | {"voice/acoustic": "0" * 64}}))
    assert "voice/acoustic" in state()  # one that it would not use now
    (tmp_path / "fig5.json").write_text(json.dumps(about))
    (tmp_path / "fig5.csv").write_bytes((one_core / "fig5.csv").read_bytes().replace(b"awgn", b"AWGN"))
    assert "not the one that was measured" in state()


def test_published_figures_are_of_the_shipped_models(capsys):
    assert main(["bench", "check"]) == 0, capsys.readouterr().out


def test_published_tables_are_of_the_figures():
    """bench/tables.md is what `python -m deepsc_bench.tables` prints."""
    assert (FIGURES.parent / "tables.md").read_text() == "\n".join(document(FIGURES)) + "\n"


def test_where_a_text_becomes_readable():
    """From 0.2 at -4 dB to 0.1 at -2 it passes 0.15 at -3; where a curve rises again it counts from behind that."""
    points = {-4: 0.3, -2: 0.1, 0: 0.2, 2: 0.1, 4: 0.05}
    curves = {"a": {-4: 0.2, -2: 0.1}, "b": points, "c": {-4: 0.1}, "d": {-4: 0.5}}
    rows = [
        {"label": name, "channel": "awgn", "es_n0_db": str(x), "cer": str(y)}
        for name, c in curves.items()
        for x, y in c.items()
    ]
    found = {row["system"]: row["AWGN"] for row in thresholds(rows)}
    assert found == {"a": "-3.0", "b": "1.0", "c": "< -4", "d": "never"}


@pytest.mark.slow
def test_all_that_is_stale(tmp_path, capsys):
    """What cannot be run is told, the others are made; a second time there is nothing left of these."""
    options = ["--utterances", "2", "--snr", "-8", "4", "--systems", "deepsc-520", "--quick", "--out", str(tmp_path)]
    assert main(["bench", "all", *options]) == 1
    told = capsys.readouterr()
    missing = {line.split(":")[1].strip() for line in told.err.splitlines() if line.startswith("deepsc: ")}
    assert missing >= {"fig4", "robust", "test-clean"} and "fig5" not in missing
    there = items(tmp_path)
    assert main(["bench", "all", *options]) == 1
    current = {line.split()[1] for line in capsys.readouterr().out.splitlines() if line.endswith(": current")}
    assert {f"{name}:" for name in EXPERIMENTS.keys() - missing} == current and items(tmp_path) == there


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["fig99"], "fig5"),
        (["fig5", "--systems", "telepathy"], OURS),
        (["fig5", "--channels", "wire"], "rayleigh"),
        (["fig5", "--corpus", "/nowhere"], "metadata.csv"),
        (["fig5", "--out", "/proc/nowhere"], "cannot make the folder"),
    ],
)
def test_refused(options, reason, tmp_path, capsys):
    """One line that says what there is, and the status of a failed set-up."""
    out = [] if "--out" in options else ["--out", str(tmp_path)]
    assert main(["bench", *options, *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("deepsc: ") and error.count("\n") == 1 and reason in error


def test_the_host_does_without(tmp_path):
    """Without the packages of the extra, `deepsc bench` says how to get them, and nothing else needs them."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules.update(dict.fromkeys(('matplotlib', 'dask', 'distributed', 'onnx')))\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = deepsc("bench", "--list", PYTHONPATH=path)
    assert done.returncode == 2 and "pip install '.[bench]'" in done.stderr and "Traceback" not in done.stderr
    assert deepsc("voices", PYTHONPATH=path).returncode == 0


def test_list():
    done = deepsc_here("bench", "--list")
    assert done.returncode == 0 and OURS in done.stdout
    names = {line.split()[0] for line in done.stdout.splitlines() if line}
    figures = {f"fig{number}" for number in (4, 5, 6, 7, 8, 10)}
    assert figures | {"table2", "complexity", "judge", "robust"} <= names


def test_recordings_are_shared_out(tmp_path):
    """Evenly over the corpora and over each of them; a small one gives all it has."""
    corpora = []
    for name, count in (("big", 20), ("small", 2)):
        folder = tmp_path / name
        (folder / "wavs").mkdir(parents=True)
        rows = []
        for i in range(count):
            link = folder / "wavs" / f"u{i:02}.flac"
            link.symlink_to(corpus.SAMPLES / "LJ002-0045.flac")
            rows.append(f"u{i:02}|The various wards|s{i}|{'test' if i % 2 == 0 or name == 'small' else 'train'}\n")
        (folder / "metadata.csv").write_text("".join(rows))
        corpora.append(folder)
    keys = [u.key for u in corpus.test_set(corpora, 6)]
    assert keys == ["big/u00", "big/u06", "big/u12", "big/u18", "small/u00", "small/u01"]
    assert len(corpus.test_set(corpora, None)) == 12
    (tmp_path / "big" / "metadata.csv").write_text("u00|words|s|train\n")
    with pytest.raises(BenchError, match="test split"):
        corpus.test_set([tmp_path / "big"], 1)


@pytest.mark.slow
def test_experiments_that_train(tmp_path, capsys):
    """fig4 and robust from end to end on a corpus of the three samples; a finished model is not trained again."""
    folder = tmp_path / "tiny"
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for row, split in zip(
        (corpus.SAMPLES / "transcripts.csv").read_text().splitlines(), ("train", "valid", "test"), strict=True
    ):
        name = row.partition("|")[0]
        (folder / "wavs" / f"{name}.flac").symlink_to(corpus.SAMPLES / f"{name}.flac")
        lines.append(f"{row}|somebody|{split}\n")
    (folder / "metadata.csv").write_text("".join(lines))
    for name in ("fig4", "robust"):
        assert main(["bench", name, "--quick", "--out", str(tmp_path)]) == 2  # there is nothing to learn from
        bench(tmp_path, name, "--quick", "--corpus", str(folder), "--channels", "awgn", "rician")
    losses = [float(row["loss"]) for row in rows(tmp_path, "fig4.csv")]
    assert len(losses) == 3 * 3 and losses[0] > losses[2]  # three epochs at the highest rate
    found = rows(tmp_path, "robust.csv")
    assert len(found) == (2 + 1) * 2 * 2  # trained at 8 dB of both channels, and at all; two channels, two Es/N0
    assert all(float(row["cer"]) < 1.5 for row in found)
    there = items(tmp_path)
    bench(tmp_path, "robust", "--quick", "--corpus", str(folder), "--channels", "awgn", "rician")
    assert items(tmp_path) == there


def test_chain_names_code_and_models():
    """Items of other code or models are not taken for this one's: a process elsewhere computes the same name."""
    script = "from deepsc_bench.provenance import chain; print(chain())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == provenance.chain()
