"""A linear layer that is rounded to 1.58 bit by degrees (huggingface.co/blog/1_58_llm_extreme_quantization, "warmup quantization").

x' = x + l (Qx(x) - x) and W' = W + l (Qw(W) - W), where the differences are constants of differentiation; y = x' W'^T + b.
Where the layer of transformers has a norm (use_rms_norm), x is what it gives.
"""

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TERNARY = re.compile(r"\.(q|k|v|o|gate|up|down)_proj$")


def round_weight(weight: Tensor) -> Tensor:
    """-1, 0 or 1 times the mean magnitude of the whole matrix."""
    scale = weight.abs().mean().clamp(min=1e-5)
    return (weight / scale).round().clamp(-1, 1) * scale


def scaled_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """x [..., J] before it is rounded to integers, and the factor of each row [..., 1]."""
    factor = 127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
    return x * factor, factor


def round_rows(x: Tensor) -> Tensor:
    scaled, factor = scaled_rows(x)
    return scaled.round().clamp(-128, 127) / factor


class LambdaLinear(nn.Module):
    def __init__(self, plain: nn.Linear):
        super().__init__()
        self.weight, self.bias = plain.weight, plain.bias
        self.rms_norm = getattr(plain, "rms_norm", None)
        self.strength = 0.0
        self.tie = 0.5  # smallest distance of an activation from being rounded the other way, in the last pass

    def forward(self, x: Tensor) -> Tensor:
        if self.rms_norm is not None:
            x = self.rms_norm(x)
        with torch.no_grad():
            dx = self.strength * (round_rows(x) - x)
            dw = self.strength * (round_weight(self.weight) - self.weight)
            scaled = scaled_rows(x)[0]
            self.tie = (scaled - scaled.floor() - 0.5).abs().min().item()
        return F.linear(x + dx, self.weight + dw, self.bias)


def make_ternary(model: nn.Module) -> None:
    for name, module in list(model.named_modules()):
        if TERNARY.search(name):
            model.set_submodule(name, LambdaLinear(module))


def set_strength(model: nn.Module, strength: float) -> None:
    for module in model.modules():
        if isinstance(module, LambdaLinear):
            module.strength = strength
