"""What a sweep will take, told before it runs."""

import pytest
from mpi4py import MPI

from pavg.sweep.forecast import forecasts
from pavg.sweep.groups import Group
from tests.building import spec_of

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize("momentum, arrays", [(0.0, 2), (0.5, 3)])
def test_samples_are_of_all_learners_and_memory_of_those_that_one_rank_hosts(momentum, arrays, tmp_path):
    spec = spec_of(P=6, momentum=momentum, stop={"steps": 77})
    groups = [Group.of([0], [spec], size, tmp_path, {None: {}}) for size in (1, 4, 8)]
    found = list(forecasts(MPI.COMM_SELF, groups))
    assert [one.memory for one in found] == [learners * 8 * arrays for learners in (6, 2, 1)]  # of one number
    assert {(one.end, one.samples, one.data) for one in found} == {(77, 77 * 6, 0)}
    assert [one.seconds / found[0].seconds for one in found] == pytest.approx([1, 1 / 3, 1 / 6])
