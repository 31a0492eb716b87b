"""A Slurm of our own: munged, slurmctld and emulated nodes on loopback, everything in one short folder.

Root, and Debian's slurm-wlm and munge. CPUs are not confined: times there mean nothing.
"""

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo", "scancel")
PARTITION = "emulated"
CONFIGURATION = """\
ClusterName=pavg
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
FirstJobId={job}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool.%n
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdLogFile={folder}/slurmd.%n.log
TmpFS={folder}
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
EnforcePartLimits=ALL
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,batch_sched_delay=0,sched_interval=2
ReturnToService=2
KillWait=5
MinJobAge=3600
InactiveLimit=0
Waittime=0
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs={cpus} State=UNKNOWN
PartitionName={partition} Nodes=n[1-{nodes}] Default=YES MaxTime=1-0 DefaultTime=10 State=UP
"""


def missing():
    """Why there can be no Slurm here, or ""."""
    absent = [program for program in PROGRAMS if not shutil.which(program, path=_path())]
    if absent:
        return f"no Slurm: {', '.join(absent)} missing (apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "no Slurm: its daemons need root"


class Cluster:
    """variables : SLURM_CONF and a PATH with Slurm's programs, for commands of this cluster."""

    def __init__(self, nodes=2, cpus=2):
        # sockets have short names: not in pytest's folder, whatever TMPDIR is
        self.folder = Path(tempfile.mkdtemp(prefix="pavg-slurm-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.names = [f"n{i + 1}" for i in range(nodes)]
        self.variables = {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _path()}
        try:
            with _one_at_a_time():  # ports are looked for, then bound
                self._configure(nodes, cpus)
                self._start()
            self.wait(lambda: self._idle() == nodes, 30, "nodes to be idle")
        except BaseException:
            self.stop()
            raise

    def run(self, *command, timeout=30):
        """The standard output of a command of this cluster; it must end well."""
        done = subprocess.run(
            [*map(str, command)],
            env=os.environ | self.variables,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def states(self):
        """{id of job or element: state} of all jobs since the start."""
        lines = self.run("squeue", "--noheader", "--array", "--states=all", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def wait(self, condition, seconds, what):
        """Until the condition holds; an AssertionError with the logs' ends when the time is up."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {what}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self, last=8):
        """The last lines of all logs."""
        ends = [
            f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-last:])
            for path in sorted(self.folder.glob("*.log"))
        ]
        return "\n".join(ends)

    def stop(self):
        """End all jobs, then all daemons, each by its pid, and remove the folder."""
        with contextlib.suppress(AssertionError, subprocess.SubprocessError, OSError):
            if live := [job for job, state in self.states().items() if state in ("PENDING", "RUNNING")]:
                self.run("scancel", *live)
            over = ("PENDING", "RUNNING", "COMPLETING")
            self.wait(lambda: not {*self.states().values()} & {*over}, 15, "jobs to end")
        files = [self.folder / f"slurmd.{name}.pid" for name in self.names]
        for file in [*files, self.folder / "slurmctld.pid", self.folder / "munged.pid"]:
            _end(file)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self, nodes, cpus):
        port = _free_ports(nodes + 1)
        text = CONFIGURATION.format(
            host=socket.gethostname().partition(".")[0],
            folder=self.folder,
            port=port,
            first=port + 1,
            last=port + nodes,
            nodes=nodes,
            cpus=cpus,
            partition=PARTITION,
            # MPICH names its shared memory after Slurm's job and step: no two clusters may have the same
            job=random.randrange(1, 60_000) * 1000,
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "state").mkdir()

    def _start(self):
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        place = {
            "key-file": key,
            "socket": self.folder / "munge.sock",
            "pid-file": self.folder / "munged.pid",
            "log-file": self.folder / "munged.log",
            "seed-file": self.folder / "munged.seed",
        }
        self._daemon("munged", "--force", "--num-threads=2", *(f"--{k}={v}" for k, v in place.items()))
        self._daemon("slurmctld", "-c")
        for name in self.names:
            (self.folder / f"spool.{name}").mkdir()
            self._daemon("slurmd", "-c", "-N", name)

    def _daemon(self, *command):
        """Start a program that goes into the background by itself; what it prints goes to a log."""
        with open(self.folder / f"{command[0]}.out.log", "a") as log:
            subprocess.run(
                command,
                env=os.environ | self.variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=True,
                timeout=30,
            )

    def _idle(self):
        with contextlib.suppress(AssertionError):
            return len(self.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%n").split())
        return 0


def _path():
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@contextlib.contextmanager
def _one_at_a_time():
    with open(Path(tempfile.gettempdir()) / "pavg-slurm.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _free_ports(n):
    """The first of n consecutive free ports, below those that the system gives away."""
    for base in range(17000, 32000, n):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(base, base + n):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return base
    raise RuntimeError("no free ports")


def _end(file):
    """End the daemon whose pid a file holds: TERM, and KILL after 5 s."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(file.read_text())
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and _lives(pid):
            time.sleep(0.05)
        if _lives(pid):
            os.kill(pid, signal.SIGKILL)


def _lives(pid):
    """Whether a process is there, and no zombie."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
