"""A relay between ranks in network namespaces: what it holds, how long, and that nothing goes past it."""

import os
import subprocess
import sys

import pytest
import xarray

from pavg.comm import relay
from pavg.comm.relay import Relay
from pavg.delays import Network
from pavg.errors import InputError
from pavg.files import alive
from tests.conftest import mpi_named, run_to_end

here = pytest.mark.skipif(bool(relay.missing()), reason=f"missing: {', '.join(relay.missing())}")
ECHO = """
import socket, sys
with socket.create_server(("10.77.0.2", 7000)) as server:
    print("ready", flush=True)
    peer, _ = server.accept()
    while data := peer.recv(1 << 16):
        peer.sendall(data)
"""
ASK = """
import socket, sys, time
with socket.create_connection(("10.77.0.2", 7000)) as peer:
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for size in (1, 200_000):
        began, left = time.monotonic(), size
        peer.sendall(bytes(size))
        while left:
            left -= len(peer.recv(1 << 16))
        print(time.monotonic() - began)
"""


def namespaces():
    return {path.name for path in relay.NAMESPACES.glob(f"pavg-{os.getpid()}-*")}


def left():
    """Namespaces whose process is gone."""
    there = [path.name for path in relay.NAMESPACES.glob("pavg-*")]
    return [name for name in there if not alive(int(name.split("-")[1]))]


@here
def test_an_answer_takes_the_way_twice_and_its_bytes_twice_and_namespaces_go():
    latency, bandwidth = 0.02, 4e6
    made = Relay(2, Network(latency=latency, bandwidth=bandwidth))
    try:
        assert len(namespaces()) == 2
        inside = [["nsenter", f"--net={relay.NAMESPACES}/pavg-{os.getpid()}-{rank}"] for rank in (0, 1)]
        with subprocess.Popen([*inside[1], sys.executable, "-c", ECHO], stdout=subprocess.PIPE) as echo:
            assert echo.stdout.readline() == b"ready\n"
            asked = run_to_end([*inside[0], sys.executable, "-c", ASK], {}, 60)
        short, long = map(float, asked.stdout.split())
        assert short >= 2 * latency and long >= 2 * latency + 200_000 / bandwidth
        assert made.packets > 4 and made.bytes > 2 * 200_000
    finally:
        made.close()
    assert namespaces() == set()


@here
def test_what_a_dead_process_left_is_removed():
    gone = subprocess.Popen(["true"])
    gone.wait()
    subprocess.run(["ip", "netns", "add", f"pavg-{gone.pid}-0"], check=True)
    Relay(2, Network()).close()
    assert not (relay.NAMESPACES / f"pavg-{gone.pid}-0").exists()


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(relay.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(relay.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="a relay between ranks: missing: ip, nsenter, root"):
        Relay(2, Network())


@here
@pytest.mark.mpirun
def test_ranks_have_no_way_but_the_relay_and_results_say_so(tmp_path, monkeypatch):
    mpi_named("default")
    monkeypatch.chdir(tmp_path)
    asked = ["network", "-n", "2", "--latency", "0.01", "bench", "allreduce", "--size", "1000"]
    done = run_to_end([sys.executable, "-m", "pavg", *asked, "--quick", "--alternations", "2"], {})
    assert done.returncode == 0, done.stderr
    [path] = (tmp_path / "results" / "bench").glob("*.bench.h5")
    with xarray.open_dataset(path) as data:
        assert (data.time_median >= 0.01).all()
    with xarray.open_dataset(path, group="env") as env:
        assert env.attrs["relay"] == "0.01 s"
    told = done.stderr.split("relay: ")[1].replace(",", "").split()
    assert int(told[0]) > 0 and int(told[2]) > 8000 and left() == []


@here
@pytest.mark.mpirun
def test_bad_input_of_the_command_inside_leaves_nothing(tmp_path):
    asked = ["network", "-n", "2", "run", str(tmp_path / "none.toml")]
    done = run_to_end([sys.executable, "-m", "pavg", *asked], {})
    assert done.returncode == 2 and "none.toml" in done.stderr and left() == []
