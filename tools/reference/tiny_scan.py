"""Mamba's recurrence with a hand-written gradient, so that a small model trains on a CPU in minutes; equal to transformers' slow path."""

import torch
import torch.nn.functional as F


class Scan(torch.autograd.Function):
    """x, dt [B, T, E], a [E, N], b, c [B, T, N] -> y [B, T, E]; formulas in arXiv 2312.00752 and its released code."""

    @staticmethod
    def forward(ctx, x, dt, a, b, c):
        # One step at a time, so that a state stays in cache; only the states are kept for the way back.
        h = x.new_zeros(x.shape[0], *a.shape)
        states, y = [h], []
        for t in range(x.shape[1]):
            fed = (dt[:, t] * x[:, t]).unsqueeze(-1) * b[:, t].unsqueeze(1)
            h = torch.addcmul(fed, torch.exp(dt[:, t].unsqueeze(-1) * a), h)
            states.append(h)
            y.append((h @ c[:, t].unsqueeze(-1)).squeeze(-1))
        ctx.save_for_backward(x, dt, a, b, c)
        ctx.states = states
        return torch.stack(y, 1)

    @staticmethod
    def backward(ctx, dy):
        x, dt, a, b, c = ctx.saved_tensors
        dx, d_dt, db, dc = torch.empty_like(x), torch.empty_like(dt), torch.empty_like(b), torch.empty_like(c)
        da = torch.zeros_like(a)
        g = torch.zeros_like(ctx.states[0])  # gradient of the state
        for t in range(x.shape[1] - 1, -1, -1):
            g = torch.addcmul(g, dy[:, t].unsqueeze(-1), c[:, t].unsqueeze(1))
            dc[:, t] = (dy[:, t].unsqueeze(1) @ ctx.states[t + 1]).squeeze(1)
            gb = (g @ b[:, t].unsqueeze(-1)).squeeze(-1)
            db[:, t] = ((dt[:, t] * x[:, t]).unsqueeze(1) @ g).squeeze(1)
            g = g * torch.exp(dt[:, t].unsqueeze(-1) * a)
            kept = g * ctx.states[t]
            dx[:, t] = dt[:, t] * gb
            d_dt[:, t] = (kept * a).sum(-1) + x[:, t] * gb
            da += (kept * dt[:, t].unsqueeze(-1)).sum(0)
        return dx, d_dt, da, db, dc


def forward(mixer, hidden_states, *_, **__):
    x, gate = mixer.in_proj(hidden_states).chunk(2, -1)
    length = x.shape[1]
    x = F.silu(mixer.conv1d(x.transpose(1, 2))[..., :length]).transpose(1, 2)
    rank, b, c = mixer.x_proj(x).split([mixer.time_step_rank, mixer.ssm_state_size, mixer.ssm_state_size], -1)
    dt = F.softplus(mixer.dt_proj(rank))
    y = Scan.apply(x, dt, -torch.exp(mixer.A_log.float()), b, c) + mixer.D * x
    return mixer.out_proj(y * F.silu(gate))


def use_fast_scan(model):
    for layer in model.backbone.layers:
        layer.mixer.forward = forward.__get__(layer.mixer)
