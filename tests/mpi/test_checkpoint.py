"""A run that goes on from a checkpoint ends as if it had never stopped."""

import errno
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from pavg import files
from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from pavg.records.layout import VARIABLES
from tests.building import learners_of, sparse_samples, task_of

pytestmark = pytest.mark.mpi
comm = MPI.COMM_WORLD
KEYS = {"problem": "logistic", "P": 4, "stop": {"steps": 1000}, "evaluate": {"rounds": 5}}
CASES = {
    "periodic": {"method": {"name": "periodic", "K": 16}},
    "periodic, a poll in mid-round": {
        "method": {"name": "periodic", "K": 400},
        "evaluate": {"at": [192, 256, 640, 704]},
    },
    "warm-up": {"method": {"name": "periodic", "K": 16, "warmup": 100}},
    "momentum": {"momentum": 0.9, "momentum_at_average": "keep", "step_size": 0.01},
    "momentum averaged": {"momentum": 0.9, "momentum_at_average": "average", "step_size": 0.01},
    "stochastic": {"method": {"name": "stochastic", "zeta": 0.05}},
    "gradients": {"method": "gradient-allreduce", "evaluate": {"at": [256, 512]}},
    "PR-SGD": {
        "method": {"name": "pr-sgd", "I": 150},
        "evaluate": {"at": [192, 256, 640, 704]},
        "store": sparse_samples(),
        "problem": {"name": "logistic", "l2": 0.01},
    },
    "reshuffled, with growing batches": {
        "sampling": "reshuffle",
        "batch_size": {"name": "growing", "start": 1.0, "power": 0.5},
    },
    "noise of its own": {"problem": "double-well", "evaluate": {"rounds": 7}},
    "touched coordinates": {
        "store": sparse_samples(),
        "problem": {"name": "logistic", "l2": 0.01, "intercept": True},
        "method": {"name": "varying", "K": [1, 3, 70, 1, 2, 300, 2]},
        "evaluate": {"at": [192, 256, 640, 704]},
        "averaging": "sparse",
    },
    "step sizes that fall": {"step_size": {"name": "inverse", "alpha": 1.0, "d": 10.0}},
}


def ending_at(steps, folder, world=comm, rounds=6, said=None, **keys):
    """The record of a run that is paused at the first stop from `steps` on (None: never)."""
    say = print if said is None else said.append
    checkpoints = folder and Checkpoints(folder, {"run": "this"}, rounds=rounds, say=say)
    care = Care(checkpoints=checkpoints)
    if steps is not None:
        care.timeout = 1e9

        def stop(observer, t):
            if t >= steps:
                care.timeout = -1.0

        care.on_look = stop
    return synchronous.run(world, task_of(**(KEYS | keys)), care)[0]


def newest(folder):
    """The newest manifest."""
    comm.Barrier()
    return json.loads((max(folder.iterdir(), key=lambda path: int(path.name)) / "manifest.json").read_text())


def same(one, other, rel=0.0):
    """Everything but the times."""
    a, b = one.arrays(), other.arrays()
    assert a.keys() == b.keys()
    for name in a:
        if VARIABLES[name][1] != "s":
            np.testing.assert_allclose(a[name], b[name], rtol=rel, atol=0, err_msg=name)
    np.testing.assert_allclose(one.w, other.w, rtol=rel, atol=0)
    return True


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_was_paused_twice_ends_to_the_bit_as_one_that_was_not(case, folder):
    whole = ending_at(None, None, **CASES[case])
    for steps in (150, 600):
        paused = ending_at(steps, folder, **CASES[case])
        assert paused.status == "timeout" and 0 < paused.rows[-1]["ticks"] < 1000
        assert newest(folder)["tick"] == paused.rows[-1]["ticks"]  # nothing is done again
    resumed = ending_at(None, folder, **CASES[case])
    assert resumed.status == "ok" and same(resumed, whole)
    seconds = resumed.arrays()["time_wall"]
    assert (np.diff(seconds) >= 0).all() and np.isfinite(resumed.arrays()["time_compute"]).all()


OTHERS = {
    "momentum": ({"momentum": 0.5, "reduction": "reproducible"}, 0.0),
    "shrinking models": (
        {
            "store": sparse_samples(),
            "problem": {"name": "logistic", "l2": 0.5},
            "method": {"name": "periodic", "K": 40},
            "averaging": "dense",
        },
        1e-10,
    ),
    "shards": (
        {"partition": "iid", "sampling": "reshuffle", "weights": "shards", "reduction": "reproducible"},
        0.0,
    ),
}


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("wider", [True, False])
@pytest.mark.parametrize("case", OTHERS)
def test_on_another_number_of_ranks_it_ends_the_same_as_the_reduction_allows(case, wider, folder):
    """Learners that no two numbers of ranks deal out alike."""
    (keys, rel), few = OTHERS[case], comm.Get_size() - 1
    keys = keys | {"P": 7, "evaluate": {"at": [192, 448]}}  # in mid-round
    small = comm.Split(comm.Get_rank() < few)
    first, second = (small, comm) if wider else (comm, small)
    whole = None
    if first is comm or comm.Get_rank() < few:
        ending_at(300, folder, first, **keys)
        whole = ending_at(None, None, first, **keys)
    whole = comm.bcast(whole)
    if second is comm or comm.Get_rank() < few:
        resumed = ending_at(None, folder, second, **keys)
        assert same(resumed, whole, rel)
        times = resumed.arrays()["time_compute"]
        assert times.shape[1] == second.Get_size() and np.isnan(times[0]).all()
        assert (np.diff(resumed.arrays()["time_wall"]) >= 0).all()
    small.Free()


def test_on_another_number_of_ranks_the_training_clock_goes_on_from_the_longest():
    learners = learners_of(MPI.COMM_SELF, P=4)
    states = [learners.state() | {"ids": np.array([p]), "clock": np.full(13, 7.0 - p)} for p in (1, 0, 2)]
    learners.restore(states, None)
    assert learners.clock.total == 7.0 and not learners.clock.seconds.any()


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edited(**facts):
    def edit(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))

    return edit


HARM = {
    "a byte of a model": ("rank00000.npz", damage, "rank00000.npz is not what was written"),
    "a file that is gone": ("rank00000.npz", Path.unlink, "No such file"),
    "a byte of the record": ("record.npz", damage, "record.npz is not what was written"),
    "a cut manifest": ("manifest.json", lambda path: path.write_text('{"tick": 3'), "manifest is damaged"),
    "another tick": ("manifest.json", edited(tick=64), "manifest is damaged"),
    "another format": ("manifest.json", edited(format="zip"), "of zip; expected version"),
    "no object": ("manifest.json", lambda path: path.write_text("[1]"), "manifest is damaged"),
    "another version": ("manifest.json", edited(format_version=99), "version 99"),
    "another run": ("manifest.json", edited(run="that"), "of another run: run differ"),
}


@pytest.mark.parametrize("case", HARM)
def test_a_checkpoint_that_does_not_fit_is_named_and_the_one_before_it_is_used(folder, case):
    whole = ending_at(None, None)
    ending_at(500, folder)
    older, newest = sorted(path.name for path in folder.iterdir())
    name, harm, words = HARM[case]
    comm.Barrier()
    if comm.Get_rank() == 0:
        harm(folder / newest / name)
    comm.Barrier()
    said, begun = [], []
    care = Care(checkpoints=Checkpoints(folder, {"run": "this"}, rounds=100, say=said.append))
    care.on_look = lambda observer, t: begun.append(observer.begun)
    resumed = synchronous.run(comm, task_of(**KEYS), care)[0]
    assert same(resumed, whole)
    if comm.Get_rank() == 0:
        assert len(said) == 1 and newest in said[0] and words in said[0]
        assert 0 < begun[0] < 520
        kept = sorted(path.name for path in folder.iterdir())
        assert newest not in kept and len(kept) == 2  # it does not stand for the good one before


def test_where_no_checkpoint_fits_the_run_begins_anew(folder):
    whole = ending_at(None, None)
    ending_at(500, folder)
    said = []
    care = Care(checkpoints=Checkpoints(folder, {"run": "that"}, say=said.append))
    assert same(synchronous.run(comm, task_of(**KEYS), care)[0], whole)
    assert len(said) == (2 if comm.Get_rank() == 0 else 0)


def test_a_checkpoint_that_was_never_finished_is_passed_over_and_gone_after_the_next(folder):
    paused = ending_at(500, folder)
    comm.Barrier()
    if comm.Get_rank() == 0:
        (folder / "000099").mkdir()
        (folder / "000099" / "record.npz").touch()
        (folder / "notes").mkdir()
    comm.Barrier()
    said, begun = [], []
    care = Care(checkpoints=Checkpoints(folder, {"run": "this"}, rounds=20, say=said.append))
    care.on_look = lambda observer, t: begun.append(observer.begun)
    assert same(synchronous.run(comm, task_of(**KEYS), care)[0], ending_at(None, None)) and not said
    assert set(begun) <= {paused.rows[-1]["ticks"]}
    comm.Barrier()
    kept = sorted(path.name for path in folder.iterdir())
    assert kept[-1] == "notes" and len(kept) == 3 and min(map(int, kept[:2])) > 99


@pytest.mark.parametrize("rounds", [1, 5])
def test_checkpoints_every_n_rounds_keep_those_ticks(folder, rounds, monkeypatch):
    kept, save = [], Checkpoints.save

    def noted(self, world, t, *arguments):
        kept.append(t)
        return save(self, world, t, *arguments)

    monkeypatch.setattr(Checkpoints, "save", noted)
    keys = {"method": {"name": "periodic", "K": 30}, "stop": {"steps": 400}, "evaluate": {"at": [350]}}
    ending_at(None, folder, rounds=rounds, **keys)
    assert kept == list(range(30 * rounds, 400, 30 * rounds)) and newest(folder)["tick"] == kept[-1]


def test_two_generations_are_kept_and_none_after_remove(folder):
    ending_at(700, folder)
    comm.Barrier()
    assert len(list(folder.iterdir())) == 2
    comm.Barrier()
    if comm.Get_rank() == 0:
        Checkpoints(folder, {}).remove()
        assert not folder.exists()


def test_a_millionth_checkpoint_is_newer_than_the_one_before(folder):
    ending_at(500, folder)
    comm.Barrier()
    if comm.Get_rank() == 0:
        for path, number in zip(sorted(folder.iterdir()), ("999998", "999999"), strict=True):
            path.rename(folder / number)
    comm.Barrier()
    ending_at(700, folder)
    comm.Barrier()
    assert all(len(path.name) == 7 for path in folder.iterdir())


def test_a_disk_that_refuses_costs_the_checkpoint_and_not_the_run(folder):
    comm.Barrier()
    if comm.Get_rank() == 0:
        shutil.rmtree(folder)
        folder.write_text("a file where the folder should be")
    comm.Barrier()
    said = []
    record = ending_at(None, folder, rounds=20, said=said)
    assert record.status == "ok" and same(record, ending_at(None, None))
    if comm.Get_rank() == 0:
        assert said and all("no checkpoint" in sentence for sentence in said)
        folder.unlink()


def test_a_disk_that_refuses_one_rank_costs_the_checkpoint_of_all(folder, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    if comm.Get_rank() == comm.Get_size() - 1:
        monkeypatch.setattr(files, "replace", refuse)
    said = []
    assert ending_at(None, folder, rounds=20, said=said).status == "ok"
    comm.Barrier()
    assert not list(folder.iterdir())
    assert bool(said) == (comm.Get_rank() == 0) and all("No space left" in sentence for sentence in said)


def test_a_disk_that_refuses_the_manifest_costs_that_checkpoint_and_keeps_the_one_before(folder, monkeypatch):
    ending_at(300, folder)
    before, replace = newest(folder), files.replace

    def refuse(path, content, **options):
        if path.name == "manifest.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(path, content, **options)

    monkeypatch.setattr(files, "replace", refuse)
    said = []
    assert ending_at(None, folder, rounds=20, said=said).status == "ok"
    assert bool(said) == (comm.Get_rank() == 0) and newest(folder) == before


def test_a_manifest_has_its_name_after_all_that_it_names(folder, monkeypatch):
    replace, whole = files.replace, []

    def noted(path, content, **options):
        if path.name == "manifest.json":
            whole.append(all((path.parent / name).exists() for name in json.loads(content)["files"]))
        replace(path, content, **options)

    monkeypatch.setattr(files, "replace", noted)
    ending_at(500, folder)
    assert all(whole) and bool(whole) == (comm.Get_rank() == 0)


def test_a_checkpoint_costs_the_training_clock_nothing_and_is_counted_once(folder, monkeypatch):
    save = Checkpoints.save

    def slowly(*arguments):
        time.sleep(0.05)
        return save(*arguments)

    monkeypatch.setattr(Checkpoints, "save", slowly)
    began = time.perf_counter()
    record = ending_at(None, folder, rounds=2, stop={"steps": 400})
    saving = sum(row["time_checkpoint"] for row in record.rows)
    assert 0 < record.rows[-1]["time_wall"] < saving < time.perf_counter() - began


def test_a_pause_at_an_evaluation_loses_no_seconds_of_its_interval(folder):
    paused = ending_at(400, folder, evaluate={"rounds": 1})  # each stop is one
    rows = paused.arrays()
    assert paused.status == "timeout"
    spent = sum(rows[f"time_{phase}"].sum(axis=0) for phase in ("compute", "comm", "wait"))
    np.testing.assert_allclose(spent.max(), rows["time_wall"][-1], rtol=1e-6)
