"""Quantisation-aware training of 1.58-bit layers (Hugging Face blog, 1.58-bit extreme quantization) and their packing."""

import torch
import torch.nn.functional as F
from torch import nn

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def quantize_weight(w):
    scale = 1.0 / w.abs().mean().clamp(min=1e-5)
    return (w * scale).round().clamp(-1, 1) / scale


def quantize_activation(x):
    scale = 127.0 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
    return (x * scale).round().clamp(-128, 127) / scale


class BitLinear(nn.Linear):
    """x' w' with x' = x + strength (Q(x) - x) and a straight-through gradient; strength is warmed up from 0 to 1."""

    strength = 0.0

    def forward(self, x):
        s = BitLinear.strength
        x = x + s * (quantize_activation(x) - x).detach()
        w = self.weight + s * (quantize_weight(self.weight) - self.weight).detach()
        return F.linear(x, w)


def use_bitlinear(model):
    for module in list(model.modules()):
        for name in PROJECTIONS:
            if isinstance(getattr(module, name, None), nn.Linear):
                getattr(module, name).__class__ = BitLinear


def pack(codes):
    """[N, K] of -1, 0, 1 -> uint8 [N / 4, K]: byte [p, k] holds rows p, p + R, p + 2R, p + 3R of column k, low bits first."""
    rows = codes.shape[0] // 4
    shifted = [(codes[j * rows : (j + 1) * rows] + 1).to(torch.uint8) << (2 * j) for j in range(4)]
    return shifted[0] | shifted[1] | shifted[2] | shifted[3]


def export_ternary(model):
    state = {}
    for key, value in model.state_dict().items():
        if any(f".{name}.weight" in key for name in PROJECTIONS):
            scale = 1.0 / value.abs().mean().clamp(min=1e-5)
            state[key] = pack((value * scale).round().clamp(-1, 1))
            state[key.replace(".weight", ".weight_scale")] = scale.reshape(1).to(torch.bfloat16)
        else:
            state[key] = value.to(torch.bfloat16)
    return state
