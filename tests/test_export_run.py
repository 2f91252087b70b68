"""The loop that every training runs in: rates, averages, the best figure, logs, and going on after a stop."""

import csv
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from deepsc_export.training import checkpoint
from deepsc_export.training.optimisation import LEAST, Average, constant, half_cosine, straight
from deepsc_export.training.run import Plan, Run
from torch import nn

RATE = 0.1


def line(folder: Path, steps: int, rates: list[float] | None = None, figures: list[float] | None = None, **how) -> Run:
    """Fits y = 2 x by gradient descent."""
    torch.manual_seed(0)
    network = nn.Linear(1, 1)
    plan = Plan(folder, (steps, "steps"), **{"fall": constant, "save_every": (5, "steps"), **how})
    optimiser = torch.optim.AdamW(network.parameters(), RATE)
    best = "error" if figures else None
    run = Run(plan, {"line": network}, {"line": optimiser}, ["line"], ["loss", "error"], best, extra={"seen": 0})

    def step() -> dict:
        x = torch.from_numpy(run.rng.normal(size=(8, 1))).float().to(run.device)
        loss = (network(x) - 2 * x).square().mean()
        run.descend("line", loss)
        run.hours += 0.5
        run.extra["seen"] += 1
        if rates is not None:
            rates.append(optimiser.param_groups[0]["lr"])
        return {"loss": loss}

    def validate() -> dict:
        weight = run.average("line").weight.item()
        return {"error": figures.pop(0) if figures else abs(weight - 2)}

    run.train(step, validate)
    return run


def test_it_learns_and_logs_against_wall_time(tmp_path):
    run = line(tmp_path, 100)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["minutes", "hours", "steps", "loss", "error"]
    assert [int(row["steps"]) for row in rows] == list(range(5, 101, 5))
    assert [float(row["hours"]) for row in rows] == [n / 2 for n in range(5, 101, 5)]
    assert np.all(np.diff([float(row["minutes"]) for row in rows]) >= 0)
    assert float(rows[-1]["error"]) < 0.2 < float(rows[0]["error"])
    assert run.done == 1


def test_a_stopped_run_goes_on_with_all_that_it_had(tmp_path):
    first = line(tmp_path, 10)
    weight = first.networks["line"].weight.item()
    saved = checkpoint.load(tmp_path / "last.pt")
    assert saved["steps"] == 10 and saved["extra"] == {"seen": 10} and saved["networks"]["line"]["weight"] == weight
    again = line(tmp_path, 10)  # nothing is left to do
    assert again.steps == 10 and again.networks["line"].weight.item() == weight
    assert again.hours == 5 and again.extra == {"seen": 10} and again.minutes >= saved["minutes"]
    assert again.average("line").weight.item() == first.average("line").weight.item() != weight
    more = line(tmp_path, 20)
    assert more.steps == 20 and more.networks["line"].weight.item() != weight
    with (tmp_path / "log.csv").open() as file:
        assert [int(row["steps"]) for row in csv.DictReader(file)] == [5, 10, 15, 20]


def test_the_best_average_is_kept_or_the_latest(tmp_path):
    run = line(tmp_path / "best", 15, figures=[3.0, 1.0, 2.0])
    kept, _ = checkpoint.best(tmp_path / "best")
    assert run.best == 1
    assert kept["line"]["weight"] != run.average("line").weight  # the second of three
    run = line(tmp_path / "latest", 15)
    kept, _ = checkpoint.best(tmp_path / "latest")
    assert kept["line"]["weight"] == run.average("line").weight
    with pytest.raises(FileNotFoundError, match="train it first"):
        checkpoint.best(tmp_path)


def test_rates_rise_and_fall_and_what_waits_stands_still(tmp_path):
    rates = []
    line(tmp_path / "straight", 20, rates, rise=(4, "steps"), fall=straight)
    rise = [min(1, (n + 1) / 4) for n in range(20)]
    assert rates == pytest.approx([RATE * r * (1 - n / 20) for n, r in enumerate(rise)])
    rates = []
    line(tmp_path / "cosine", 20, rates, rise=(2.0, "hours"), fall=half_cosine)
    expected = [RATE * min(1, n / 4) * 0.5 * (1 + math.cos(math.pi * n / 20)) for n in range(20)]
    assert rates == pytest.approx([max(e, RATE * LEAST) if n else 0 for n, e in enumerate(expected)])

    new, old = nn.Linear(1, 1), nn.Linear(1, 1)
    groups = [{"params": new.parameters()}, {"params": old.parameters(), "lr": 0.01, "wait": True}]
    optimiser, seen = torch.optim.SGD(groups, RATE), []
    plan = Plan(tmp_path / "wait", (6, "steps"), (3, "steps"), constant)
    run = Run(plan, {"new": new, "old": old}, {"both": optimiser}, ["new", "old"], [])

    def step() -> dict:
        seen.append([group["lr"] for group in optimiser.param_groups])
        loss = new(torch.ones(1, 1)).sum()
        run.descend("both", loss)
        return {"loss": loss}

    run.train(step, dict)
    assert [first for first, _ in seen] == pytest.approx([RATE / 3, 2 * RATE / 3, *[RATE] * 4])
    assert [second for _, second in seen] == pytest.approx([0, 0, *[0.01] * 4])


def test_an_average_remembers_more_the_older_it_is():
    network = nn.Linear(1, 1, bias=False)
    network.register_buffer("count", torch.tensor(0))
    nn.init.zeros_(network.weight)
    average = Average(network)
    nn.init.ones_(network.weight)
    network.count += 7
    average.update(network)
    assert average.network.weight.item() == pytest.approx(1 - 2 / 11)  # decay (1 + 1) / (10 + 1)
    assert average.network.count == 7
    for _ in range(2):
        average.update(network)
    assert average.network.weight.item() == pytest.approx(1 - 2 / 11 * 3 / 12 * 4 / 13)
    follows = Average(network, decay=0)
    nn.init.constant_(network.weight, 5.0)
    follows.update(network)
    assert follows.network.weight.item() == 5


def test_no_code_is_loaded_from_a_checkpoint(tmp_path):
    torch.save({"networks": {}, "about": Path("x")}, tmp_path / "best.pt")
    with pytest.raises(ValueError, match="no checkpoint of this version"):
        checkpoint.best(tmp_path)


def test_interrupted_save_keeps_the_old_file(tmp_path):
    path = tmp_path / "last.pt"
    checkpoint.save(path, {"seen": 1.0})
    shutil.copy(path, path.with_suffix(".partial"))  # what a kill in mid-save leaves
    assert checkpoint.load(path) == {"seen": 1.0}
