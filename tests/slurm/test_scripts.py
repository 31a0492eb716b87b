"""Scripts from templates: each equals a recorded text and is sound bash, and no value gets out of its place.

python -m tests.slurm.test_scripts records the texts anew.
"""

import dataclasses
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavg.errors import InputError
from pavg.slurm import plan, script
from pavg.sweep import grid, selection

HERE = Path(__file__).resolve().parent
JOBS = HERE.parent.parent / "jobs"
TEMPLATES = sorted(path for path in JOBS.iterdir() if path.suffix in (".sbatch", ".sh"))
SWEEP = """
name = "both"
stop.steps = 10
problem = "double-well"
method = {name = "periodic"}
[grid]
method.K = [1, 16]
P = [1, 8]
step_size = [0.1, 0.2, 0.3]
"""
SETTINGS = script.Settings(
    arguments=("my sweep.toml", "--set=seed=3", "--out", "results"),
    out=Path("results"),
    folder=Path("/home/me/it's mine"),
    python="/opt/pavg/.venv/bin/python",
    setup=("module purge", "module load mpich"),
    directives=(("account", "a12"), ("mem", "4G"), ("exclusive", None)),
    omitted=("open-mode",),
    throttle=2,
)
KINDS = {
    "array": {},
    "allocation": {},
    "nodes": {"nodes": 2},
    "hostfile": {},
}


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    return cells(tmp_path_factory.mktemp("sweep"))


def cells(folder):
    (folder / "both.toml").write_text(SWEEP)
    return grid.cells(folder / "both.toml")


def rendered(specs, kind, **changes):
    """{recorded name: text} of all scripts of a kind."""
    shape = plan.shape(specs, kind, None, KINDS[kind].get("nodes"), None)
    made = dataclasses.replace(SETTINGS, shape=shape, **changes)
    return script.scripts(plan.plan(specs, kind, shape.ranks, max_array=4), made)


def recorded(kind, file):
    return HERE / "recorded" / (f"array-{file}" if kind == "array" and file[0] == "P" else file)


@pytest.mark.parametrize("kind", KINDS)
def test_scripts_are_as_recorded(specs, kind):
    for file, text in rendered(specs, kind).items():
        assert text == recorded(kind, file).read_text(), f"{file}: python -m {__name__} records anew"


@pytest.mark.parametrize("path", [*TEMPLATES, *sorted((HERE / "recorded").glob("*"))], ids=lambda p: p.name)
def test_bash_and_shellcheck_find_no_fault_before_and_after(path):
    subprocess.run(["bash", "-n", path], check=True)
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck (apt-get install shellcheck)")
    done = subprocess.run(["shellcheck", "--shell=bash", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.suffix == ".sbatch"], ids=lambda p: p.name)
def test_directives_come_first_then_modules_then_strictness(path):
    lines = path.read_text().splitlines()
    directives = [n for n, line in enumerate(lines) if line.startswith("#SBATCH")]
    commands = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    assert max(directives) < commands[0]
    assert lines[commands[0]] == "@setup" and lines[commands[1]] == "set -euo pipefail"


def test_an_array_has_one_script_for_each_number_of_learners(specs):
    made = rendered(specs, "array")
    assert list(made) == ["P001.sbatch", "P008.sbatch", "merge.sbatch"]
    assert "--ntasks=8\n" in made["P008.sbatch"] and "--ntasks=1\n" in made["P001.sbatch"]


def test_elements_hold_every_cell_once_and_stay_below_the_limit(specs):
    for limit in (1, 2, 4, 5, 6, 100):
        jobs = plan.plan(specs, "array", max_array=limit)
        assert all(len(job.elements) <= limit for job in jobs)
        listed = [
            index for job in jobs for text in job.elements for index in selection.indices(text, len(specs))
        ]
        assert sorted(listed) == list(range(len(specs)))
        assert {specs[index].P for index in selection.indices(jobs[1].elements[0], len(specs))} == {8}


@given(st.lists(st.integers(0, 60), min_size=1, unique=True).map(sorted))
def test_cells_are_written_short_and_read_back(chosen):
    assert selection.indices(selection.text(chosen), 61) == chosen


def test_more_learners_than_ranks_are_hosted_and_the_script_is_named_so(specs):
    jobs = plan.plan(specs, "array", ranks=4)
    assert [(job.part, job.ranks) for job in jobs] == [("P001", 1), ("P008-R4", 4)]
    with pytest.raises(InputError, match="cell 0 asks for R = 8 ranks; the jobs have 4"):
        plan.plan([dataclasses.replace(specs[3], R=8)], "array", ranks=4)


@pytest.mark.parametrize(
    "asked, expected",
    [
        ((None, 2, None), (8, 2, 4)),
        ((None, None, 3), (8, 3, 3)),
        ((None, 2, 2), (4, 2, 2)),
        ((None, 2, 24), (8, 2, 24)),
        ((6, 2, None), (6, 2, 3)),
        ((2, 2, None), (2, 2, 1)),
        ((7, 2, None), (7, 2, 4)),
        ((7, None, 3), (7, 3, 3)),
    ],
)
def test_nodes_and_ranks_on_each_follow_from_one_another(specs, asked, expected):
    assert plan.shape(specs, "nodes", *asked) == plan.Shape(*expected)


def test_ranks_that_cells_ask_for_are_those_of_their_jobs(specs):
    wide = [
        dataclasses.replace(specs[k], P=P, R=R)
        for k, (P, R) in enumerate(((8, 2), (8, None), (2, 2), (8, 2)))
    ]
    jobs = plan.plan(wide, "array")
    assert [(job.part, job.ranks, job.cells) for job in jobs] == [
        ("P008-R2", 2, (0, 3)),
        ("P008", 8, (1,)),
        ("P002", 2, (2,)),
    ]
    [job] = plan.plan(wide, "allocation")
    assert (job.part, job.ranks, job.elements) == ("all", 8, ("",))
    assert plan.plan(wide, "allocation", ranks=16)[0].ranks == 16
    assert plan.plan(wide[:1], "array", ranks=4)[0].ranks == 2
    assert plan.shape(wide[:1], "nodes", None, 2, None) == plan.Shape(2, 2, 1)
    assert plan.shape(wide, "array", None, None, 3) == plan.Shape(None, None, 3)


@pytest.mark.parametrize("tasks, limit, starts", [(6, 100, 2), (6, 6, 2), (6, 5, 3), (6, 2, 4), (5, 3, 3)])
def test_a_command_may_start_once_more_for_each_of_its_tasks_that_fails(specs, tasks, limit, starts):
    alike = [dataclasses.replace(specs[0], seed=k) for k in range(tasks)]
    assert plan.plan(alike, "array", max_array=limit)[0].starts == starts
    assert plan.plan(alike, "hostfile", max_array=limit)[0].starts == tasks + 1


def test_of_two_sweeps_each_has_scripts_and_results_of_its_own(specs):
    both = [dataclasses.replace(spec, name=name) for spec in specs for name in ("one", "t w o")]
    jobs = plan.plan(both, "array", max_array=100, chosen=[(0,), (1,), (7,)])
    made = script.scripts(jobs, SETTINGS)
    parts = [f"{name}.P001.sbatch" for name in ("one", script.safe("t w o"))]
    assert list(made) == [*parts, f"{script.safe('t w o')}.{jobs[2].part}.sbatch", "merge.sbatch"]
    assert "merge results/one -o results/one.h5\n" in made["merge.sbatch"]
    assert "merge 'results/t w o' -o 'results/t w o.h5'\n" in made["merge.sbatch"]
    alone = script.scripts(plan.plan(both, "hostfile", chosen=[(0,), (2,), (4,)]), SETTINGS)
    assert list(alone) == ["hostfile.sh"] and "--cells 0:5:2" in alone["hostfile.sh"]


@pytest.mark.parametrize(
    "per_node, expected", [(2, {"P001": "1", "P008": "2"}), (24, {"P001": "1", "P008": "8"})]
)
def test_an_array_puts_no_more_ranks_on_a_node_than_a_job_has(specs, per_node, expected):
    made = rendered(specs, "array")
    assert not any("ntasks-per-node" in text for text in made.values())
    jobs = plan.plan(specs, "array", max_array=4)
    made = script.scripts(jobs, dataclasses.replace(SETTINGS, shape=plan.Shape(None, None, per_node)))
    for part, count in expected.items():
        assert f"#SBATCH --ntasks-per-node={count}\n" in made[f"{part}.sbatch"]
    assert "ntasks-per-node" not in made["merge.sbatch"]


@pytest.mark.parametrize("asked", [(None, None, None), (8, 2, 2), (1, 2, None), (5, 2, 2)])
def test_ranks_that_do_not_fit_are_refused(specs, asked):
    with pytest.raises(InputError):
        plan.shape(specs, "nodes", *asked)


def test_a_free_directive_takes_the_place_of_the_templates(specs):
    text = rendered(specs, "array", directives=(("cpus-per-task", "2"), ("mem", "1G")))["P008.sbatch"]
    assert text.count("--cpus-per-task=") == 1 and script.processors(text) == 2 and "#SBATCH --mem=1G" in text


def test_a_directive_that_is_not_there_cannot_be_left_out(specs):
    with pytest.raises(InputError, match="no such directive in the script; there are job-name, array"):
        rendered(specs, "array", omitted=("open_mode",))


def test_templates_of_a_site_come_before_ours(specs, tmp_path):
    ours = (JOBS / "array.sbatch").read_text()
    (tmp_path / "array.sbatch").write_text(
        ours.replace("#SBATCH --requeue", "#SBATCH --mail-user=me@site.org")
    )
    text = rendered(specs, "array", templates=tmp_path)["P008.sbatch"]
    assert "#SBATCH --mail-user=me@site.org" in text and "requeue\n" not in text.partition("\n\n")[0]
    (tmp_path / "array.sbatch").write_text(ours.replace("@ranks", "@rank"))
    with pytest.raises(InputError, match="array.sbatch: @rank is no placeholder; there are @.*@ranks"):
        rendered(specs, "array", templates=tmp_path)


# --- what a script does with its values -----------------------------------------------------------------

HOSTILE = [
    "it's",
    'a "b"',
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "-n",
    "*",
    "ü €",
    "@setup",
    "\\",
    "#",
]


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    """A launcher that writes its words, NUL behind each, to the file `words` where it runs."""
    file = tmp_path_factory.mktemp("probe") / "probe"
    file.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" > words\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def words(specs, folder, kind="hostfile", **changes):
    """The words that a script's launcher gets, as bash reads the script."""
    [text] = [text for text in rendered(specs, kind, folder=folder, setup=(), **changes).values()][:1]
    return words_of(text, folder)


def words_of(text, folder):
    done = subprocess.run(
        ["bash"], input=text.encode(errors="surrogateescape"), capture_output=True, timeout=20
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list(folder.rglob("pwned")) and not Path("pwned").exists()
    return (folder / "words").read_bytes().decode(errors="surrogateescape").split("\0")[:-1]


printable = st.text(st.characters(blacklist_categories=("Cc", "Cs")))


@settings(max_examples=50)
@given(arguments=st.lists(printable | st.sampled_from(HOSTILE)), hostfile=printable)
def test_arguments_arrive_as_they_were_given(specs, probe, tmp_path_factory, arguments, hostfile):
    folder = tmp_path_factory.getbasetemp()
    changes = {"arguments": tuple(arguments), "launcher": probe, "hostfile": hostfile}
    python = [SETTINGS.python, "-m", "pavg", "run"]
    assert words(specs, folder, **changes) == ["--hostfile", hostfile, *python, *arguments]


@pytest.mark.parametrize("name", HOSTILE)
def test_folders_and_programs_may_have_any_name(specs, probe, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    assert words(specs, folder, launcher=probe, python=f"/{name}/python")[2] == f"/{name}/python"
    merging = dataclasses.replace(SETTINGS, out=folder, folder=folder, python=probe, setup=())
    merge = script.merge(["both"], merging, "merge.sbatch")
    assert words_of(merge, folder) == ["-m", "pavg", "merge", f"{folder}/both", "-o", f"{folder}/both.h5"]


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\0", "\x1b[0m", "\x7f"])
@pytest.mark.parametrize("key", ["arguments", "hostfile", "launcher", "setup", "folder", "python", "out"])
def test_no_value_has_more_than_one_line(specs, key, text):
    kind = "allocation" if key == "out" else "hostfile"
    values = {"arguments": (text,), "setup": (text,), "folder": Path(text), "out": Path(text)}
    with pytest.raises(InputError, match="expected one line"):
        rendered(specs, kind, **{key: values.get(key, text)})


@pytest.mark.parametrize(
    "launcher, expected",
    [
        ("pmi2", "srun --mpi=pmi2 --cpu-bind=cores --kill-on-bad-exit=1"),
        ("pmix", "srun --mpi=pmix --cpu-bind=cores --kill-on-bad-exit=1"),
        ("srun --cpu-bind=none", "srun --cpu-bind=none --kill-on-bad-exit=1"),
        ("mpirun", "mpirun -n 8"),
        ("/opt/mpi/bin/mpiexec -np $SLURM_NTASKS", '/opt/mpi/bin/mpiexec -np "$SLURM_NTASKS"'),
        ("mpirun -n 8 ${HOME}/x", 'mpirun -n 8 "${HOME}/x"'),
        ("ibrun; touch pwned", "'ibrun;' touch pwned"),
        ("ibrun $(touch pwned)", "ibrun '$(touch' 'pwned)'"),
        ("'my run' '$HOME and so on'", "'my run' '$HOME and so on'"),
    ],
)
def test_a_launcher_is_words_and_no_more(specs, launcher, expected):
    text = rendered(specs, "allocation", launcher=launcher)["allocation.sbatch"]
    assert f"supervise {expected} \\\n" in text


@pytest.mark.parametrize("launcher", ["", "srun '"])
def test_a_launcher_that_is_none_is_refused(specs, launcher):
    with pytest.raises(InputError, match="--launcher"):
        rendered(specs, "allocation", launcher=launcher)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        for each in KINDS:
            for name, content in rendered(cells(Path(place)), each).items():
                recorded(each, name).parent.mkdir(exist_ok=True)
                recorded(each, name).write_text(content)
