"""BitLinear at inference with exact integers (arXiv 2402.17764), and its agreement with transformers' own layers."""

import json
from pathlib import Path
from typing import Literal

import torch
from golden_files import State
from golden_random import matrix
from hf_run import MADE_WITH, HfRun, Hooks
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.integrations import bitnet

ScaleUse = Literal["divide", "multiply"]


def pack(codes: Tensor) -> Tensor:
    """codes [N, J] of -1, 0, 1 -> bytes [N / 4, J]: rows p, p + N/4, p + N/2, p + 3N/4, low bits first."""
    quarters = (codes + 1).to(torch.uint8).chunk(4)
    return quarters[0] | quarters[1] << 2 | quarters[2] << 4 | quarters[3] << 6


def unpack(packed: Tensor) -> Tensor:
    return torch.cat([(packed >> 2 * j & 3).to(torch.int8) - 1 for j in range(4)])


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Masters [N, J] -> codes of -1, 0, 1 and mean|W|, as integrations/bitnet.py rounds them in every pass."""
    dense = bitnet.WeightQuant.apply(weight.float())
    scale = dense.abs().max()
    codes = (dense / scale).round()
    assert torch.equal(codes * scale, dense)
    return codes.to(torch.int8), scale


class ExactBitLinear(nn.Module):
    def __init__(self, codes: Tensor, weight_scale: Tensor, use: ScaleUse):
        super().__init__()
        self.codes = codes  # [N, J]
        self.weight_scale = weight_scale.float().reshape(())
        self.use = use

    @staticmethod
    def quantise(x: Tensor) -> tuple[Tensor, Tensor]:
        """x [..., T, J] -> int8 of the same shape, scales [..., T, 1]. round() takes ties to even."""
        scale = 127 / x.abs().amax(-1, keepdim=True).clamp(min=1e-5)
        return (x * scale).round().clamp(-128, 127).to(torch.int8), scale

    def forward(self, x: Tensor) -> Tensor:
        q, scale = self.quantise(x)
        sums = (q.int() @ self.codes.int().T).float()  # below 2^24, hence exact
        return sums / (scale * self.weight_scale) if self.use == "divide" else sums / scale * self.weight_scale


def load_ternary(folder: Path) -> "TernaryRun":
    """Every linear layer whose stored weight is bytes, or that is rounded online, becomes an ExactBitLinear; the rest is transformers'."""
    raw = json.loads((folder / "config.json").read_text())
    multiply = raw["quantization_config"].get("linear_class") == "autobitlinear"
    online = raw["quantization_config"].get("quantization_mode") == "online"
    config = AutoConfig.from_pretrained(folder)
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    state = load_file(folder / "model.safetensors")
    dense = {}
    for name, tensor in state.items():
        module = name.removesuffix(".weight")
        if tensor.dtype == torch.uint8:
            scale = state[name + "_scale"]
            model.set_submodule(module, ExactBitLinear(unpack(tensor), scale, "multiply" if multiply else "divide"))
        elif online and "_proj" in name:
            model.set_submodule(module, ExactBitLinear(*rounded(tensor), "multiply"))
        elif not name.endswith("weight_scale"):
            dense[name] = tensor.float()
    missing, unexpected = model.load_state_dict(dense, strict=False)
    if unexpected or set(missing) - {"lm_head.weight" if config.tie_word_embeddings else ""}:
        raise ValueError(f"{folder.name}: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    if online:
        check_online(folder, model)
    return TernaryRun(model)


@torch.no_grad()
def check_online(folder: Path, model: nn.Module) -> None:
    """transformers' own layers, which round in every pass, on the same checkpoint."""
    torch.compiler.set_stance("force_eager")
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.arange(model.config.vocab_size)[None, :24]
    want, got = theirs(ids).logits, model(ids).logits
    error = ((got - want).abs().max() / want.abs().max()).item()
    # An activation whose rounding falls the other way after other float sums moves its neighbours by a step.
    assert error < 5e-3, error


class TernaryRun(HfRun):
    made_with = MADE_WITH + "; own BitLinear in exact integers, checked against integrations/bitnet.py"

    def hook(self, hooks: Hooks, sites: State) -> None:
        super().hook(hooks, sites)
        for i, layer in enumerate(self.model.model.layers):
            normed = hasattr(layer.mlp, "ffn_sub_norm")
            readers = {
                "attnIn": layer.self_attn.q_proj,
                "zNorm" if normed else "z": layer.self_attn.o_proj,
                "mlpIn": layer.mlp.gate_proj,
                "mlpNorm" if normed else "mlpHidden": layer.mlp.down_proj,
            }
            for name, module in readers.items():
                if isinstance(module, ExactBitLinear):
                    self.hook_integers(hooks, sites, module, f"blocks.{i}.{name}")

    def hook_integers(self, hooks: Hooks, sites: State, module: ExactBitLinear, name: str) -> None:
        def hook(_: nn.Module, args: tuple[Tensor], output: Tensor) -> None:
            q, scale = module.quantise(args[0])
            sites[name + "Int8"] = q[0]
            sites[name + "Scale"] = scale[0, :, 0].clone()

        hooks.on(module, hook)

    def hook_mlp(self, layer: nn.Module, hooks: Hooks, sites: State, at: str) -> None:
        if not hasattr(layer.mlp, "ffn_sub_norm"):
            super().hook_mlp(layer, hooks, sites, at)
        else:  # bitnet-b1.58-2B-4T, whose down_proj reads mlpNorm
            hooks.into(layer.mlp.ffn_sub_norm, at + "mlpHidden")
            hooks.out_of(layer.mlp, at + "mlpOut")
            hooks.out_of(layer.mlp.ffn_sub_norm, at + "mlpNorm")
            hooks.out_of(layer.self_attn.attn_sub_norm, at + "zNorm")


def check() -> None:
    """Published numbers, then both layers of transformers on the same weights."""
    torch.compiler.set_stance("force_eager")
    rows = [[-1, 0, 1, 1], [0, 1, -1, 0], [1, 1, 0, -1], [-1, -1, 0, 1]]
    rows += [[0, 0, 0, 1], [1, -1, 1, 0], [-1, 1, 1, 1], [0, 0, -1, -1]]
    packed = pack(torch.tensor(rows))
    assert packed.tolist() == [[24, 153, 150, 162], [97, 66, 36, 25]]
    layer = ExactBitLinear(unpack(packed), torch.tensor(40.0), "divide")
    x = torch.tensor([0.5, -1, 0.25, 2])
    assert layer.quantise(x)[0].tolist() == [32, -64, 16, 127]
    want = [0.04370079, -0.03149606, -0.06259842, 0.06259842, 0.05, 0.04409449, 0.01850394, -0.0562992]
    assert (layer(x) - torch.tensor(want)).abs().max() < 2e-8

    codes, x, scale = torch.randint(-1, 2, (36, 52)), matrix(2, 9, 52, gain=20.0), torch.tensor([1.7])
    theirs = bitnet.BitLinear(52, 36, bias=False, dtype=torch.float32)
    theirs.weight, theirs.weight_scale = pack(codes), scale
    assert torch.equal(unpack(pack(codes)), bitnet.unpack_weights(pack(codes), torch.int8))
    assert torch.equal(ExactBitLinear(codes, scale, "divide")(x), theirs(x))
    auto = bitnet.AutoBitLinear(52, 36, bias=False, dtype=torch.float32)
    auto.weight.data, auto.weight_scale = codes.float(), scale
    with torch.no_grad():
        error = (ExactBitLinear(codes, scale, "multiply")(x) - auto(x)).abs().max().item()
    assert error < 1e-4, error  # outputs of about 50: theirs rounds the sums
