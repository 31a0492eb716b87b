"""Downloads from a server that misbehaves: gone on with, or refused; never a file that looks whole."""

import socket

import pytest

from pavg.data import fetch
from pavg.data.catalogue import File
from pavg.errors import InputError
from tests.serving import BODY, MD5, SHA256

DATE = "Sat, 01 Jan 2022 00:00:00 GMT"


def get(server, folder, timeout=10, **known):
    return fetch.fetch(File(url=server.url, **known), folder, timeout=timeout, pause=0.001)


def nothing_looks_whole(folder):
    return [path.name for path in folder.iterdir() if not path.name.startswith("file.bin.part")] == []


def nothing_is_left(folder):
    return list(folder.iterdir()) == []


@pytest.mark.parametrize("known", ({}, {"sha256": SHA256}, {"md5": MD5, "bytes": len(BODY)}))
def test_a_file_comes_whole_and_alone(server, tmp_path, known):
    path = get(server, tmp_path / "files" / "set", **known)
    assert path.name == "file.bin" and path.read_bytes() == BODY
    assert list(path.parent.iterdir()) == [path]


def test_progress_tells_bytes_and_stages(server, tmp_path):
    told = []
    fetch.fetch(
        File(url=server.url, sha256=SHA256), tmp_path, progress=lambda *arguments: told.append(arguments)
    )
    assert [stage for stage, _, _ in told] == ["downloading"] * 3 + ["verifying"] * 3
    assert told[2] == ("downloading", len(BODY), len(BODY))


@pytest.mark.parametrize(
    "tag, date, mark",
    (('"one"', "", '"one"'), ("", DATE, DATE), ('W/"one"', DATE, DATE), ('"one"', DATE, '"one"')),
)
def test_a_connection_that_drops_twice_is_gone_on_with_from_where_it_ended(server, tmp_path, tag, date, mark):
    server.drops = [1_000_000, 1_000_001]
    server.tag, server.date = tag, date
    assert get(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert server.asked == [(0, None), (1_000_000, mark), (2_000_001, mark)]
    assert server.sent == len(BODY)


def test_without_tag_and_date_a_checksum_is_enough_to_go_on(server, tmp_path):
    server.drops, server.tag = [1_000_000], ""
    assert get(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert server.asked == [(0, None), (1_000_000, None)]


def test_without_tag_date_and_checksum_it_begins_anew(server, tmp_path):
    server.drops, server.tag = [1_000_000], ""
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.asked == [(0, None), (0, None)]


def test_a_part_of_another_day_is_gone_on_with(server, tmp_path):
    server.drops = [1_000_000] + [0] * 10
    with pytest.raises(InputError, match="connection ended at byte 1,000,000 of 3,072,000, 6 times"):
        get(server, tmp_path)
    assert nothing_looks_whole(tmp_path)
    server.drops, server.sent = [], 0
    assert get(server, tmp_path).read_bytes() == BODY
    assert server.sent == len(BODY) - 1_000_000


def test_a_file_that_has_changed_meanwhile_begins_anew(server, tmp_path):
    server.drops = [1_000_000] + [0] * 10
    with pytest.raises(InputError):
        get(server, tmp_path)
    server.drops, server.tag, server.body = [], '"two"', BODY[::-1]
    assert get(server, tmp_path).read_bytes() == BODY[::-1]


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.drops, server.ranges = [1_000_000, 2_000_000], False
    assert get(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert [first for first, _ in server.asked] == [0, 1_000_000, 2_000_000]


def test_a_part_that_is_longer_than_the_file_begins_anew(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(BODY + b"more")
    assert get(server, tmp_path, sha256=SHA256).read_bytes() == BODY


def test_a_slow_but_sure_server_is_asked_as_often_as_it_takes(server, tmp_path):
    server.body = BODY * 4
    server.drops = [fetch.CHUNK + 1] * 11
    assert get(server, tmp_path).read_bytes() == BODY * 4
    assert len(server.asked) == 12


# --- refused


def test_a_length_that_is_too_long_is_refused_after_some_attempts(server, tmp_path):
    server.claim = 100
    with pytest.raises(InputError, match="file.bin: cannot be downloaded: .*6 times; bring http"):
        get(server, tmp_path)
    assert nothing_looks_whole(tmp_path)


def test_a_length_that_is_too_short_is_refused_by_the_checksum(server, tmp_path):
    server.claim = -100
    with pytest.raises(InputError, match=f"found sha256 .*; expected {SHA256}; nothing is kept"):
        get(server, tmp_path, sha256=SHA256)
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("claim", (0, None))
def test_another_length_than_the_published_one_is_refused(server, tmp_path, claim):
    server.claim = claim
    with pytest.raises(InputError, match="3,072,000 bytes; expected 3,072,001"):
        get(server, tmp_path, bytes=len(BODY) + 1)
    assert nothing_is_left(tmp_path)


def test_an_answer_that_goes_on_elsewhere_is_never_appended(server, tmp_path):
    server.drops, server.ahead = [1_000_000], 1000
    with pytest.raises(InputError, match="the server went on at byte 1001000, not 1000000, 6 times"):
        get(server, tmp_path)
    server.ahead = 0
    assert get(server, tmp_path).read_bytes() == BODY


@pytest.mark.parametrize("known", ({"sha256": "0" * 64}, {"md5": "0" * 32}))
def test_a_wrong_checksum_is_refused_and_nothing_is_kept(server, tmp_path, known):
    (kind,) = known
    with pytest.raises(InputError, match=f"found {kind} .*; expected 0*; nothing is kept"):
        get(server, tmp_path, **known)
    assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("kind", ("text/html; charset=utf-8", "application/octet-stream"))
def test_a_web_page_is_refused(server, tmp_path, kind):
    server.body, server.type = b"\n <!DOCTYPE html><html>Not today</html>", kind
    with pytest.raises(InputError, match="found a web page"):
        get(server, tmp_path)
    assert nothing_is_left(tmp_path)


def test_a_file_that_is_not_there_is_refused_at_once(server, tmp_path):
    server.status = 404
    with pytest.raises(
        InputError, match=rf"404 Not Found; bring {server.url} .* put it into {tmp_path}/ and"
    ):
        get(server, tmp_path)
    assert len(server.asked) == 1 and nothing_is_left(tmp_path)


def test_a_server_that_is_out_of_order_is_asked_a_bounded_number_of_times(server, tmp_path):
    server.status = 503
    with pytest.raises(InputError, match="503 Service Unavailable, 6 times"):
        get(server, tmp_path)
    assert len(server.asked) == 6


def test_a_silent_server_is_given_up(server, tmp_path):
    server.hang = True
    with pytest.raises(InputError, match="no answer in time, 6 times"):
        get(server, tmp_path, timeout=0.1)
    assert nothing_is_left(tmp_path)


def test_without_a_server_the_message_says_what_to_bring(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(InputError, match=rf"refused, 6 times; bring http://127.0.0.1:{port}/x .*{tmp_path}/"):
        fetch.fetch(File(url=f"http://127.0.0.1:{port}/x"), tmp_path, pause=0.001)


def test_without_a_network_nothing_is_tried_twice(tmp_path):
    with pytest.raises(InputError, match="bring http://nowhere.invalid/x by other means"):
        fetch.fetch(File(url="http://nowhere.invalid/x"), tmp_path, pause=100)


# --- on disk


def test_a_file_brought_by_hand_is_verified_and_used(server, tmp_path):
    (tmp_path / "file.bin").write_bytes(BODY)
    assert get(server, tmp_path, sha256=SHA256).read_bytes() == BODY
    assert server.asked == []


@pytest.mark.parametrize("content", (BODY[:-1], BODY[:-1] + b"?", b"<html>"))
def test_a_wrong_file_brought_by_hand_is_refused_and_left_alone(server, tmp_path, content):
    (tmp_path / "file.bin").write_bytes(content)
    with pytest.raises(InputError, match=rf"{tmp_path}/file.bin: found .*; expected .* bring it anew from"):
        get(server, tmp_path, sha256=SHA256, bytes=len(BODY))
    assert (tmp_path / "file.bin").read_bytes() == content


def test_two_downloads_of_one_file_do_not_mix(server, tmp_path):
    with fetch._alone(tmp_path / "file.bin.part"):
        with pytest.raises(InputError, match="file.bin.part: another process is downloading it"):
            get(server, tmp_path)
    assert server.asked == []


def test_a_full_disk_is_said_and_the_part_is_kept(server, tmp_path, monkeypatch):
    import resource
    import signal

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        with pytest.raises(InputError, match="file.bin: cannot be written: File too large"):
            get(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert len(server.asked) == 1 and nothing_looks_whole(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken/file.bin: cannot be written: "):
        get(server, tmp_path / "taken")
