"""Trains the network that this folder holds: python3 train.py, with NumPy alone, some seconds.

A ReLU network 64-48-24-10 learns the first four fifths of digits.csv.gz; the last fifth, which it has not seen, says how well.
Prints its accuracy and writes network.npz beside this file. Another NumPy or processor rounds otherwise, and its file has another hash.
"""
from pathlib import Path

import numpy as np

folder = Path(__file__).parent
table = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
images, labels = table[:, :64] / 16, table[:, 64].astype(int)  # counts from 0 to 16 become numbers from 0 to 1
known = int(0.8 * len(images) + 0.5)
sizes = [64, 48, 24, 10]
steps, batch, peak = 4000, 128, 3e-3

random = np.random.default_rng(0)
weights = [random.normal(0, np.sqrt(2 / inputs), (outputs, inputs)) for inputs, outputs in zip(sizes, sizes[1:])]
parameters = weights + [np.zeros(outputs) for outputs in sizes[1:]]
means, squares = [[np.zeros_like(p) for p in parameters] for _ in range(2)]


def forward(x):
    """The inputs of every layer, and the outputs of the last."""
    values = [x]
    for layer, (W, b) in enumerate(zip(parameters[:3], parameters[3:])):
        x = values[-1] @ W.T + b
        values.append(np.maximum(x, 0) if layer < 2 else x)
    return values


for step in range(steps):
    rows = random.integers(known, size=batch)
    values = forward(images[rows])
    odds = np.exp(values[-1] - values[-1].max(1, keepdims=True))
    gradient = odds / odds.sum(1, keepdims=True)
    gradient[np.arange(batch), labels[rows]] -= 1  # of the cross-entropy, with respect to the outputs
    gradient /= batch
    gradients = [None] * 6
    for layer in (2, 1, 0):
        gradients[layer], gradients[3 + layer] = gradient.T @ values[layer], gradient.sum(0)
        gradient = (gradient @ parameters[layer]) * (values[layer] > 0)
    rate = peak * np.cos(0.5 * np.pi * step / steps)
    for i, g in enumerate(gradients):  # AdamW, whose decay matrices alone have
        means[i] = 0.9 * means[i] + 0.1 * g
        squares[i] = 0.999 * squares[i] + 0.001 * g * g
        change = means[i] / (1 - 0.9 ** (step + 1)) / (np.sqrt(squares[i] / (1 - 0.999 ** (step + 1))) + 1e-8)
        parameters[i] = parameters[i] - rate * (change + (0.1 * parameters[i] if i < 3 else 0))

parameters = [p.astype(np.float32) for p in parameters]
right = forward(images.astype(np.float32))[-1].argmax(1) == labels
print(f"{right[:known].mean():.2%} of the {known} images that it learnt, {right[known:].mean():.2%} of the {len(right) - known} others, {right.mean():.2%} of all")
names = [f"layers.{layer}.{kind}" for kind in ("weight", "bias") for layer in range(3)]
np.savez(folder / "network.npz", **dict(zip(names, parameters)))
