"""Random streams, partitions and the rows that are drawn: docs/streams.md."""

import math

import numpy as np
from scipy.special import ndtri

PARTITION, INITIAL, ORDER, NOISE, COIN, PROBLEM = range(6)
WORD = 2**64


def sequence(seed, *purpose):
    return np.random.SeedSequence(seed, spawn_key=purpose)


def generator(seed, *purpose):
    return np.random.default_rng(sequence(seed, *purpose))


def key(seed, *purpose):
    return int(sequence(seed, *purpose).generate_state(1, np.uint64)[0])


def bits(key, m):
    z = (key + (m + 1) * 0x9E3779B97F4A7C15) % WORD
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ z >> 27) * 0x94D049BB133111EB % WORD
    return z ^ z >> 31


def uniform(key, m):
    return ((bits(key, m) >> 12) + 0.5) / 2**52


def below(key, m, n):
    return bits(key, m) * n // WORD


def normal(key, m):
    return ndtri(uniform(key, m))


def shuffled(key, number, position, c):
    """Where `position` of 0 … c − 1 goes in pass `number`: a Feistel network, walked until it is below c."""
    k = bits(key, number)
    a = max(math.isqrt(c - 1) + 1, 8)
    b = max(-(-c // a), 8)
    while True:
        left, right = divmod(position, b)
        for r in range(6):
            if r % 2 == 0:
                left = (left + ((bits(k ^ right, r) >> 32) * a >> 32)) % a
            else:
                right = (right + ((bits(k ^ left, r) >> 32) * b >> 32)) % b
        position = left * b + right
        if position < c:
            return position


def drawn(sampling, key, m, c):
    """Draw number m from a shard of c rows: the position of one."""
    if sampling == "replacement":
        return below(key, m, c)
    return m % c if sampling == "order" else shuffled(key, m // c, m % c, c)


def shards(rule, y, n, P, seed):
    """The rows of each learner."""
    name, rng = rule["name"], generator(seed, PARTITION)
    if name == "pool":
        return [np.arange(n)] * P
    if name == "dirichlet":
        return by_shares(rng, y, P, rule.get("beta", 0.5))
    rows = {
        "iid": lambda: rng.permutation(n),
        "contiguous": lambda: np.arange(n),
        "by-label": lambda: np.argsort(y, kind="stable"),
    }[name]()
    sizes = [n // P + (p < n % P) for p in range(P)]
    return np.split(rows, np.cumsum(sizes)[:-1])


def by_shares(rng, y, P, beta):
    order = rng.permutation(len(y))
    labels = np.unique(y)
    shares = rng.dirichlet([beta] * P, len(labels))
    dealt = [[] for _ in range(P)]
    for label, share in zip(labels, shares, strict=True):
        rows = [i for i in order if y[i] == label]
        cuts = np.rint(np.cumsum(share) * len(rows)).astype(int)[:-1]
        for learner, part in zip(dealt, np.split(np.array(rows), cuts), strict=True):
            learner.extend(part)
    for learner in dealt:
        if not learner:
            learner.append(max(dealt, key=len).pop())
    return [np.array(learner) for learner in dealt]
