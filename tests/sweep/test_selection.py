"""Choosing cells: by index, and by a small expression that is never evaluated by Python."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pavg.errors import InputError
from pavg.expressions import DEEPEST, LONGEST, where
from pavg.settings import flat
from pavg.sweep.selection import chosen, indices
from tests.building import spec_of

CELL = {"K": 16, "P": 8, "step_size": 0.05, "seed": 3, "method": "periodic", "barrier": False, "R": None}
CELL |= {"method_zeta": 0.5, "evaluate_at": [1, 64], "stop_steps": 100}


@pytest.mark.parametrize(
    "text, expected",
    {
        "7": [7],
        "3:6": [3, 4, 5],
        "0,4,8:12:2": [0, 4, 8, 10],
        "4, 0 ,4,0:2": [0, 1, 4],
        "0:12": list(range(12)),
        "11:12:100": [11],
    }.items(),
)
def test_indices_are_sorted_and_distinct(text, expected):
    assert indices(text, 12) == expected


@pytest.mark.parametrize(
    "text",
    ["", ",", "12", "0:13", "5:5", "6:3", "-1", "3:", ":3", "1:9:0", "1.5", "a", "1;2", "٣", "9" * 99],
)
def test_indices_that_are_none_are_refused_with_what_was_found(text):
    with pytest.raises(InputError, match="--cells .*found .*expected") as caught:
        indices(text, 12)
    assert len(str(caught.value)) < 300 and "\n" not in str(caught.value)


@given(st.lists(st.integers(0, 30), min_size=1))
def test_any_list_of_indices_is_itself(numbers):
    assert indices(",".join(map(str, numbers)), 31) == sorted(set(numbers))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("K<64 and P==8", True),
        ("K < 16 or P in (1, 8)", True),
        ("P not in [1, 8]", False),
        ("1 < P <= 8 < K", True),
        ("not (K == 16 and seed == 3)", False),
        ("method == 'periodic' and barrier == false", True),
        ("method.name == 'periodic' and method.K == 16 and step_size.value == 0.05", True),
        ("method.zeta == 0.5 and method_zeta > -1", True),
        ("64 in evaluate.at and stop.steps == 1_00", True),
        ("'period' in method", True),
        ("not barrier and R == None", True),
    ],
)
def test_an_expression_says_which_cells_are_meant(text, expected):
    assert where(text)(CELL) is expected


def test_one_shot_is_below_no_number_and_above_none():
    cell = flat(spec_of(method={"name": "periodic", "K": "all"}).settings())
    for text in ("K < 64", "K > 64", "K <= 64", "64 > K", "K == 64", "K in [64, 1]"):
        assert not where(text)(cell)
    assert where("K == 'all'")(cell) and where("K != 64")(cell) and where("not K < 64")(cell)


def test_a_name_that_is_no_setting_gets_a_suggestion():
    with pytest.raises(InputError, match=r"'step_siz' is no setting; did you mean 'step_size'\?"):
        where("step_siz < 1")(CELL)


def test_a_setting_that_only_other_cells_have_is_unset():
    cells = [{"K": 4, "P": 1}, {"method_zeta": 0.1, "P": 1}, {"K": 8, "P": 2}]
    assert chosen(cells, None, "K < 64") == [0, 2]
    assert chosen(cells, None, "method.zeta < 1") == [1]
    assert chosen(cells, "1:3", "P == 2 or method.zeta == 0.1") == [1, 2]
    assert chosen(cells, "0,2") == [0, 2] and chosen(cells) == [0, 1, 2]
    with pytest.raises(InputError, match="true for none"):
        chosen(cells, "0", "K == 8")
    with pytest.raises(InputError, match="'Q' is no setting"):
        chosen(cells, None, "Q == 8")


HOSTILE = {
    "__import__('os').system('true')": "a call",
    "open('x')": "a call",
    "K.__class__": "attribute|name",
    "_": "name",
    "().__class__ == 1": "tuple",
    "[K for K in (1, 2)]": "listcomp",
    "10**10**10 == K": "arithmetic",
    "-(10**9) < K": "unaryop",
    "'a' * 999999999": "arithmetic",
    "lambda: 1": "lambda",
    "(K := 5)": "namedexpr",
    "K if P else seed": "ifexp",
    "K[0] == 1": "subscript",
    "{1: 2}": "dict",
    "{1, 2}": "set",
    "f'{K}' == ''": "joinedstr",
    "b'K' == K": "constant",
    "1j < K": "constant",
    "... == K": "constant",
    "[*method]": "starred",
    "K is None": "is",
    "K in 5": "no list",
    "~K": "unaryop",
    "await K": "no expression|await",
    "K = 5": "no expression",
    "K < ": "no expression",
    "": "no expression",
    "import os": "no expression",
    "K < 64\nand P": "no expression",
    "K\0": "no expression",
    "K < 64; P": "no expression",
    "\ud800": "no expression",
    "(" * 300 + "K" + ")" * 300: "no expression|nested",
    "not " * 400 + "K": "no expression|nested",
    "-" * 1900 + "1": "no expression|nested|unaryop",
    "[" * 60 + "]" * 60: "nested",
    "K" + ".a" * 900: "attribute",
    "9" * 1900 + " ** 9": "arithmetic",
    "K < 1 and " * 500 + "P": "characters",
}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_else_it_is_is_refused_with_one_message(text):
    with pytest.raises(InputError, match=f"^--where .*: found .*({HOSTILE[text]})") as caught:
        where(text)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


@settings(max_examples=300)
@given(st.text(max_size=LONGEST + 10) | st.text("()[]<>=!'\"., not andorinKP01*:\\{}-", max_size=200))
def test_any_text_is_an_expression_or_refused(text):
    try:
        where(text)(CELL)
    except InputError as error:
        assert str(error).startswith("--where ")


NUMBERS = st.integers(-5, 100).map(str) | st.sampled_from(["K", "P", "seed", "step_size", "0.05", "1e-3"])
TEXTS = st.sampled_from(["method", "'periodic'", "'all'", '"K"'])
ORDER = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
COMPARISONS = (
    st.tuples(NUMBERS, ORDER, NUMBERS, ORDER, NUMBERS).map(" ".join)
    | st.tuples(TEXTS, ORDER, TEXTS).map(" ".join)
    | st.tuples(NUMBERS, st.sampled_from(["==", "!="]), TEXTS).map(" ".join)
    | st.tuples(
        NUMBERS | TEXTS, st.sampled_from([" in [", " not in ["]), st.lists(NUMBERS | TEXTS).map(", ".join)
    ).map(lambda parts: "".join(parts) + "]")
)
EXPRESSIONS = st.recursive(
    COMPARISONS | st.just("barrier"),
    lambda inner: (
        inner.map(lambda a: f"not ({a})")
        | st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join)
        | inner.map(lambda a: f"({a})")
    ),
    max_leaves=12,
).filter(lambda text: len(text) <= LONGEST and text.count("(") < DEEPEST // 2)


@settings(max_examples=300)
@given(EXPRESSIONS, st.sampled_from([CELL, CELL | {"barrier": True, "P": 1, "K": 64}]))
def test_it_agrees_with_python_on_whatever_is_well_formed(text, cell):
    assert where(text)(cell) is bool(eval(text, {"__builtins__": {}}, dict(cell)))
