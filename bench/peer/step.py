"""The time of a training step of SPD in PyTorch, of the sizes that Spd.Bench --steps has, on random weights.

    python3 step.py tms_5-2 --threads 2

Prints the median in milliseconds, and which way of computing it was the fastest: plain, or with torch.compile where there is PyTorch 2.
docs/method.md has the formulas. Needs PyTorch (1.13 or later), and nothing of this repository.
"""
import argparse
import os
import statistics
import sys
import time

SPARSE = {  # inputs, hidden layers, batch, probability of a feature, C, gate neurons
    "tms_5-2": dict(features=5, hidden=2, batch=4096, probability=0.05, C=20, K=16),
    "tms_40-10": dict(features=40, hidden=10, batch=4096, probability=0.05, C=200, K=16),
    "resid_mlp1": dict(features=100, hidden=50, batch=2048, probability=0.01, C=100, K=16, stream=1000),
}
# The shape of stories260K; the seven matrices of its third block are decomposed.
LLAMA = dict(vocabulary=512, width=64, ff=172, blocks=5, heads=8, kv_heads=4, length=256, batch=4, C=100, K=0, block=2)
EXPERIMENTS = [*SPARSE, "lm_stories260K"]

arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
arguments.add_argument("experiment", choices=EXPERIMENTS)
arguments.add_argument("--threads", type=int, default=1)
arguments.add_argument("--seconds", type=float, default=5, help="of measuring")
args = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(args.threads)  # read when PyTorch is loaded

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(args.threads)
torch.manual_seed(0)


class Toy:
    """TMS: y = relu(Wᵀ W x + b). The second matrix is the first, transposed."""

    def __init__(self, features, hidden, **_):
        W = torch.randn(hidden, features) / features**0.5
        self.sites, self.bias, self.tied = {"linear1": W, "linear2": W.t()}, torch.zeros(features), True

    def start(self, x):
        return x

    def outputs(self, x, apply):
        return F.relu(apply("linear2", apply("linear1", x)) + self.bias)

    loss = staticmethod(F.mse_loss)


class Residual:
    """r = x E, r = r + out(relu(in(r))), y = r Eᵀ."""

    def __init__(self, features, hidden, stream, **_):
        self.E, self.tied = F.normalize(torch.randn(features, stream), dim=1), False
        self.sites = {"in": 0.03 * torch.randn(hidden, stream), "out": 0.03 * torch.randn(stream, hidden)}

    def start(self, x):
        return x @ self.E

    def outputs(self, r, apply):
        return (r + apply("out", F.relu(apply("in", r)))) @ self.E.t()

    loss = staticmethod(F.mse_loss)


class Llama:
    """RMS norms, rotary positions, grouped queries, a gated MLP; the unembedding is the embedding."""

    NAMES = ("q", "k", "v", "o", "gate", "up", "down")

    def __init__(self, vocabulary, width, ff, blocks, heads, kv_heads, length, block, **_):
        self.heads, self.kv_heads, self.tied, self.first = heads, kv_heads, False, block
        head = width // heads
        shapes = [(width, width), (kv_heads * head, width), (kv_heads * head, width), (width, width), (ff, width), (ff, width), (width, ff)]
        self.embedding = 0.02 * torch.randn(vocabulary, width)
        self.blocks = [{name: 0.02 * torch.randn(shape) for name, shape in zip(self.NAMES, shapes)} for _ in range(blocks)]
        self.norms = torch.ones(2 * blocks + 1, width)
        self.sites = dict(self.blocks[block])
        angles = torch.outer(torch.arange(length), 10000 ** (-torch.arange(0, head, 2) / head)).repeat(1, 2)
        self.cos, self.sin = angles.cos(), angles.sin()
        self.mask = torch.full((length, length), -torch.inf).triu(1)

    def norm(self, x, place):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * self.norms[place]

    def turned(self, x):
        left, right = x.chunk(2, dim=-1)
        return x * self.cos + torch.cat((-right, left), dim=-1) * self.sin

    def attend(self, q, k, v):
        if hasattr(F, "scaled_dot_product_attention"):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + self.mask).softmax(-1) @ v

    def block(self, place, x, apply):
        a = self.norm(x, 2 * place)
        q, k, v = (apply(name, a).unflatten(-1, (-1, x.shape[-1] // self.heads)).transpose(1, 2) for name in "qkv")
        q, k = self.turned(q), self.turned(k)
        k, v = (each.repeat_interleave(self.heads // self.kv_heads, dim=1) for each in (k, v))
        x = x + apply("o", self.attend(q, k, v).transpose(1, 2).flatten(2))
        a = self.norm(x, 2 * place + 1)
        return x + apply("down", F.silu(apply("gate", a)) * apply("up", a))

    def start(self, tokens):
        """The stream before the block that is decomposed, which no mask changes: it is computed once a step."""
        x = self.embedding[tokens]
        for place in range(self.first):
            x = self.block(place, x, lambda name, a: a @ self.blocks[place][name].t())
        return x

    def outputs(self, x, apply):
        x = self.block(self.first, x, apply)
        for place in range(self.first + 1, len(self.blocks)):
            x = self.block(place, x, lambda name, a: a @ self.blocks[place][name].t())
        return (self.norm(x, 2 * len(self.blocks)) @ self.embedding.t()).log_softmax(-1)

    @staticmethod
    def loss(outputs, known):
        return (known.exp() * (known - outputs)).sum(-1).mean()


class Decomposition:
    """Subcomponents and gates of all sites; those gates lie in one tensor, so that they are computed at once."""

    def __init__(self, network, C, K, draw):
        self.network, self.C, self.K, self.draw = network, C, K, draw
        self.names, count = list(network.sites), C * len(network.sites)
        self.V = {name: F.normalize(torch.randn(W.shape[1], C), dim=0).requires_grad_() for name, W in network.sites.items()}
        self.U = {name: F.normalize(torch.randn(C, W.shape[0]), dim=1).requires_grad_() for name, W in network.sites.items()}
        if network.tied:  # the same memory, but gradients and moments of its own
            self.V["linear2"] = self.U["linear1"].detach().t().requires_grad_()
            self.U["linear2"] = self.V["linear1"].detach().t().requires_grad_()
        shapes = [(count, K, 1), (count, K, 1), (count, 1, K), (count,)] if K else [(count,), (count,)]
        self.gate = [(torch.randn(shape) / max(K, 1) ** 0.5).requires_grad_() for shape in shapes]
        tied = ["linear2"] if network.tied else []
        groups = [[self.V[n] for n in tied] + [self.U[n] for n in tied]]
        groups.append([p for n in self.names if n not in tied for p in (self.V[n], self.U[n])] + self.gate)
        self.optimiser = torch.optim.AdamW([dict(params=group) for group in groups if group], lr=1e-3, weight_decay=0, foreach=True)

    def gates(self, h):
        if not self.K:
            return h * self.gate[0] + self.gate[1]
        rows = h.flatten(0, -2).t().unsqueeze(1)  # [count, 1, rows]
        w_in, b_in, w_out, b_out = self.gate
        neurons = F.gelu(torch.baddbmm(b_in, w_in, rows.contiguous()))
        return torch.bmm(w_out, neurons).squeeze(1).t().reshape(h.shape) + b_out

    def losses(self, x):
        network, sites = self.network, self.network.sites
        with torch.no_grad():
            start, inputs = network.start(x), {}

            def recorded(name, a):
                inputs[name] = a
                return a @ sites[name].t()

            known = network.outputs(start, recorded)
        g = self.gates(torch.cat([inputs[name] @ self.V[name] for name in self.names], dim=-1))
        lower = F.leaky_relu(g, 0.01).clamp(max=1)
        upper = torch.where(g > 1, 1 + 0.01 * (g - 1), F.relu(g))

        def masked(names, masks):
            def apply(name, a):
                return ((a @ self.V[name]) * masks[name]) @ self.U[name] if name in names else a @ sites[name].t()

            return network.loss(network.outputs(start, apply), known)

        def drawn():
            return dict(zip(self.names, (lower + (1 - lower) * torch.rand_like(lower)).split(self.C, dim=-1)))

        faithfulness = sum((sites[n].t() - self.V[n] @ self.U[n]).square().sum() for n in self.names) / sum(W.numel() for W in sites.values())
        each = drawn()
        layerwise = sum(masked([name], each) for name in self.names) / len(self.names)
        return faithfulness + masked(self.names, drawn()) + layerwise + 1e-5 * upper.square().sum(-1).mean()

    def step(self, losses):
        self.optimiser.zero_grad(set_to_none=True)
        loss = losses(self.draw())
        loss.backward()
        self.optimiser.step()
        return loss


def sparse(batch, features, probability, low):
    return lambda: torch.empty(batch, features).uniform_(low, 1) * (torch.rand(batch, features) < probability)


def prepared(name):
    if name == "lm_stories260K":
        draw = lambda: torch.randint(LLAMA["vocabulary"], (LLAMA["batch"], LLAMA["length"]))  # noqa: E731
        return Decomposition(Llama(**LLAMA), LLAMA["C"], LLAMA["K"], draw)
    sizes = SPARSE[name]
    network = Residual(**sizes) if "stream" in sizes else Toy(**sizes)
    return Decomposition(network, sizes["C"], sizes["K"], sparse(sizes["batch"], sizes["features"], sizes["probability"], -1 if "stream" in sizes else 0))


def times(model, losses, seconds):
    """Milliseconds of steps, after two that are not counted."""
    for _ in range(2):
        loss = model.step(losses)
    found, begin = [], time.perf_counter()
    while len(found) < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        loss = model.step(losses)
        found.append(1e3 * (time.perf_counter() - start))
    if not torch.isfinite(loss):
        sys.exit("step.py: the loss is not finite, so that this is no fair timing")
    return found


model = prepared(args.experiment)
ways = {"plain": model.losses}
if hasattr(torch, "compile"):
    ways["torch.compile"] = torch.compile(model.losses)
tried = {}
for way, losses in ways.items():
    try:
        tried[way] = statistics.median(times(model, losses, 0.2 * args.seconds))
    except Exception as error:  # a compiler that is missing, or does not know an operation
        print(f"{way} does not run here: {str(error).splitlines()[0]}", file=sys.stderr)
best = min(tried, key=tried.get)
found = times(model, ways[best], args.seconds)
print(f"{args.experiment} {statistics.median(found):.3f} ms a step, {args.threads} threads, {len(found)} steps, {best}, PyTorch {torch.__version__}")
