"""Files that are whole or not there, and locks that end with their process."""

import fcntl
import os
import socket
import subprocess
import sys

import pytest

from pavg import files


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a"
    files.replace(path, b"one")
    files.replace(path, b"two", durable=True)
    assert path.read_bytes() == b"two" and os.listdir(tmp_path) == ["a"]


def test_what_cannot_be_replaced_stays_and_leaves_nothing(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "kept").touch()
    with pytest.raises(OSError):
        files.replace(path, b"one")
    assert os.listdir(tmp_path) == ["folder"] and (path / "kept").exists()


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    names = {f".x.{socket.gethostname()}-{pid}.tmp" for pid in (child.pid, os.getppid())}
    names |= {f".x.elsewhere-{child.pid}.tmp", "notes.tmp", f".x.{socket.gethostname()}-{child.pid}.tmp.txt"}
    names |= {f"{socket.gethostname()}-{child.pid}.tmp"}
    for name in names:
        (tmp_path / name).touch()
    folder = tmp_path / f".y.{socket.gethostname()}-{child.pid}.tmp"
    folder.mkdir()
    (folder / "part").touch()
    files.remove_stale(tmp_path)
    assert set(os.listdir(tmp_path)) == names - {f".x.{socket.gethostname()}-{child.pid}.tmp"}


def test_a_process_of_somebody_else_is_alive_and_a_number_of_none_is_not(monkeypatch):
    def refuse(pid, signal):
        raise PermissionError

    assert not files.alive(2**22 + 1) and not files.alive(2**80)
    monkeypatch.setattr(os, "kill", refuse)
    assert files.alive(1)


def test_a_lock_is_held_once_and_ends_with_its_process(tmp_path):
    path = tmp_path / "lock"
    held = f"""
import sys
from pavg import files
with files.locked({str(path)!r}) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", held], **pipes) as other:
        assert other.stdout.readline() == "True\n"
        with files.locked(path) as ours:
            assert not ours
        other.kill()
    with files.locked(path) as ours:
        assert ours


def test_a_lock_on_a_file_that_was_removed_meanwhile_keeps_others_out_all_the_same(tmp_path, monkeypatch):
    path, flock = tmp_path / "lock", fcntl.flock

    def removed_first(*arguments):
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(*arguments)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with files.locked(path) as ours, files.locked(path) as twice:
        assert ours and not twice


def test_a_lock_ends_with_its_block_and_where_there_are_none_it_is_ours(tmp_path, monkeypatch):
    path = tmp_path / "lock"
    for _ in range(2):
        with files.locked(path) as ours:
            assert ours

    def refuse(*_):
        raise OSError("no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with files.locked(path) as ours, files.locked(path) as twice:
        assert ours and twice


def test_a_sink_keeps_the_first_error_and_writes_nothing_after_it(tmp_path):
    with files.Sink(tmp_path / "a", "w+") as sink:
        assert sink.write(b"one") == 3 and sink.truncate(2) == 2
        sink.settle()
    assert (tmp_path / "a").read_bytes() == b"on"
    with files.Sink("/dev/full", "w") as sink:
        assert sink.write(b"one") == 3 and sink.truncate(2) == 2  # the second fails too
        for check in (sink.check, sink.settle):
            with pytest.raises(OSError, match="No space left"):
                check()
