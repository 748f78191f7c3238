"""Random weights whose logits vary: matrices scaled by their fan-in, norms around one, nothing left at zero."""

import torch
from torch import Tensor


def matrix(*shape: int, gain: float = 1.0, fan_in: int | None = None) -> Tensor:
    return torch.randn(*shape) * gain / (fan_in or shape[-1]) ** 0.5


def norm(width: int) -> Tensor:
    return 1 + 0.2 * torch.randn(width)


def bias(width: int, size: float = 0.2) -> Tensor:
    return size * torch.randn(width)


def table(rows: int, width: int, size: float = 1.0) -> Tensor:
    return size * torch.randn(rows, width)
