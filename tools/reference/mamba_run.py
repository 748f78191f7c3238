"""Runs a transformers Mamba and records the sites of its mixers.

Projections and norms are seen by hooks. The scan returns its output after the gate; it is called a second time without
the gate for scanOut and the state, and both results must agree.
"""

from collections.abc import Callable

import torch
from golden_files import State
from hf_run import HfRun, Hooks
from torch import Tensor, nn
from torch.nn import functional as F


class MambaRun(HfRun):
    def recorder(self, sites: State) -> tuple[str, Callable[[Callable], Callable]]:
        return "mamba_selective_scan", lambda original: recording_scan(original, sites)

    def hook(self, hooks: Hooks, sites: State) -> None:
        body = self.model.backbone
        hooks.into(body.layers[0], "embed")
        hooks.out_of(body.norm_f, "hidden")
        for i, layer in enumerate(body.layers):
            at = f"blocks.{i}."
            hooks.into(layer, at + "residPre")
            hooks.out_of(layer.norm, at + "mixerIn")
            hooks.into(layer.mixer.x_proj, at + "convOut")
            hooks.out_of(layer.mixer, at + "mixerOut")
            hooks.out_of(layer, at + "residPost")

            def halves(_: nn.Module, args: tuple, output: Tensor, at: str = at) -> None:
                sites[at + "x"], sites[at + "gate"] = output[0].chunk(2, dim=-1)

            hooks.on(layer.mixer.in_proj, halves)


def recording_scan(original: Callable, sites: State) -> Callable:
    """x, dt and z are [1, E, T]; B and C [1, N, T]; the state is [1, E, N]. Blocks run in order."""

    def scan(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, **options) -> Tensor:
        at = f"blocks.{sum(name.endswith('.ssmState') for name in sites)}."
        gated = original(x, dt, A, B, C, **options)
        ungated, state = original(x, dt, A, B, C, **options | {"z": None, "return_last_state": True})
        assert torch.equal(gated, ungated * F.silu(options["z"]))
        sites[at + "dt"] = F.softplus(dt + options["delta_bias"][:, None])[0].T
        sites[at + "b"], sites[at + "c"] = B[0].T, C[0].T
        sites[at + "scanOut"] = ungated[0].T
        sites[at + "ssmState"] = state[0]
        return gated

    return scan
