"""Local steps of nets: gradients, the update, and that no bit hangs on where a run is interrupted."""

import numpy as np
import pytest
from mpi4py import MPI

from pavg.engine import synchronous
from pavg.engine.checkpoint import Checkpoints
from pavg.engine.observation import Care
from tests.problems.nets.small import KEPT, NEEDED, NIN, RESNET, VGG, images, learners, run, task

torch = pytest.importorskip("torch", reason=NEEDED)
objective, stack = (pytest.importorskip(f"pavg.problems.nets.{name}") for name in ("objective", "stack"))
nn = torch.nn

NETS = {"resnet": RESNET, "kept": KEPT, "vgg": VGG, "nin": NIN}
NETS |= {"vgg without": VGG | {"batch_norm": False, "dropout": False}}
NETS |= {"nin without": NIN | {"batch_norm": False}}
nets = pytest.mark.parametrize("problem", NETS.values(), ids=NETS)


@pytest.fixture
def doubles(monkeypatch):
    """All in float64, for differences."""
    monkeypatch.setattr(stack, "REAL", torch.float64)
    monkeypatch.setattr(objective, "REAL", torch.float64)


def difference(f, w, direction, h=1e-9):
    """The derivative of f in a direction; h is small, as few units as may be turn on or off."""
    return (f(w + h * direction) - f(w - h * direction)) / (2 * h)


@nets
def test_a_mini_batch_gradient_is_the_slope_of_its_loss(problem, doubles):
    of = task(problem | {"l2": 0.1}).objective
    p, rows, keys = of.layout.p, np.arange(4), np.arange(4, dtype=np.uint64)
    batch = [part[None] for part in of._images("train", rows, keys)]
    one, rng = of._stacks[1], np.random.default_rng(0)
    W, d = of.embedded(of.start), rng.standard_normal(p)
    W[:, :p] += 0.01 * rng.standard_normal(p)  # without biases of 0, units of which lie where ReLU bends

    def loss(w):
        one.enter(w[None])
        of.layout.module.train()
        return one._loss(*(part[0] for part in batch)).item() + 0.05 * (w[:p] ** 2).sum()

    one.enter(W[:, of._all])
    one.learn(*batch, 0.1)
    slope, wide = float(one.gradient[0].numpy() @ d), np.concatenate([d, np.zeros(of.layout.s)])
    assert slope == pytest.approx(difference(loss, W[0, of._all], wide), rel=1e-4)


@pytest.mark.parametrize("problem", [RESNET, VGG | {"batch_norm": False}])
def test_the_gradient_of_the_objective_is_its_slope_at_fixed_statistics(problem, doubles):
    of, n = task(problem | {"l2": 0.1}).objective, 24
    W, G, rng = of.embedded(of.start), np.zeros((1, of.width)), np.random.default_rng(0)
    of.add_gradient(W, 0, 20, G)
    of.add_gradient(W, 20, n, G)
    G /= n
    of.add_penalty_gradient(W, G)
    d = np.zeros(of.width)
    d[: of.layout.p] = rng.standard_normal(of.layout.p)
    slope = difference(lambda w: of.losses("train", w[None], 0, n)[0] / n + of.penalty(w[None]), W[0], d)
    assert G[0] @ d == pytest.approx(slope, rel=1e-4)
    assert not G[0, of.layout.p :].any()


def test_local_steps_are_those_of_pytorch_s_own_optimiser_and_layers():
    keys = {"P": 1, "sampling": "order", "partition": "contiguous"}
    made = learners(RESNET | {"augmentation": "none", "l2": 0.01}, **keys)
    of, module = made.objective, made.objective.net.module()

    def replaced(owner):
        for name, child in owner.named_children():
            if isinstance(child, stack.BatchNorm):
                setattr(owner, name, nn.BatchNorm2d(child.weight.numel()))
            replaced(child)

    replaced(module)
    p = of.layout.p
    nn.utils.vector_to_parameters(torch.tensor(of.start[:p], dtype=torch.float32), module.parameters())
    running = iter(torch.tensor(of.start[p:], dtype=torch.float32).split(of.layout.channels))
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    for norm in norms:
        norm.running_mean, norm.running_var = next(running), next(running)
    optimiser = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    x, y, _ = of._images("train", np.arange(24), np.zeros(24, np.uint64))
    for step in range(5):
        made.step(1)
        rows = slice(4 * step, 4 * step + 4)
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
        optimiser.step()
    theirs = [nn.utils.parameters_to_vector(module.parameters()).detach()]
    theirs += [part for norm in norms for part in (norm.running_mean, norm.running_var)]
    np.testing.assert_allclose(made.W[0, of._all], torch.cat(theirs).numpy(), rtol=1e-4, atol=1e-5)


@nets
def test_learners_together_step_as_one_by_one(problem):
    alone, pairs, all_together = (learners(problem | {"together": k}, P=3) for k in (1, 2, 3))
    for made in (alone, pairs, all_together):
        made.step(2)
    for made in (pairs, all_together):
        np.testing.assert_allclose(made.W, alone.W, rtol=1e-4, atol=2e-5)
        np.testing.assert_allclose(made.V, alone.V, rtol=1e-3, atol=1e-4)
        made.gradient()
    alone.gradient()
    np.testing.assert_allclose(pairs.G, alone.G, rtol=2e-2, atol=2e-3)
    assert np.abs(alone.W[0] - alone.W[1]).max() > 1e-3


@pytest.mark.parametrize("problem", [*NETS.values(), NIN | {"together": 2}], ids=[*NETS, "nin together"])
def test_steps_in_two_stretches_are_those_in_one_to_the_bit(problem):
    whole, parts = (learners(problem) for _ in range(2))
    whole.step(5)
    for n in (2, 3):
        parts.step(n)
    np.testing.assert_array_equal(whole.W, parts.W)
    np.testing.assert_array_equal(whole.V, parts.V)


@pytest.mark.parametrize("problem", [KEPT, NIN])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, problem):
    keys = {"stop": {"steps": 70}, "evaluate": {"at": [64]}, "method": {"name": "periodic", "K": "all"}}
    whole = run(problem, **keys)
    made = task(problem, **keys)
    stopped, goes_on = (Care(checkpoints=Checkpoints(tmp_path, {}), timeout=limit) for limit in (0.0, None))
    assert synchronous.run(MPI.COMM_SELF, made, stopped)[0].status == "timeout"
    again = synchronous.run(MPI.COMM_SELF, task(problem, **keys), goes_on)[0]
    np.testing.assert_array_equal(again.w, whole.w)
    for row, other in zip(again.rows[-2:], whole.rows[-2:], strict=True):
        assert [row[name] for name in ("ticks", "loss", "drift")] == [
            other[name] for name in ("ticks", "loss", "drift")
        ]


def test_it_learns_colours():
    keys = {"batch_size": 16, "stop": {"steps": 40}, "evaluate": {"at": [40]}}
    rows = run(RESNET | {"width": 4}, images(100), **keys).rows
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[-1]["accuracy"] > rows[0]["accuracy"] + 0.15


def test_nothing_is_compiled_once_all_is_warm():
    from pavg.kernels import images as kernels

    made = learners(NIN)
    made.warm_up()
    compiled = [len(f.signatures) for f in (kernels.draw_images, kernels.take)]
    made.step(1)
    made.objective.losses("test", made.W[:1], 0, 8)
    assert compiled == [len(f.signatures) for f in (kernels.draw_images, kernels.take)]
    assert made.draws.tolist() == [4, 4]
