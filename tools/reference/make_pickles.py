"""Writes tests/fixtures/pickle: small files of torch.save, some of which must be refused.

    python make_pickles.py

expected.txt tells of those that are read, and of the golden pickle: after a line with the name of the file, a line for
every tensor with name, type, shape, and the first 16 digits of the SHA-256 of its bytes in row-major order.
"""

import hashlib
import os
import shutil
from collections import Counter, OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

TESTS = Path(__file__).resolve().parents[2] / "tests"
FOLDER = TESTS / "fixtures" / "pickle"
GOLDEN = "golden/backpack-bin/pytorch_model.bin"

NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.complex64: "C64",
    torch.float8_e4m3fn: "F8_E4M3",
}


class Shouting:
    """What a hostile file does: unpickling it calls a function of the file's choice."""

    def __reduce__(self):
        return (os.system, ("echo this must never be printed",))


def numbers(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    count = torch.Size(shape).numel()
    return (torch.arange(count) % 100).to(dtype).reshape(shape)


def plain() -> dict:
    usual = [dtype for dtype in NAMES if dtype not in (torch.complex64, torch.float8_e4m3fn)]
    return {NAMES[dtype].lower(): numbers(2, 3, dtype=dtype) for dtype in usual}


def views() -> dict:
    base = numbers(4, 3, 4)
    return {
        "base": base,
        "transposed": base[0].T,
        "permuted": base.permute(2, 0, 1),
        "rows": base[2:4],
        "columns": base[:, 1:3, :],
        "every_other": base[::2, ::2, ::3],
        "element": base[3, 1, 2],
        "row_of_one": base[1:2, 2:3].transpose(0, 2),
        "repeated": base[0, 0].expand(3, 4),
        "empty": base[:, :0],
        "half_transposed": numbers(4, 3, dtype=torch.float16).T,
    }


def tied() -> dict:
    table = numbers(4, 3)
    return {"wte.weight": table, "lm_head.weight": table, "position_ids": torch.arange(5).expand(1, -1)}


def module() -> OrderedDict:
    """A state dict as a module gives it: an OrderedDict with `_metadata`, buffers and running counts."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2, affine=False))
    for parameter in model.parameters():
        parameter.data = numbers(*parameter.shape)
    return model.state_dict()


def parameters() -> dict:
    return {"weight": nn.Parameter(numbers(2, 2)), "bias": nn.Parameter(numbers(2), requires_grad=False)}


def nested() -> dict:
    return {"epoch": 3, "loss": 0.5, "name": "a run", "big": 2**40, "steps": [1, 2, None], "state_dict": tied()}


def attributes() -> dict:
    """What mamba_ssm leaves on its parameters, and buffers and sizes as they stand in state dicts."""
    decay = nn.Parameter(numbers(2, 2))
    decay._no_weight_decay = True
    buffer = numbers(3)
    buffer.persistent = True
    return {"A_log": decay, "buffer": buffer, "shape": torch.Size([2, 3]), "D": nn.Parameter(numbers(2))}


def beside() -> dict:
    """Values that torch.load(weights_only=True) allows beside tensors."""
    state = {
        "weight": numbers(2, 3),
        "bytes": b"\x00\xff",
        "set": {1, 2},
        "complex": 1j,
        "seed": 2**63 + 1,
        "device": torch.device("cpu"),
        "dtype": torch.float8_e4m3fn,
        "counter": Counter("aab"),
        "size": torch.Size([1]),
        "half": torch.float16,
        "complex_tensor": torch.complex(numbers(2), numbers(2)),
        "layout": torch.strided,
        "bytearray": bytearray(b"abc"),
    }
    return state


def float8() -> dict:
    return {"weight": numbers(2, 3).to(torch.float8_e4m3fn), "bias": numbers(2)}


READABLE = {
    "plain": plain,
    "views": views,
    "tied": tied,
    "module": module,
    "parameters": parameters,
    "nested": nested,
    "attributes": attributes,
    "beside": beside,
    "float8": float8,
}

"""As PyTorch wrote them before 1.6."""
LEGACY = {"legacy": module, "legacy-shared": views}


def told(file: str, state: dict) -> list[str]:
    lines = [f"{file}\n"]
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            continue
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        digest = hashlib.sha256(bytes(raw.tolist())).hexdigest()[:16]
        shape = ",".join(str(size) for size in tensor.shape)
        lines.append(f"{name}\t{NAMES[tensor.dtype]}\t{shape}\t{digest}\n")
    return lines


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    lines = []
    for name, make in READABLE.items():
        state = make()
        torch.save(state, FOLDER / f"{name}.bin")
        lines += told(f"fixtures/pickle/{name}.bin", state.get("state_dict", state))
    for name, make in LEGACY.items():
        torch.save(make(), FOLDER / f"{name}.bin", _use_new_zipfile_serialization=False)
        lines += told(f"fixtures/pickle/{name}.bin", make())
    torch.save(module(), FOLDER / "protocol-4.bin", pickle_protocol=4)
    lines += told("fixtures/pickle/protocol-4.bin", module())
    lines += told(GOLDEN, torch.load(TESTS / GOLDEN))
    (FOLDER / "expected.txt").write_text("".join(lines))
    torch.save({"weight": numbers(2), "extra": Shouting()}, FOLDER / "hostile.bin")
    torch.save({"weight": torch.imag(numbers(2, dtype=torch.complex64).conj())}, FOLDER / "negated.bin")
    torch.save({"weight": numbers(2, 2).to_sparse()}, FOLDER / "sparse.bin")


if __name__ == "__main__":
    main()
