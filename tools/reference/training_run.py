"""Trains a model for some steps as a training configuration says: losses, gradients, clipping, AdamW. No dropout, no padding."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from lambda_linear import LambdaLinear, set_strength
from torch import Tensor, nn
from torch.nn import functional as F
from training_models import Learner, learner, precision
from transformers.models.granitemoe.modeling_granitemoe import load_balancing_loss_func


@dataclass
class Trace:
    """What a run computed. `gradients` are those of one step, before clipping."""

    losses: list[float] = field(default_factory=list)
    norms: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    ties: float = 0.5  # of the rounding of activations at the step of the gradients
    experts: float = float("inf")  # smallest gap between the last chosen expert's logit and the next, in all steps


def rate(config: dict, step: int) -> float:
    """Learning rate of a step; OpenLM scheduler.py. Warm-up never begins at 0."""
    base, schedule, total = config["optimizer"]["lr"], config["schedule"], config["steps"]
    warmup = schedule.get("warmup", 0)
    if step < warmup:
        return base * (step + 1) / warmup
    share, end = (step - warmup) / (total - warmup), schedule.get("floor", 0.0)
    if schedule["name"] == "cosine":
        return end + 0.5 * (1 + math.cos(math.pi * share)) * (base - end)
    if schedule["name"] == "linear":
        return base + share * (end - base)
    assert schedule["name"] == "constant"
    return base


def balance(options: dict, layers: list[Tensor], active: int) -> Tensor:
    """The three published load-balancing losses, of router logits [R, X] per layer."""
    (rows, experts), kind = layers[0].shape, options["name"]
    if kind == "transformers":
        return load_balancing_loss_func(tuple(layers), experts, active)
    total = torch.zeros((), dtype=layers[0].dtype)
    for logits in layers:
        scores = logits.softmax(-1)
        counts = torch.bincount(logits.topk(active, -1).indices.reshape(-1), minlength=experts).to(scores.dtype)
        if kind == "dolomite":  # IBM/dolomite-engine, moe.py; its zLoss is 0.1
            switch = experts * (F.normalize(scores.sum(0), p=1, dim=0) * F.normalize(counts, p=1, dim=0)).sum()
            total = total + switch + options["zLoss"] * logits.logsumexp(-1).square().mean()
        else:  # megablocks, layers/moe.py: batched_load_balancing_loss
            total = total + experts / (len(layers) * rows * active) * (counts * scores.mean(0)).sum()
    return total


def batch_loss(model: Learner, batch: list[list[int]], config: dict, trace: Trace) -> Tensor:
    """Mean over the targets of all sequences together; each sequence is read by itself."""
    entropies, squares, routers = [], [], []
    for row in batch:
        logits, layers = model(row[:-1])
        entropies.append(F.cross_entropy(logits, torch.tensor(row[1:]), reduction="sum"))
        squares.append(logits.logsumexp(-1).square().sum())
        routers.append(layers)
    targets = sum(len(row) - 1 for row in batch)
    loss = (sum(entropies) + config.get("zLoss", 0.0) * sum(squares)) / targets
    layers = [torch.cat(of_layer) for of_layer in zip(*routers)]
    for logits in layers:
        ordered = logits.detach().sort(-1, descending=True).values
        gap = ordered[:, model.active_experts - 1] - ordered[:, model.active_experts]
        trace.experts = min(trace.experts, gap.min().item())
    if aux := config.get("balance"):
        loss = loss + aux["coefficient"] * balance(aux, layers, model.active_experts)
    return loss


def fits(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def groups(parameters: dict[str, Tensor], options: dict) -> list[dict]:
    """One group of the optimiser for each parameter. `matrices` are the tensors of two or more axes."""
    rule, made = options["decay"], []
    for name, parameter in parameters.items():
        if isinstance(rule, dict):
            decays = not fits(name, rule["except"])
        else:
            decays = rule == "all" or parameter.ndim >= 2
        group = next((g for g in options.get("groups", []) if fits(name, g["tensors"])), {})
        decay = group.get("weightDecay", options["weightDecay"] if decays else 0.0)
        made.append({"params": [parameter], "weight_decay": decay, "share": group.get("rate", 1.0)})
    return made


def strength(config: dict, step: int) -> float:
    steps = config["lambda"].get("steps", 0)
    return min(step / steps, 1.0) if steps else 1.0


@dataclass
class Variant:
    """How a run is computed. `jitter` is the seed of a disturbance of all weights as small as their rounding."""

    dtype: torch.dtype = torch.float64
    jitter: int | None = None


@contextmanager
def rounded_weights(parameters: dict[str, nn.Parameter], rounds: bool) -> Iterator[None]:
    """Matrices and tables hold bfloat16 numbers while a pass runs; their gradients are then those of the masters."""
    kept = ["*A_log", "*conv1d.weight", "*router*"]  # float32 in every format
    matrices = [p for n, p in parameters.items() if rounds and p.ndim >= 2 and not fits(n, kept)]
    masters = [p.data for p in matrices]
    for p in matrices:
        p.data = p.data.bfloat16().to(p.dtype)
    yield
    for p, master in zip(matrices, masters):
        p.data = master


def train(folder: Path, config: dict, variant: Variant, gradients_of: int = 0, own_rounding: bool = False) -> Trace:
    trace, dtype, jitter = Trace(), variant.dtype, variant.jitter
    model = learner(folder, dtype, ternary="lambda" in config and not own_rounding)
    if jitter is not None:
        generator = torch.Generator().manual_seed(jitter)
        with torch.no_grad():
            for p in model.parameters.values():
                p.mul_(1 + 2**-24 * torch.randn(p.shape, generator=generator))
    frozen = config.get("freeze", []) + (["*_layernorm.weight"] if config.get("innerNorm") else [])
    trained = {name: p for name, p in model.parameters.items() if not fits(name, frozen)}
    for name in model.parameters.keys() - trained.keys():
        model.parameters[name].requires_grad_(False)
    options = config["optimizer"]
    optimizer = torch.optim.AdamW(groups(trained, options), betas=tuple(options["betas"]), eps=options["eps"])
    rows, size, cursor = config["data"]["ids"], config["batch"], 0
    with precision(dtype):
        for step in range(config["steps"]):
            if "lambda" in config:
                set_strength(model.model, strength(config, step))
            batches = []
            for _ in range(config.get("accumulate", 1)):
                batches.append([rows[(cursor + i) % len(rows)] for i in range(size)])
                cursor = (cursor + size) % len(rows)
            targets = [sum(len(row) - 1 for row in batch) for batch in batches]
            optimizer.zero_grad()
            whole = 0.0
            with rounded_weights(trained, config.get("compute") == "bf16"):
                for batch, count in zip(batches, targets):
                    loss = batch_loss(model, batch, config, trace) * (count / sum(targets))
                    loss.backward()
                    whole += loss.item()
            if step == gradients_of:
                trace.gradients = {name: p.grad.clone() for name, p in trained.items()}
                linears = [m.tie for m in model.model.modules() if isinstance(m, LambdaLinear)]
                trace.ties = min(linears, default=0.5)
            norm = torch.nn.utils.clip_grad_norm_(trained.values(), config.get("clip", math.inf))
            for group in optimizer.param_groups:
                group["lr"] = group["share"] * rate(config, step)
            optimizer.step()
            trace.losses.append(whole)
            trace.norms.append(norm.item())
            trace.rates.append(rate(config, step))
    return trace
