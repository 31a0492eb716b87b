"""How far a stage is, in a log."""

from pavg.cli import stages


def test_a_log_tells_now_and_then_how_long_the_rest_will_take_at_the_pace_so_far(monkeypatch, capsys):
    clock = iter([0.0, 20.0, 25.0, 40.0, 41.0])
    monkeypatch.setattr(stages.time, "monotonic", lambda: next(clock))
    told = stages.Stages()
    for done in (600, 700, 750, 800):  # 600 were there before
        told("downloading", done, 1000)
    told("verifying", 0, 1000)
    said = ["downloading", "    70%, 60 s left", "    80%, 40 s left", "verifying"]
    assert capsys.readouterr().err.splitlines() == said


def test_what_has_no_known_end_is_counted(monkeypatch, capsys):
    clock = iter([0.0, 5.0, 20.0, 25.0, 31.0])
    monkeypatch.setattr(stages.time, "monotonic", lambda: next(clock))
    told = stages.Stages()
    for done in (1, 500, 1000, 1500, 2000):
        told("passes", done, None)
    assert capsys.readouterr().err.splitlines() == ["passes", "    1,000", "    2,000"]
