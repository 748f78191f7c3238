"""What ternary matrices hold, what rounding costs their inputs, and how far they are from an original: tests/golden/insides/ternary-*.

The original is made by a formula that tests repeat: scale (0.7 code + 0.5 sin(0.618 i)), i counting numbers in row-major order.
"""

import torch
from bit_linear import load_ternary, rounded, unpack
from golden_files import State
from insides_files import checkpoint, write_insides
from safetensors.torch import load_file
from torch import Tensor

NAMES = {"llama-grouped": "divide", "llama-2b4t": "multiply", "llama-online": "multiply", "bitnet-tiny": "multiply"}


def original(codes: Tensor, scale: float) -> Tensor:
    i = torch.arange(codes.numel(), dtype=torch.float64).reshape(codes.shape)
    return (scale * (0.7 * codes.double() + 0.5 * torch.sin(0.618 * i))).float()


def relative(error: Tensor, exact: Tensor) -> Tensor:
    return torch.sqrt((error.double() ** 2).sum() / (exact.double() ** 2).sum())


def weights(folder, use: str) -> State:
    kept: dict[str, list[Tensor]] = {}
    state = load_file(folder / "model.safetensors")
    for name in sorted(state):
        if not name.endswith("_proj.weight"):
            continue
        if state[name].dtype == torch.uint8:
            codes, stored = unpack(state[name]), state[name + "_scale"].double().reshape(())
            scale = 1 / stored if use == "divide" else stored
        else:
            codes, scale = rounded(state[name])
        w = original(codes, float(scale))
        near, mean = rounded(w)
        shares = torch.stack([(codes == code).double().mean() for code in (-1, 0, 1)])
        entropy = -torch.special.xlogy(shares, shares).sum() / torch.log(torch.tensor(2.0, dtype=torch.float64))
        values = codes.double() * float(scale)
        distance = [
            (values * w).sum() / (values.norm() * w.double().norm()),
            relative(values - w.double(), w),
            relative(near.double() * float(mean) - w.double(), w),
            (near == codes).double().mean(),
        ]
        kept.setdefault("shares", []).append(torch.cat([shares, entropy.reshape(1), torch.as_tensor(float(scale)).reshape(1)]))
        kept.setdefault("distance", []).append(torch.stack([x.double() for x in distance]))
    return {name: torch.stack(values).float() for name, values in kept.items()}


def activations(folder, ids: list[int]) -> State:
    """Of each site in the order of names: relative error, share lost, median of the channels' largest, and the channel with the largest."""
    sites = load_ternary(folder).sites(ids)
    rows = []
    for name in sorted(name.removesuffix("Int8") for name in sites if name.endswith("Int8")):
        q, s = sites[name + "Int8"].double(), sites[name + "Scale"].double()
        exact = sites[name].reshape(q.shape).double()
        largest = exact.abs().amax(0)
        median = torch.quantile(largest, 0.5)
        lost = ((q == 0) & (exact != 0)).double().mean()
        rows.append(torch.stack([relative(q / s[:, None] - exact, exact), lost, median, largest.max(), largest.argmax().double()]))
    return {"activations": torch.stack(rows).float()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for each, meaning in NAMES.items():
        where, prompt = checkpoint(each)
        with torch.no_grad():
            write_insides(f"ternary-{each}", weights(where, meaning) | activations(where, prompt))
