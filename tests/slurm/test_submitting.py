"""pavg slurm as a user types it: what it writes, submits and refuses; what the queue says. Without Slurm."""

import stat

import pytest
from click.testing import CliRunner

from pavg.cli import slurm
from pavg.errors import InputError
from pavg.slurm import queue
from pavg.slurm.names import job_name, safe

SWEEP = """
name = "wells"
stop.steps = 10
step_size = 0.1
problem = "double-well"
method = {name = "periodic"}
[grid]
method.K = [1, 16]
P = [1, 4, 8]
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    (tmp_path / "wells.toml").write_text(SWEEP)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    return tmp_path


def program(place, name, text):
    """A program of this name, first in PATH."""
    file = place / "bin" / name
    file.write_text(f"#!/bin/bash\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def pavg(*arguments, spec="wells.toml"):
    """`pavg slurm` in this process: exit code, standard output, standard error."""
    done = CliRunner().invoke(slurm.command, [spec, *arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


TAKES = """
echo "$*" >> sbatch.log; env | grep -E '^(SLURM|SBATCH)' >> sbatch.env
echo "a plugin's greeting"; echo "$((100 + $(wc -l < sbatch.log)));hpc"
"""


def test_scripts_are_written_and_named(place):
    code, out, _ = pavg()
    assert code == 0
    assert sorted(path.name for path in (place / "jobs-wells").iterdir()) == [
        "P001.sbatch",
        "P004.sbatch",
        "P008.sbatch",
        "merge.sbatch",
    ]
    assert "written: jobs-wells/P001.sbatch, " in out


def test_a_dry_run_shows_cells_and_core_hours_and_writes_nothing(place):
    options = ("--time", "1-00:30", "--max-array", "1", "--directive", "cpus-per-task=2")
    code, out, _ = pavg("--dry-run", *options)
    rows = [line.split() for line in out.splitlines()]
    assert code == 0 and rows[3] == ["P008.sbatch", "2", "8", "1", "392.00"]
    assert rows[-1] == ["together", "6", "637.00"]
    assert not list(place.glob("jobs-*"))


@pytest.mark.parametrize(
    "time, hours",
    [("90", "12.00"), ("90:00", "12.00"), ("1:30:00", "12.00"), ("2-0", "384.00"), ("0-1:30:00", "12.00")],
)
def test_time_is_read_as_slurm_reads_it(time, hours):
    _, out, _ = pavg("--dry-run", "--kind", "allocation", "--time", time)
    assert out.splitlines()[1].split()[-1] == hours


def test_options_behind_two_dashes_go_to_the_run(place):
    pavg("--kind", "allocation", "--", "--retry", "failed", "--timeout", "60")
    text = (place / "jobs-wells" / "allocation.sbatch").read_text()
    assert "pavg run wells.toml --out results --timeout 60 --retry=failed --side-by-side" in text
    with pytest.raises(Exception, match="No such option.*--no-such"):
        pavg("--", "--no-such", "1")
    with pytest.raises(Exception, match="-n cannot stand behind --"):
        pavg("--", "-n", "4")


def test_cells_are_chosen_and_repeated_as_in_a_run(place):
    pavg("--where", "K == 16 and P > 1", "--repeat", "2")
    assert not (place / "jobs-wells" / "P001.sbatch").exists()
    text = (place / "jobs-wells" / "P004.sbatch").read_text()
    assert "\ncells=(\n    4 10\n)\n" in text and "--repeat=2" in text
    with pytest.raises(InputError, match="--cells"):
        pavg("--cells", "6")
    with pytest.raises(Exception, match="--where cannot stand behind --"):
        pavg("--", "--where", "P == 1")


def test_an_edited_script_is_not_written_over(place):
    pavg()
    assert pavg()[0] == 0  # the same texts
    edited = place / "jobs-wells" / "P004.sbatch"
    edited.write_text(edited.read_text() + "# mine\n")
    with pytest.raises(InputError, match="P004.sbatch: is there, and says something else"):
        pavg()
    assert edited.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    "option", ["--partition", "--account", "--constraint", "--time", "--directive", "--omit"]
)
@pytest.mark.parametrize(
    "value",
    ["", "a b", "a\nb", "$(touch pwned)", "`touch pwned`", "it's", 'a"b', "a#b", "a\\b", "a=b c", "--x"],
)
def test_what_a_directive_cannot_hold_is_refused(place, option, value):
    if option in ("--partition", "--account", "--constraint") and not value:
        return  # as if it were not given
    with pytest.raises(InputError, match=option):
        pavg(option, value)
    assert not list(place.glob("jobs-*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--time", "0"),
        ("--time", "1", "--signal", "60"),
        ("--directive", "time=3"),
        ("--directive", "array=1-9"),
        ("--nodes", "2"),
        ("--kind", "allocation", "--ntasks-per-node", "2"),
        ("--kind", "hostfile", "--ntasks-per-node", "2"),
        ("--kind", "allocation", "--nodes", "2"),
        ("--kind", "hostfile", "--submit"),
        ("--kind", "nodes"),
    ],
)
def test_what_does_not_go_together_is_refused(place, arguments):
    with pytest.raises(Exception, match=r"--|expected"):
        pavg(*arguments)
    assert not list(place.glob("jobs-*"))


def test_all_are_submitted_and_a_last_job_waits_for_them(place):
    program(place, "sbatch", TAKES)
    code, out, _ = pavg("--submit")
    assert code == 0
    assert (place / "jobs-wells" / "sbatch.log").read_text().splitlines() == [
        "--parsable P001.sbatch",
        "--parsable P004.sbatch",
        "--parsable P008.sbatch",
        "--parsable --dependency=afterany:101:102:103 --kill-on-invalid-dep=yes merge.sbatch",
    ]
    assert "submitted: 101 (P001.sbatch)\n" in out and "submitted: 104 (merge.sbatch)" in out


def test_a_job_within_a_job_inherits_nothing_but_where_slurm_is(place, monkeypatch):
    program(place, "sbatch", TAKES)
    for name in ("SLURM_JOB_ID", "SLURM_NTASKS", "SBATCH_ACCOUNT", "SLURM_CONF"):
        monkeypatch.setenv(name, "5")
    pavg("--submit")
    assert {*(place / "jobs-wells" / "sbatch.env").read_text().splitlines()} == {"SLURM_CONF=5"}


@pytest.mark.parametrize(
    "refusal, said",
    [
        ("echo 'invalid account' >&2; exit 1", "exit code 1: invalid account"),
        ("exit 0", "exit code 0: it said nothing"),
        ("echo queued; exit 0", "exit code 0: queued"),
    ],
)
def test_a_refusal_half_way_says_what_is_submitted_and_how_to_cancel_it(place, refusal, said):
    program(place, "sbatch", f"if [[ $* == *P008* ]]; then {refusal}; fi\n{TAKES}")
    code, out, err = pavg("--submit")
    assert code == 1 and "submitted: " not in out
    assert f"sbatch P008.sbatch: {said}" in err
    assert "submitted before: 101 (P001.sbatch), 102 (P004.sbatch)" in err
    assert "cancel them with: scancel 101 102" in err


def test_without_sbatch_nothing_is_submitted_and_that_is_said(place, monkeypatch):
    monkeypatch.setenv("PATH", f"{place}/bin")
    code, _, err = pavg("--submit")
    assert code == 1 and "sbatch P001.sbatch: cannot be started" in err and "no job was submitted" in err


# --- what the queue says -------------------------------------------------------------------------------

SQUEUE = """
echo "17_0|RUNNING|None|pavg-wells.P008"
echo "17_1|PENDING|JobArrayTaskLimit|pavg-wells.P008"
echo "9|PENDING|Dependency|pavg-wells.merge"
echo "3|RUNNING|None|pavg-wells2.P008"
echo "4|RUNNING|None|somebody's | job"
"""


def test_the_queue_knows_the_jobs_of_a_sweep(place):
    program(place, "squeue", SQUEUE)
    assert queue.jobs(["wells", "other"]) == {
        "wells": [
            queue.Queued("9", "merge", "PENDING", "Dependency"),
            queue.Queued("17_0", "P008", "RUNNING", ""),
            queue.Queued("17_1", "P008", "PENDING", "JobArrayTaskLimit"),
        ],
        "other": [],
    }


def test_jobs_are_in_the_order_of_their_numbers_with_more_than_ten_of_them(place):
    ids = ["2", "10", "10_0", "10_2", "10_11", "100", "100_[3-9%2]"]
    said = "".join(f'echo "{id}|PENDING|None|pavg-wells.all"\n' for id in reversed(ids))
    program(place, "squeue", said)
    assert [job.id for job in queue.jobs(["wells"])["wells"]] == ids


@pytest.mark.parametrize(
    "state, code, reason, ended",
    [
        ("COMPLETED", "0:0", "", True),
        ("FAILED", "3:0", "exit code 3", True),
        ("OUT_OF_MEMORY", "0:125", "signal 125", True),
        ("NODE_FAIL", "1:0", "exit code 1", True),
        ("RUNNING", "0:0", "", False),
        ("REQUEUED", "0:0", "", False),
    ],
)
def test_how_a_job_ended_is_told_in_words(place, state, code, reason, ended):
    program(place, "sacct", f'echo "7|{state}|{code}|pavg-wells.P004-R2"')
    [job] = queue.jobs(["wells"])["wells"]
    assert (job.state, job.reason, job.ended, job.part) == (state, reason, ended, "P004-R2")


def test_sacct_adds_those_that_have_ended(place):
    program(place, "squeue", SQUEUE)
    program(
        place,
        "sacct",
        'echo "17_0|PENDING|0:0|pavg-wells.P008"; echo "5_0|TIMEOUT|0:15|pavg-wells.P001"\n'
        'echo "6|CANCELLED by 0|0:0|pavg-wells.all"; echo "7|FAILED|1:0|pavg-wells.all"',
    )
    found = {job.id: job for job in queue.jobs(["wells"])["wells"]}
    assert found["17_0"].state == "RUNNING" and not found["17_0"].ended
    assert (found["5_0"].state, found["5_0"].reason) == ("TIMEOUT", "signal 15") and found["5_0"].ended
    assert found["6"].state == "CANCELLED" and found["7"].reason == "exit code 1"


@pytest.mark.parametrize("text", [None, "exit 1", "echo nonsense", "sleep 60"])
def test_a_queue_that_is_not_there_or_ill_says_nothing(place, monkeypatch, text):
    monkeypatch.setattr(queue, "PATIENCE", 0.5)
    if text:
        program(place, "squeue", text)
        program(place, "sacct", text)
    assert queue.jobs(["wells"]) == {"wells": []}


def test_names_of_jobs_are_tame_and_do_not_collide():
    names = ["wells", "my wells", "my_wells", "my/wells", "ü", "a.b", "a_b", "x" * 90, "$(x)"]
    assert len({safe(name) for name in names}) == len(names)
    assert all(safe(name).replace("_", "").replace("-", "").isalnum() for name in names)
    assert job_name("wells", "P008") == "pavg-wells.P008"
