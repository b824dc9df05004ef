"""Gradients vanish and explode as powers (Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013).

From a state to the one k steps later leads a product of k Jacobians, diag(f'(a_t)) W. Here W is an orthogonal matrix
times a gain g: it stretches every vector by g, and any other factor comes from the slope of the activation f.
"""

from __future__ import annotations

import numpy as np

UNITS = 64
GAINS = (0.8, 1.0, 1.25, 2.0)
STEPS = (1, 10, 50, 100)
DRAWS = 10  # of matrix and inputs, whose norms are averaged (geometrically)
# name, f, slope of f at the state h = f(a), standard deviation of the inputs
CASES = [
    ("linear", lambda a: a, lambda h: np.ones_like(h), 1.0),
    ("tanh, inputs of 0.01", np.tanh, lambda h: 1 - h**2, 0.01),
    ("tanh, inputs of 1", np.tanh, lambda h: 1 - h**2, 1.0),
    ("relu, inputs of 1", lambda a: np.maximum(a, 0), lambda h: (h > 0).astype(float), 1.0),
]


def norms(case: int, gain: float, seed: int) -> list[tuple[float, float]]:
    """For each of STEPS the norm of dh_T/dh_{T-k}, T = 2 max(STEPS): the largest factor by which it stretches a vector
    (the spectral norm), and that for a vector drawn at random, as the gradient at the read-out is at first."""
    _, activation, slope, scale = CASES[case]
    random = np.random.default_rng(seed)
    orthogonal, upper = np.linalg.qr(random.normal(size=(UNITS, UNITS)))
    W = gain * orthogonal * np.sign(np.diag(upper))
    h, slopes = np.zeros(UNITS), []
    for _ in range(2 * max(STEPS)):
        h = activation(scale * random.normal(size=UNITS) + W @ h)
        slopes.append(slope(h))
    vector = random.normal(size=UNITS)
    vector /= np.linalg.norm(vector)
    jacobian, factors = np.eye(UNITS), []
    for k in range(1, max(STEPS) + 1):  # dh_T/dh_{T-k} = dh_T/dh_{T-k+1} diag(f'(a_{T-k+1})) W
        jacobian = jacobian @ (slopes[-k][:, None] * W)
        if k in STEPS:
            factors.append((float(np.linalg.norm(jacobian, 2)), float(np.linalg.norm(vector @ jacobian))))
    return factors


def report() -> str:
    lines = [
        f"W is g times an orthogonal matrix of {UNITS} units. By which factor dh_T/dh_(T-k)",
        "stretches a vector: the largest, and (last column) that of a random vector",
        "",
        f"{'activation':<20} {'g':>5}" + "".join(f"{f'k = {k}':>10}" for k in (*STEPS, STEPS[-1])),
    ]
    for case, (name, *_) in enumerate(CASES):
        for gain in GAINS:
            with np.errstate(divide="ignore"):  # the log of a norm of zero
                means = np.exp(np.log([norms(case, gain, seed) for seed in range(DRAWS)]).mean(axis=0))
            largest = "".join(f"{mean:>10.2g}" for mean in means[:, 0])
            lines.append(f"{name:<20} {gain:>5}{largest}{means[-1, 1]:>10.2g}")
        lines.append("")
    return "\n".join(lines[:-1])
