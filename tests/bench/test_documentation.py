"""docs/benchmarks.md knows every benchmark."""

from pathlib import Path

import pytest

from pavg.bench import BENCHMARKS

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md").read_text()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_has_its_command_and_its_section(name):
    assert f"\npavg bench {name} " in PAGE and f"\n## {name}\n" in PAGE
