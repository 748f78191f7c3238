"""What is hidden in the scans of Mamba, from values inside of transformers' model: tests/golden/insides/scans-*.

The effective attention of a channel is taken by its formula, one pair of tokens at a time, in double precision; its sum over sources, with the
skip, must be what the scan gives, and all parts of a logit must sum to the logit.
"""

import math

import torch
from golden_files import State
from hf_run import load
from insides_files import checkpoint, write_insides
from mamba_run import MambaRun
from torch import Tensor
from torch.nn import functional as F

NAMES = ["mamba-odd", "mamba-tri", "falcon-mamba", "mamba-tiny"]
WORD = 7
CHANNELS = [0, 3]


def effective_attention(site: State, a: Tensor) -> Tensor:
    """alpha [E, T, T] of values dt [T, E], b [T, N], c [T, N] and a [E, N]."""
    dt, b, c = site["dt"], site["b"], site["c"]
    count, channels = dt.shape
    alpha = torch.zeros(channels, count, count, dtype=torch.float64)
    for t in range(count):
        for s in range(t + 1):
            passed = dt[s + 1 : t + 1].sum(0)  # [E]
            alpha[:, t, s] = (c[t] * torch.exp(a * passed[:, None]) * dt[s][:, None] * b[s]).sum(-1)
    return alpha


@torch.no_grad()
def insides(name: str) -> State:
    folder, ids = checkpoint(name)
    model = load(folder)
    run = MambaRun(model)
    sites = {name: value.double() for name, value in run.sites(ids).items()}
    body, last = model.backbone, len(ids) - 1
    x = sites[f"blocks.{len(body.layers) - 1}.residPost"][last]
    eps = getattr(body.norm_f, "variance_epsilon", model.config.layer_norm_epsilon)
    direction = model.lm_head.weight[WORD].double() * body.norm_f.weight.double() / torch.sqrt((x * x).mean() + eps)
    kept: dict[str, list[Tensor]] = {}

    def keep(key: str, value: Tensor) -> None:
        kept.setdefault(key, []).append(value)

    total = direction @ sites["embed"][last]
    found: State = {"embed": total.reshape(1)}
    for i, layer in enumerate(body.layers):
        site = {key.removeprefix(f"blocks.{i}."): value for key, value in sites.items() if key.startswith(f"blocks.{i}.")}
        mixer = layer.mixer
        a = -torch.exp(mixer.A_log.double())
        alpha = effective_attention(site, a)
        made = torch.einsum("ets,se->te", alpha, site["convOut"])
        skip = mixer.D.double() * site["convOut"]
        assert torch.allclose(made + skip, site["scanOut"], atol=1e-4 * site["scanOut"].abs().max().item()), name
        keep("signed", alpha.mean(0))
        keep("absolute", alpha.abs().mean(0))
        keep("channels", alpha[CHANNELS])

        state, norms = torch.zeros_like(a), []
        for t in range(len(ids)):
            dt = site["dt"][t][:, None]
            state = torch.exp(a * dt) * state + dt * site["b"][t] * site["convOut"][t][:, None]
            norms.append(state.norm())
        assert torch.allclose(state, site["ssmState"], atol=1e-4 * state.abs().max().item()), name
        keep("norms", torch.stack(norms))
        keep("steps", site["dt"].mean(-1))
        keep("halfLife", math.log(2) / (-a * site["dt"].mean(0)[:, None]))

        weight = (mixer.out_proj.weight.double().T @ direction) * F.silu(site["gate"][last])
        sources = torch.einsum("e,es,se->s", weight, alpha[:, last], site["convOut"])
        bias = 0.0 if mixer.out_proj.bias is None else direction @ mixer.out_proj.bias.double()
        keep("sources", sources)
        keep("skip", weight @ skip[last])
        keep("bias", torch.as_tensor(bias, dtype=torch.float64))
        total = total + sources.sum() + weight @ skip[last] + bias
    logit = sites["logits"][last, WORD]
    assert abs(total - logit) < 1e-4 * sites["logits"].abs().max(), (name, total, logit)
    found |= {key: torch.stack(values) for key, values in kept.items()}
    found |= {"logit": logit.reshape(1), "word": torch.tensor([WORD]), "channelIds": torch.tensor(CHANNELS)}
    return {key: value.to(torch.int32 if key in ("word", "channelIds") else torch.float32) for key, value in found.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each in NAMES:
        write_insides(f"scans-{each}", insides(each))
