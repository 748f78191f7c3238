"""Routing of Granite's mixtures, by hooks on transformers' routers: tests/golden/insides/routing-*.

An expert is switched off by taking its score away before the router chooses. What an expert writes is its output, with its gate and the
residual multiplier, as the head reads it behind the final norm, whose scale is that of the whole residual stream.
"""

import torch
from golden_files import State
from hf_run import MoeRun, load
from insides_files import checkpoint, write_insides
from torch import Tensor, nn
from torch.nn import functional as F

NAMES = ["granite-moe-10", "granite-moe-40", "granite-moe-shared", "granite-tiny"]


def entropy(weights: Tensor) -> Tensor:
    """In bits, of the last axis."""
    p = weights.double() / weights.double().sum(-1, keepdim=True)
    return -torch.special.xlogy(p, p).sum(-1) / torch.log(torch.tensor(2.0, dtype=torch.float64))


def mean_logprob(model: nn.Module, ids: list[int]) -> Tensor:
    logprobs = torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0].double(), -1)
    return logprobs[torch.arange(len(ids) - 1), torch.tensor(ids[1:])].mean()


def without(router: nn.Module, expert: int):
    """A forward of the router that chooses among the others."""

    def forward(hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = F.linear(hidden, router.weight).float()
        logits[:, expert] = -torch.inf
        best, chosen = logits.topk(router.top_k, dim=-1)
        return chosen, torch.softmax(best, -1).type_as(hidden), logits

    return forward


@torch.no_grad()
def insides(name: str) -> State:
    folder, ids = checkpoint(name)
    model = load(folder)
    config, layers = model.config, model.model.layers
    run, read = MoeRun(model), {}
    hooks = [layer.block_sparse_moe.register_forward_pre_hook(lambda _, args, i=i: read.__setitem__(i, args[0][0])) for i, layer in enumerate(layers)]
    sites = run.sites(ids)
    for hook in hooks:
        hook.remove()
    count, experts = len(ids), config.num_local_experts
    kept: dict[str, list[Tensor]] = {}

    def keep(key: str, value: Tensor) -> None:
        kept.setdefault(key, []).append(value)

    final = sites[f"blocks.{len(layers) - 1}.residPost"][-1].double()
    norm = model.model.norm
    scale = norm.weight.double() / torch.sqrt((final * final).mean() + norm.variance_epsilon)
    head = model.lm_head.weight.double() / config.logits_scaling
    baseline = mean_logprob(model, ids)
    for i, layer in enumerate(layers):
        moe = layer.block_sparse_moe
        chosen, gates = (sites[f"blocks.{i}.{key}"] for key in ("expertIds", "expertGates"))
        logits = sites[f"blocks.{i}.routerLogits"]
        one_hot = F.one_hot(chosen.long(), experts).double()  # [T, A, X]
        used = one_hot.sum(1)
        keep("counts", used.sum(0))
        keep("gateShare", (one_hot * gates[..., None]).sum((0, 1)) / count)
        keep("together", used.T @ used)
        keep("loadEntropy", entropy(used.sum(0)))
        keep("routerEntropy", entropy(torch.softmax(logits.double(), -1)).mean())
        keep("gateEntropy", entropy(gates).mean())
        written = []
        for slot in range(chosen.shape[1]):
            expert = chosen[-1, slot]
            gate, up = F.linear(read[i][-1], moe.experts.gate_up_proj[expert]).chunk(2)
            out = F.linear(F.silu(gate) * up, moe.experts.down_proj[expert]).double()
            written.append(head @ (out * gates[-1, slot] * config.residual_multiplier * scale))
        keep("written", torch.stack(written))
        changes = []
        for expert in range(experts):
            original = moe.router.forward
            moe.router.forward = without(moe.router, expert)
            changes.append(mean_logprob(model, ids) - baseline)
            moe.router.forward = original
        keep("ablation", torch.stack(changes))
    found = {key: torch.stack(values).float() for key, values in kept.items()}
    return found | {"meanLogprob": baseline.reshape(1).float()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in NAMES:
        write_insides(f"routing-{each}", insides(each))
