"""Makes tests/fixtures/mamba-ssm/gradients.json: `python make_mamba_gradients.py mamba_reference_cases.json`.

The file comes from b-vitamins/ssm (tests/, Apache-2.0): outputs and gradients of the CUDA kernels of state-spaces/mamba (Apache-2.0) and of
its norms, for the loss sum(y). Four cases are what Mamba 1 computes; they are checked here by autograd, then copied.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

FILE = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "mamba-ssm" / "gradients.json"
SOURCE = "b-vitamins/ssm, tests/mamba_reference_cases.json at 329e087da241c556a79f947d711d32ad6aec2c9d, Apache-2.0"


def scan(A: Tensor, B: Tensor, C: Tensor, delta: Tensor, u: Tensor) -> Tensor:
    """u, delta [batch, E, T], A [E, N], B, C [batch, N, T]; delta is made positive by softplus."""
    dt = F.softplus(delta)
    h, outputs = torch.zeros(*u.shape[:2], A.shape[1], dtype=u.dtype), []
    for t in range(u.shape[2]):
        h = torch.exp(dt[:, :, t, None] * A) * h + (dt * u)[:, :, t, None] * B[:, None, :, t]
        outputs.append((h * C[:, None, :, t]).sum(-1))
    return torch.stack(outputs, -1)


def conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x [batch, E, T], weight [E, W]."""
    padded = F.pad(x, (weight.shape[1] - 1, 0))
    return F.silu(F.conv1d(padded, weight[:, None], bias, groups=len(weight)))


def rms_norm(x: Tensor, w: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * w


def swiglu(xy: Tensor) -> Tensor:
    gate, up = xy.chunk(2, -1)
    return F.silu(gate) * up


CASES = {
    "selectiveScan": ("selective_scan", "time_varying_3d", scan, "y of u, softplus(delta), A, B, C; no D"),
    "causalConv": ("dw_causal_conv", "channels_first_silu", conv, "silu of the convolution"),
    "rmsNorm": ("layer_norms", "rms_norm", rms_norm, "eps 1e-6"),
    "gate": ("swiglu", "swiglu", swiglu, "silu of the first half times the second"),
}


def main() -> None:
    stored = json.loads(Path(sys.argv[1]).read_text())
    lines = []
    for name, (group, key, formula, about) in CASES.items():
        case = stored[group][key]
        inputs = {n: torch.tensor(t["data"], dtype=torch.float64).requires_grad_() for n, t in case["inputs"].items()}
        y = formula(**inputs)
        y.sum().backward()
        wanted = {"y": (y.detach(), case["outputs"]["y"])} | {n: (x.grad, case["gradients"][n]) for n, x in inputs.items()}
        for what, (found, reference) in wanted.items():
            error = (found - torch.tensor(reference["data"], dtype=torch.float64)).abs().max().item()
            assert error < 1e-5, f"{name}: {what} is off by {error}"
        lines.append(f'  "{name}": {json.dumps({"about": about} | case)}')
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(f'{{\n  "source": {json.dumps(SOURCE)},\n' + ",\n".join(lines) + "\n}\n")
    print(f"{FILE.name}: {len(CASES)} cases, {FILE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
