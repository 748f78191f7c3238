/** The Python program of an exported plan: trains with transformers' Trainer, on one machine or, started by accelerate, on many. */
export const TRAIN_SCRIPT = `"""Trains as plan.json says. One process: python train.py OUT. Several: accelerate launch train.py OUT. Needs torch, transformers, accelerate, numpy."""
import json
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoConfig, AutoModelForCausalLM, Trainer, TrainingArguments

here = Path(__file__).resolve().parent
plan = json.loads((here / "plan.json").read_text())


class Rows(torch.utils.data.Dataset):
    """Rows in the order of training: input_ids, and labels with -100 where a token does not count."""

    def __init__(self, part):
        read = lambda name: np.memmap(here / name, dtype="<i4", mode="r", shape=(part["rows"], part["width"]))
        self.ids, self.labels = read(part["ids"]), read(part["labels"])

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        return {"input_ids": torch.from_numpy(self.ids[i].astype("int64")), "labels": torch.from_numpy(self.labels[i].astype("int64"))}


def balance_loss(router_logits, count, options):
    """Summed over layers: X sum_e P_e n_e / (T A) + z S, as IBM's dolomite engine."""
    total = 0.0
    for scores in router_logits:
        scores = scores.reshape(-1, scores.shape[-1]).float()
        shares = F.normalize(scores.softmax(-1).sum(0), p=1, dim=0)
        chosen = torch.bincount(scores.topk(count, dim=-1).indices.flatten(), minlength=scores.shape[-1]).float()
        total = total + scores.shape[-1] * (shares * F.normalize(chosen, p=1, dim=0)).sum()
        total = total + options["zLoss"] * scores.logsumexp(-1).square().mean()
    return options["coefficient"] * total


class PlanTrainer(Trainer):
    def __init__(self, *args, stage, moments, **kwargs):
        super().__init__(*args, **kwargs)
        self.stage, self.moments = stage, moments
        self.model_accepts_loss_kwargs = False  # each batch counts as its share of the step

    def compute_loss(self, model, inputs, return_outputs=False, **_):
        balance = plan["balance"]
        extra = {"output_router_logits": True} if balance else {}
        out = model(input_ids=inputs["input_ids"][:, :-1], **extra)
        logits = out.logits.float()
        loss = F.cross_entropy(logits.flatten(0, 1), inputs["labels"][:, 1:].flatten(), ignore_index=-100)
        if plan["zLoss"]:
            loss = loss + plan["zLoss"] * logits.logsumexp(-1).square().mean()
        if balance:
            loss = loss + balance_loss(out.router_logits, model.config.num_experts_per_tok, balance)
        return (loss, out) if return_outputs else loss

    def create_optimizer(self, *_):
        named = dict(self.model.named_parameters())
        find = lambda name: next((named[n] for n in (name, *plan["aliases"].get(name, ())) if n in named), None)
        o, groups, seen = plan["optimizer"], [], set()
        for group in plan["groups"]:
            chosen = [find(name) for name in group["tensors"]]
            missing = [name for name, p in zip(group["tensors"], chosen) if p is None]
            if missing:
                raise SystemExit(f"the model has no parameter {missing[0]}: use the version of transformers that wrote config.json")
            seen.update(map(id, chosen))
            groups.append({"params": chosen, "lr": o["lr"] * group["rate"], "weight_decay": group["weightDecay"]})
        for p in named.values():
            p.requires_grad_(id(p) in seen)
        self.optimizer = torch.optim.AdamW(groups, lr=o["lr"], betas=tuple(o["betas"]), eps=o["eps"])
        if self.moments:  # those of the stage before
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": self.moments})
        return self.optimizer

    def create_scheduler(self, num_training_steps=None, optimizer=None):
        rates = np.fromfile(here / plan["rates"], dtype="<f8")[self.stage["first"] :]
        factor = lambda step: float(rates[min(step, len(rates) - 1)] / plan["optimizer"]["lr"])
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, factor)
        return self.lr_scheduler

    def _get_train_sampler(self, *_):
        return torch.utils.data.SequentialSampler(self.train_dataset)


def main(out):
    if plan["lambda"]:
        raise SystemExit("this plan quantises while it trains, which transformers does not do: see README.md")
    source, moments = here, None
    for number, stage in enumerate(plan["stages"], 1):
        config = AutoConfig.from_pretrained(source, trust_remote_code=True)
        for key, value in stage["config"].items():
            setattr(config, key, value)
            if key in (getattr(config, "rope_parameters", None) or {}):  # where transformers 5 keeps rope_theta
                config.rope_parameters[key] = value
        model = AutoModelForCausalLM.from_pretrained(source, config=config, dtype=torch.float32, trust_remote_code=True)
        if plan["recompute"]:
            model.gradient_checkpointing_enable()
        arguments = TrainingArguments(
            output_dir=str(Path(out) / f"stage-{number}"), max_steps=stage["steps"], per_device_train_batch_size=stage["batch"],
            gradient_accumulation_steps=stage["accumulate"], max_grad_norm=plan["clip"] or 1e30, bf16=plan["compute"] == "bf16",
            seed=plan["seed"], logging_steps=1, save_steps=plan["checkpoint"] or 1000, report_to=[], remove_unused_columns=False,
            disable_tqdm=True,
        )
        trainer = PlanTrainer(model=model, args=arguments, train_dataset=Rows(stage["data"]), stage=stage, moments=moments)
        trainer.train()
        moments = trainer.optimizer.state_dict()["state"]
        source = Path(out) / f"trained-{number}"
        trainer.save_model(str(source))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out")
`;
