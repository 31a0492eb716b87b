"""Nets as problems: what they are made of, where they begin, and what they refuse."""

import sys

import numpy as np
import pytest

from pavg import registry
from pavg.errors import InputError
from tests.building import spec_of
from tests.problems.nets.small import KEPT, KEYS, NEEDED, RESNET, VGG, images, run, task

torch = pytest.importorskip("torch", reason=NEEDED)
stack = pytest.importorskip("pavg.problems.nets.stack")

CONVOLUTIONS = 14_714_688  # parameters of VGG-16's, which Simonyan & Zisserman's net has, too


def parts(name, **parameters):
    """Name → shape of a net's parameters at its published size, and the layout."""
    with torch.device("meta"):
        layout = stack.Layout(registry.load("problems", name)(**parameters).module())
    return dict(layout.shapes), layout


@pytest.mark.parametrize(
    "name, parameters, count",
    [
        ("resnet", {}, 269_722),  # He et al. 2016, Table 6: 0.27 million, 0.46, 0.66, 0.85
        ("resnet", {"depth": 32}, 464_154),
        ("resnet", {"depth": 44}, 658_586),
        ("resnet", {"depth": 56}, 853_018),
        ("nin", {"batch_norm": False}, 966_986),  # Lin et al. 2013: 0.97 million
        ("vgg", {"batch_norm": False}, CONVOLUTIONS + 512 * 513 + 10 * 513),
        ("torch-lenet", {}, 1_663_370),
    ],
)
def test_nets_have_as_many_parameters_as_is_published(name, parameters, count):
    assert parts(name, **parameters)[1].p == count


@pytest.mark.parametrize("depth", [8, 20, 56])
def test_a_residual_net_has_as_many_layers_as_its_depth(depth):
    shapes, layout = parts("resnet", depth=depth)
    weights = [shape for shape in shapes.values() if len(shape) > 1]
    assert len(weights) == depth
    assert len(layout.norms) == depth - 1
    assert layout.s == 2 * sum(shape[0] for shape in weights[:-1])


def test_vgg_and_nin_have_as_many_layers_as_their_names_say():
    for depth in (11, 13, 16, 19):
        shapes, _ = parts("vgg", depth=depth)
        assert len([shape for shape in shapes.values() if len(shape) == 4]) == depth - 3
    shapes, _ = parts("nin")
    sides = [shape[2] for shape in shapes.values() if len(shape) == 4]
    assert sides == [5, 1, 1, 5, 1, 1, 3, 1, 1]


@pytest.mark.parametrize("name", ["vgg", "nin", "resnet"])
def test_nets_begin_with_normal_weights_of_he_s_variance(name):
    shapes, layout = parts(name, width=16)
    net = registry.load("problems", name)(width=16)
    first, other = (net.start(layout.shapes, seed) for seed in (0, 1))
    begin = 0
    for own, shape in shapes.items():
        piece = first[begin : begin + np.prod(shape, dtype=int)]
        if len(shape) > 1:
            drawn = piece * np.sqrt(np.prod(shape[1:]) / 2)
            assert abs(drawn.mean()) < 4.5 / np.sqrt(drawn.size)
            assert abs(drawn.var() - 1) < 4.5 * np.sqrt(2 / drawn.size)
            assert not np.array_equal(piece, other[begin : begin + piece.size])
        else:
            assert (piece == own.endswith("weight")).all()
        begin += piece.size
    np.testing.assert_array_equal(first, net.start(layout.shapes, 0))


def test_a_shortcut_takes_every_second_pixel_and_pads_with_empty_maps():
    from pavg.problems.nets.residual import Block

    block, x = Block(3, 5, 2).eval(), torch.rand(2, 3, 6, 6)
    block.body = torch.nn.Identity()
    block.body.forward = lambda x: torch.zeros(2, 5, 3, 3)
    out = block(x)
    torch.testing.assert_close(out[:, :3], x[:, :, ::2, ::2])
    assert not out[:, 3:].any()


def test_a_run_is_the_same_each_time_and_hangs_on_its_seed():
    first, again, other = (run(RESNET, seed=seed).w for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_augmentation_makes_a_difference_to_training_alone():
    plain, moved = (run(RESNET | {"augmentation": kind}).rows for kind in ("none", "crop"))
    assert plain[0]["loss"] == moved[0]["loss"] and plain[-1]["loss"] != moved[-1]["loss"]


def test_a_run_records_losses_accuracies_and_pytorch_s_version():
    made = task(RESNET)
    assert made.objective.notes == {"version_torch": torch.__version__}
    rows = run(RESNET).rows
    assert {"loss", "accuracy", "test_loss", "test_accuracy", "grad_norm", "drift"} <= rows[0].keys()
    assert rows[0]["accuracy"] * 24 % 1 == pytest.approx(0)
    assert "grad_norm" not in run(KEPT).rows[0]  # statistics of an average hang on its parameters


@pytest.mark.parametrize(
    "problem, keys, message",
    [
        (RESNET | {"depth": 21}, {}, r"problem\.depth = 21: expected 6n \+ 2"),
        (
            RESNET,
            {"batch_size": 1},
            r"batch_size: of one sample; problem 'resnet' normalises by mini-batches",
        ),
        (RESNET, {"batch_size": {"name": "growing"}}, "batch_size: of one sample"),
        (
            VGG | {"batch_norm": False, "statistics": "kept"},
            {},
            r"problem\.statistics = 'kept': there are none",
        ),
        (VGG | {"device": "gpu"}, {}, r"""problem\.device = "gpu": expected 'cpu' or 'cuda'"""),
    ],
)
def test_what_cannot_be_meant_is_refused(problem, keys, message):
    with pytest.raises(InputError, match=message):
        spec_of(**(KEYS | {"problem": problem} | keys))


def test_without_batch_normalisation_one_sample_is_enough():
    spec_of(**(KEYS | {"problem": VGG | {"batch_norm": False}, "batch_size": 1}))


def test_images_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"784 features; .* expects 3072, images of 32 by 32 in 3 colours"):
        task(RESNET, images(d=784))


def test_a_net_of_one_s_own_is_a_module_without_state_of_its_own():
    nn, layers = torch.nn, pytest.importorskip("pavg.problems.nets.layers")

    class Own(registry.load("problems", "resnet")):
        name = "own"

        def module(self):
            return nn.Sequential(nn.Flatten(), nn.Linear(3072, 4), self.between(), nn.Linear(4, 10))

    made = task(RESNET)
    for between in (lambda self: layers.BatchNorm(4), lambda self: layers.Dropout(0.5, 0)):
        Own.between = between
        objective = Own().bind(images(), 2, seed=0)
        W = objective.embedded(objective.start)
        order = (0, np.zeros(1, np.uint64), np.zeros(1, np.int64), *made.shards.of(0, 1).__dict__.values())
        objective.steps((W, np.zeros((0, 0)), 0.0, np.ones((1, 1))), order, order[1], (np.ones(1), [4], 0), 1)
        assert not np.array_equal(W[0, : objective.layout.p], objective.start[: objective.layout.p])
    for between, named in (
        (lambda self: nn.BatchNorm1d(4), "BatchNorm1d"),
        (lambda self: nn.Dropout(), "Dropout"),
    ):
        Own.between = between
        with pytest.raises(InputError, match=f"problem 'own': a layer {named}, whose buffers or randomness"):
            Own().bind(images(), 2, seed=0)


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(InputError, match=r"problem\.device = 'cuda': PyTorch finds no GPU; expected 'cpu'"):
        task(RESNET | {"device": "cuda"})


def test_ranks_of_a_node_go_through_its_gpus_in_turn(monkeypatch):
    from pavg.problems.nets.objective import _device

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    for name in ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"):
        monkeypatch.delenv(name, raising=False)
    assert _device("cuda") == torch.device("cuda", 0)
    monkeypatch.setenv("SLURM_LOCALID", "6")
    assert _device("cuda") == torch.device("cuda", 2)


def test_without_pytorch_it_is_said_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pavg.problems.nets.objective")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"needs the package torch: pip install 'pavg\[torch\]'"):
        task(RESNET)
