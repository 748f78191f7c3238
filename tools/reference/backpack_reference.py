"""Backpack language model in plain PyTorch (Hewitt et al., ACL 2023, arXiv 2305.16765): reference and training.

Axes: B batch, T tokens, S keys, M width, H heads, D head width, F mlp width, V vocabulary, Z senses, s sense key width.
The names of the parameters are those of the published checkpoints. Run this file to check it against golden numbers.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Record = Callable[[str, Tensor], None]


@dataclass(frozen=True)
class BackpackConfig:
    vocab_size: int = 50264
    n_positions: int = 512
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None
    num_senses: int = 16
    sense_intermediate_scale: int = 4
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = True
    sense_sum: str = "sum"

    @staticmethod
    def from_json(text: str) -> "BackpackConfig":
        raw = json.loads(text)
        # Levanter's models (the only ones of this model_type) divide the sum by the number of senses.
        raw.setdefault("sense_sum", "mean" if raw.get("model_type") == "backpack-gpt2" else "sum")
        return BackpackConfig(**{f.name: raw[f.name] for f in fields(BackpackConfig) if f.name in raw})

    @property
    def sense_key_width(self) -> int:
        return self.n_embd // self.num_senses


class Conv1D(nn.Module):
    """GPT-2's linear layer: the weight is stored [in, out]."""

    def __init__(self, width_in: int, width_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width_in, width_out))
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class MLP(nn.Module):
    def __init__(self, width: int, hidden: int, width_out: int):
        super().__init__()
        self.c_fc = Conv1D(width, hidden)
        self.c_proj = Conv1D(hidden, width_out)

    def hidden(self, x: Tensor) -> Tensor:
        return F.gelu(self.c_fc(x), approximate="tanh")

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.hidden(x))


def causal_softmax(scores: Tensor) -> Tensor:
    """scores [..., T, S] -> probabilities, zero above the diagonal."""
    T = scores.shape[-1]
    future = torch.ones(T, T, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, float("-inf")).softmax(-1)


class Attention(nn.Module):
    def __init__(self, config: BackpackConfig, layer: int):
        super().__init__()
        self.heads = config.n_head
        scale = math.sqrt(config.n_embd // config.n_head) if config.scale_attn_weights else 1.0
        self.divisor = scale * (layer + 1 if config.scale_attn_by_inverse_layer_idx else 1)
        self.c_attn = Conv1D(config.n_embd, 3 * config.n_embd)
        self.c_proj = Conv1D(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, record: Record) -> Tensor:
        B, T, M = x.shape
        q, k, v = self.c_attn(x).view(B, T, 3, self.heads, M // self.heads).unbind(2)  # each [B, T, H, D]
        pattern = causal_softmax(torch.einsum("bthd,bshd->bhts", q, k) / self.divisor)
        z = torch.einsum("bhts,bshd->bthd", pattern, v)
        for name, value in (("q", q), ("k", k), ("v", v), ("pattern", pattern), ("z", z)):
            record(name, value)
        return self.c_proj(z.reshape(B, T, M))


class TrunkBlock(nn.Module):
    def __init__(self, config: BackpackConfig, layer: int):
        super().__init__()
        M = config.n_embd
        self.ln_1 = nn.LayerNorm(M, config.layer_norm_epsilon)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(M, config.layer_norm_epsilon)
        self.mlp = MLP(M, config.n_inner or 4 * M, M)

    def forward(self, x: Tensor, record: Record) -> Tensor:
        record("residPre", x)
        attn_in = self.ln_1(x)
        record("attnIn", attn_in)
        attn_out = self.attn(attn_in, record)
        record("attnOut", attn_out)
        x = x + attn_out
        record("residMid", x)
        mlp_in = self.ln_2(x)
        record("mlpIn", mlp_in)
        hidden = self.mlp.hidden(mlp_in)
        record("mlpHidden", hidden)
        mlp_out = self.mlp.c_proj(hidden)
        record("mlpOut", mlp_out)
        x = x + mlp_out
        record("residPost", x)
        return x


class Trunk(nn.Module):
    """GPT-2 without a head."""

    def __init__(self, config: BackpackConfig):
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(TrunkBlock(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)

    def forward(self, ids: Tensor, record: Record) -> Tensor:
        embed = self.wte(ids)
        record("embed", embed)
        x = embed + self.wpe.weight[: ids.shape[1]]
        for i, block in enumerate(self.h):
            x = block(x, lambda name, value, i=i: record(f"blocks.{i}.{name}", value))
        context = self.ln_f(x)
        record("context", context)
        return context


class SenseBlock(nn.Module):
    def __init__(self, config: BackpackConfig):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.ln_2 = nn.LayerNorm(config.n_embd, config.layer_norm_epsilon)
        # Always 4 M: n_inner and sense_intermediate_scale do not reach this layer.
        self.mlp = MLP(config.n_embd, 4 * config.n_embd, config.n_embd)

    def forward(self, residual: Tensor, branch: Tensor) -> Tensor:
        residual = residual + branch
        residual = residual + self.mlp(self.ln_1(residual))
        return self.ln_2(residual)


class SenseNetwork(nn.Module):
    """Bare token embedding [..., M] -> sense vectors [..., Z, M]."""

    def __init__(self, config: BackpackConfig):
        super().__init__()
        M, Z = config.n_embd, config.num_senses
        self.num_senses = Z
        self.ln = nn.LayerNorm(M, config.layer_norm_epsilon)
        self.block = SenseBlock(config)
        self.final_mlp = MLP(M, config.sense_intermediate_scale * M, Z * M)

    def forward(self, embed: Tensor) -> Tensor:
        # The block's mixer is the identity, so the normed embedding itself is added to the residual stream.
        out = self.final_mlp(self.block(embed, self.ln(embed)))
        return out.view(*embed.shape[:-1], self.num_senses, embed.shape[-1])


class SenseWeights(nn.Module):
    """How much each sense of each earlier token counts: attention without values."""

    def __init__(self, config: BackpackConfig):
        super().__init__()
        self.num_senses, self.width = config.num_senses, config.sense_key_width
        self.c_attn = nn.Linear(config.n_embd, 2 * self.num_senses * self.width)

    def forward(self, context: Tensor, record: Record) -> Tensor:
        B, T, _ = context.shape
        q, k = self.c_attn(context).view(B, T, 2, self.num_senses, self.width).unbind(2)  # each [B, T, Z, s]
        weights = causal_softmax(torch.einsum("btzs,bjzs->bztj", q, k) / math.sqrt(self.width))
        record("senseQ", q)
        record("senseK", k)
        record("senseWeights", weights)
        return weights  # [B, Z, T, S]


class BackpackBody(nn.Module):
    def __init__(self, config: BackpackConfig):
        super().__init__()
        self.gpt2_model = Trunk(config)
        self.sense_network = SenseNetwork(config)
        self.sense_weight_net = SenseWeights(config)


class Backpack(nn.Module):
    def __init__(self, config: BackpackConfig):
        super().__init__()
        if config.sense_sum not in ("sum", "mean"):
            raise ValueError(f"sense_sum is {config.sense_sum!r}; it must be 'sum' or 'mean'")
        self.config = config
        self.backpack = BackpackBody(config)
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Normal weights, those that feed a residual stream (and the last sense layer) scaled down with the depth."""
        std = self.config.initializer_range
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                p.zero_()
            elif p.ndim == 1:
                p.fill_(1.0)
            else:
                p.normal_(0, std / math.sqrt(2 * self.config.n_layer) if name.endswith("c_proj.weight") else std)

    def senses_of(self, ids: Tensor) -> Tensor:
        """ids [...] -> [..., Z, M]. Senses depend on the id alone, so every distinct id is computed once."""
        distinct, where = ids.unique(return_inverse=True)
        return self.backpack.sense_network(self.backpack.gpt2_model.wte(distinct))[where]

    def forward(self, ids: Tensor, record: Record = lambda name, value: None) -> Tensor:
        """ids [B, T] -> logits [B, T, V]; record is called with the name and the value [B, ...] of every site."""
        context = self.backpack.gpt2_model(ids, record)
        senses = self.senses_of(ids)
        record("senses", senses)
        weights = self.backpack.sense_weight_net(context, record)
        hidden = torch.einsum("bztj,bjzm->btm", weights, senses)
        if self.config.sense_sum == "mean":
            hidden = hidden / self.config.num_senses
        record("hidden", hidden)
        logits = hidden @ self.backpack.gpt2_model.wte.weight.T
        record("logits", logits)
        return logits


def with_aliases(state: dict[str, Tensor], head: bool = True) -> dict[str, Tensor]:
    """The published dialects store the embeddings under second names too, and the Hub's the head."""
    words, positions = (state[f"backpack.gpt2_model.{name}.weight"] for name in ("wte", "wpe"))
    second = {"backpack.word_embeddings.weight": words, "backpack.position_embeddings.weight": positions}
    return state | second | ({"lm_head.weight": words} if head else {})


def published_state_dict(model: Backpack, aliases: bool = True) -> dict[str, Tensor]:
    return with_aliases(model.state_dict()) if aliases else model.state_dict()


GOLDEN_CONFIG = BackpackConfig(
    vocab_size=23, n_positions=8, n_embd=16, n_layer=3, n_head=2, num_senses=3, sense_intermediate_scale=2
)
GOLDEN_IDS = [3, 14, 7, 7, 20]


def golden_value(tensor: int, index: Tensor) -> Tensor:
    """Integer hash of (tensor number, flat index) to [-1, 1): weights that any language can make. index is int64."""
    mask = 0xFFFFFFFF
    x = (tensor * 2654435761 + index * 40503 + 12345) & mask
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & mask
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & mask
    return 2 * (x ^ (x >> 16)).double() / 2**32 - 1


def golden_state(model: Backpack) -> dict[str, Tensor]:
    state = {}
    for t, name in enumerate(sorted(model.state_dict())):
        shape = model.state_dict()[name].shape
        r = golden_value(t, torch.arange(shape.numel())).view(shape)
        norm = len(shape) == 1 and name.endswith("weight")
        state[name] = 1 + 0.2 * r if norm else (0.1 if name.endswith("bias") else 0.5) * r
    return state


def check() -> None:
    """The published golden numbers, in double precision."""
    model = Backpack(GOLDEN_CONFIG).double().eval()
    model.load_state_dict(golden_state(model))
    sites: dict[str, Tensor] = {}
    ids = torch.tensor([GOLDEN_IDS])
    with torch.no_grad():
        logits = model(ids, lambda name, value: sites.__setitem__(name, value[0]))[0]

    def close(what: str, got: Tensor, want: list[float], tolerance: float = 6e-9) -> None:
        error = (got.double() - torch.tensor(want, dtype=torch.float64)).abs().max().item()
        assert error < tolerance, f"{what}: off by {error}"

    close("C(7)[0]", sites["senses"][2, 0, :4], [-0.84704799, -3.30630771, -1.7726197, -2.35372444])
    close("C(7)[2]", sites["senses"][2, 2, :4], [-1.31804232, 0.72846296, 1.22740464, -0.38952159])
    close("context", sites["context"][4, :4], [0.94821972, 0.43765396, 0.06160739, -0.92034645])
    close("alpha 0", sites["senseWeights"][0, 4], [0.09442347, 0.04910004, 0.14860499, 0.21817091, 0.48970059])
    close("alpha 2", sites["senseWeights"][2, 4], [0.46521051, 0.04828801, 0.24067896, 0.20476783, 0.0410547])
    close("logits 0", logits[0, :5], [3.39591265, -2.33143197, -1.40733259, -0.51980415, -3.82685674])
    close("logits 4", logits[4, :5], [-0.19275742, -0.84134093, 0.12385193, -1.08176863, -1.81802584])
    close("sum of logits", logits.sum().view(1), [-101.78042037])
    assert logits.argmax(-1).tolist() == [0, 14, 17, 17, 17]
    nll = F.cross_entropy(logits[:-1], ids[0, 1:])
    close("mean loss", nll.view(1), [3.362544], 6e-7)
    plain = Backpack(BackpackConfig(**{**vars(GOLDEN_CONFIG), "scale_attn_by_inverse_layer_idx": False})).double()
    plain.load_state_dict(model.state_dict())
    close(
        "without inverse layer scaling",
        plain(ids)[0, 4, :5].detach(),
        [0.11465325, -0.87896779, 0.14137897, -1.06582292, -1.81118511],
    )
    mean = Backpack(BackpackConfig(**{**vars(GOLDEN_CONFIG), "sense_sum": "mean"})).double()
    mean.load_state_dict(model.state_dict())
    close("mean", mean(ids)[0, 4, :3].detach(), [-0.06425247, -0.28044698, 0.04128398])


if __name__ == "__main__":
    check()
    print("backpack reference: all golden numbers agree")
