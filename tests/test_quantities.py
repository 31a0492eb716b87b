"""Numbers with units read back as what they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pavg.quantities import shown

SCALES = {"p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@given(st.floats(1e-12, 9e14), st.sampled_from((1, -1)))
def test_three_digits_and_a_prefix_say_the_number(size, sign):
    number, unit = shown(sign * size, "s").split(" ")
    assert float(number) * SCALES[unit.removesuffix("s")] == pytest.approx(sign * size, rel=0.005)
    assert 1 <= abs(float(number)) < 1000 and len(number.strip("-").replace(".", "")) <= 3


@pytest.mark.parametrize(
    "value, text",
    [(0, "0 s"), (float("nan"), "nan s"), (float("inf"), "inf s"), (1e-15, "0.001 ps"), (2e15, "2e+03 Ts")],
)
def test_what_no_prefix_fits_is_told_as_it_is(value, text):
    assert shown(value, "s") == text
