"""Trains the small checkpoints that ship with the repository, each in its family's own recipe, on public-domain children's books.

    python tools/reference/train_tiny.py --data ../shared/data/text/gutenberg-children [--only mamba-tiny] [--minutes 12]

Needs `pip install -r tools/reference/requirements.txt`; a few minutes on two cores for each model.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import GraniteMoeConfig, GraniteMoeForCausalLM, LlamaConfig, LlamaForCausalLM, MambaConfig, MambaForCausalLM

from backpack_reference import Backpack, BackpackConfig, published_state_dict
from tiny_scan import use_fast_scan
from tiny_ternary import BitLinear, export_ternary, use_bitlinear
from tiny_tokenizers import train_tokenizer

CONTEXT = 128
BATCH = 32


def passages(folder):
    """Paragraph groups of a few hundred words, hard line ends joined."""
    for path in sorted(Path(folder).glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        group, words = [], 0
        for paragraph in text.split("\n\n"):
            paragraph = " ".join(paragraph.split())
            if len(paragraph) < 40 or paragraph.isupper():
                continue
            group.append(paragraph)
            words += len(paragraph.split())
            if words > 300:
                yield "\n".join(group)
                group, words = [], 0


def token_stream(texts, tokenizer, end):
    ids = []
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        ids.extend(encoding.ids)
        ids.append(end)
    return torch.tensor(ids)


def batches(stream, generator):
    while True:
        starts = torch.randint(0, len(stream) - CONTEXT - 1, (BATCH,), generator=generator)
        rows = torch.stack([stream[s : s + CONTEXT + 1] for s in starts])
        yield rows[:, :-1], rows[:, 1:]


def logits_of(model, ids):
    out = model(ids)
    return out if isinstance(out, torch.Tensor) else out.logits


@torch.no_grad()
def validation_loss(model, stream):
    model.eval()
    generator = torch.Generator().manual_seed(1)
    losses = [F.cross_entropy(logits_of(model, x).flatten(0, 1), y.flatten()).item() for (x, y), _ in zip(batches(stream, generator), range(8))]
    model.train()
    return sum(losses) / len(losses)


def train(model, stream, held_out, lr, minutes, warm_lambda=False, extra_loss=None):
    """AdamW, linear warm-up, cosine to a tenth; stops when the minutes are over. Time drives the schedule."""
    decay = [p for p in model.parameters() if p.dim() >= 2]
    rest = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}], lr=lr, betas=(0.9, 0.95))
    begin, step = time.time(), 0
    model.train()
    for x, y in batches(stream, torch.Generator().manual_seed(0)):
        done = (time.time() - begin) / (60 * minutes)
        if done >= 1:
            break
        rate = lr * min(1, (step + 1) / 100) * (0.1 + 0.45 * (1 + math.cos(math.pi * done)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        if warm_lambda:
            BitLinear.strength = min(1.0, done / 0.2)
        out = model(x)
        logits = out if isinstance(out, torch.Tensor) else out.logits
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        total = loss + (extra_loss(out) if extra_loss else 0)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step} loss {loss.item():.3f} {step * BATCH * CONTEXT / (time.time() - begin):.0f} tokens/s", flush=True)
    return {"steps": step, "tokens": step * BATCH * CONTEXT, "validationLoss": round(validation_loss(model, held_out), 4)}


def write(folder, config, state, tokenizer, tokenizer_config, generation, facts):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2) + "\n")
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


def common(tokenizer_class, end, bos=None):
    return {"tokenizer_class": tokenizer_class, "bos_token": bos or end, "eos_token": end, "unk_token": end, "model_max_length": 512, "clean_up_tokenization_spaces": False}


def half(state):
    return {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in state.items()}


def backpack(texts, held, minutes):
    tokenizer, end = train_tokenizer("gpt2", texts)
    c = BackpackConfig(vocab_size=1032, n_positions=512, n_embd=128, n_layer=4, n_head=4, num_senses=8, sense_intermediate_scale=4)
    model = Backpack(c)
    end_id = tokenizer.token_to_id(end)
    facts = train(model, token_stream(texts, tokenizer, end_id), token_stream(held, tokenizer, end_id), 2e-3, minutes)
    config = {
        "architectures": ["BackpackGPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "attn_pdrop": 0.1, "embd_pdrop": 0.1,
        "resid_pdrop": 0.1, "bos_token_id": end_id, "eos_token_id": end_id, "initializer_range": 0.02, "layer_norm_epsilon": 1e-5, "n_embd": c.n_embd,
        "n_head": c.n_head, "n_inner": None, "n_layer": c.n_layer, "n_positions": c.n_positions, "num_senses": c.num_senses,
        "sense_intermediate_scale": c.sense_intermediate_scale, "reorder_and_upcast_attn": False, "scale_attn_by_inverse_layer_idx": True,
        "scale_attn_weights": True, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": c.vocab_size,
    }
    return config, half(published_state_dict(model, aliases=False)), tokenizer, common("GPT2Tokenizer", end), {"bos_token_id": end_id, "eos_token_id": end_id}, facts


def bitnet(texts, held, minutes):
    tokenizer, end = train_tokenizer("llama3", texts)
    c = LlamaConfig(vocab_size=1024, hidden_size=192, intermediate_size=512, num_hidden_layers=6, num_attention_heads=6, num_key_value_heads=3,
                    max_position_embeddings=512, rms_norm_eps=1e-5, tie_word_embeddings=False, attn_implementation="eager")
    c.rope_parameters = {"rope_type": "default", "rope_theta": 500000.0}
    model = LlamaForCausalLM(c)
    use_bitlinear(model)
    ids = {name: tokenizer.token_to_id(name) for name in ("<|begin_of_text|>", end)}
    facts = train(model, token_stream(texts, tokenizer, ids[end]), token_stream(held, tokenizer, ids[end]), 2e-3, minutes, warm_lambda=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": ids["<|begin_of_text|>"], "eos_token_id": ids[end],
        "hidden_act": "silu", "hidden_size": c.hidden_size, "initializer_range": 0.02, "intermediate_size": c.intermediate_size, "is_bitnet_config": True,
        "max_position_embeddings": 512, "mlp_bias": False, "model_type": "llama", "num_attention_heads": 6, "num_hidden_layers": 6, "num_key_value_heads": 3,
        "pretraining_tp": 1, "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"}, "rms_norm_eps": 1e-5, "rope_interleaved": False,
        "rope_scaling": None, "rope_theta": 500000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "vocab_size": c.vocab_size,
    }
    generation = {"_from_model_config": True, "bos_token_id": ids["<|begin_of_text|>"], "eos_token_id": ids[end]}
    return config, export_ternary(model), tokenizer, common("PreTrainedTokenizerFast", end, "<|begin_of_text|>"), generation, facts


def mamba(texts, held, minutes):
    tokenizer, end = train_tokenizer("neox", texts)
    c = MambaConfig(vocab_size=1032, hidden_size=128, state_size=16, num_hidden_layers=6, expand=2, conv_kernel=4, time_step_rank=8,
                    bos_token_id=0, eos_token_id=0, pad_token_id=0, tie_word_embeddings=True, use_cache=False)
    model = MambaForCausalLM(c)
    use_fast_scan(model)
    facts = train(model, token_stream(texts, tokenizer, 0), token_stream(held, tokenizer, 0), 2e-3, minutes)
    config = {
        "architectures": ["MambaForCausalLM"], "bos_token_id": 0, "conv_kernel": 4, "eos_token_id": 0, "expand": 2, "hidden_act": "silu", "hidden_size": c.hidden_size,
        "initializer_range": 0.1, "intermediate_size": 2 * c.hidden_size, "layer_norm_epsilon": 1e-5, "model_type": "mamba", "num_hidden_layers": c.num_hidden_layers,
        "pad_token_id": 0, "rescale_prenorm_residual": False, "residual_in_fp32": True, "state_size": 16, "tie_word_embeddings": True, "time_step_floor": 0.0001,
        "time_step_init_scheme": "random", "time_step_max": 0.1, "time_step_min": 0.001, "time_step_rank": 8, "time_step_scale": 1.0, "torch_dtype": "float32",
        "use_bias": False, "use_cache": True, "use_conv_bias": True, "vocab_size": c.vocab_size,
    }
    state = {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"}
    return config, state, tokenizer, common("GPTNeoXTokenizer", end), {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}, facts


def granite(texts, held, minutes):
    tokenizer, end = train_tokenizer("starcoder", texts)
    c = GraniteMoeConfig(vocab_size=1024, hidden_size=128, intermediate_size=96, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
                         num_local_experts=8, num_experts_per_tok=2, max_position_embeddings=512, embedding_multiplier=6.0, logits_scaling=2.0,
                         residual_multiplier=0.5, attention_multiplier=1 / 32, rms_norm_eps=1e-6, tie_word_embeddings=True, router_aux_loss_coef=0.01,
                         output_router_logits=True, attn_implementation="eager", initializer_range=0.06)
    c.rope_parameters = {"rope_type": "default", "rope_theta": 10000.0}
    model = GraniteMoeForCausalLM(c)
    from transformers.models.granitemoe.modeling_granitemoe import load_balancing_loss_func

    def balance(out):
        return 0.01 * load_balancing_loss_func(out.router_logits, 8, 2)

    facts = train(model, token_stream(texts, tokenizer, 0), token_stream(held, tokenizer, 0), 2e-3, minutes, extra_loss=balance)
    config = {
        "architectures": ["GraniteMoeForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "attention_multiplier": 1 / 32, "bos_token_id": 0,
        "embedding_multiplier": 6.0, "eos_token_id": 0, "hidden_act": "silu", "hidden_size": 128, "initializer_range": 0.06, "intermediate_size": 96,
        "logits_scaling": 2.0, "max_position_embeddings": 512, "model_type": "granitemoe", "num_attention_heads": 4, "num_experts_per_tok": 2,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "num_local_experts": 8, "output_router_logits": False, "pad_token_id": 0, "residual_multiplier": 0.5,
        "rms_norm_eps": 1e-6, "rope_scaling": None, "rope_theta": 10000.0, "router_aux_loss_coef": 0.01, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        "use_cache": True, "vocab_size": 1024,
    }
    renames = (("experts.gate_up_proj", "input_linear.weight"), ("experts.down_proj", "output_linear.weight"), ("moe.router.weight", "moe.router.layer.weight"))
    state = {}
    for key, value in model.state_dict().items():
        for old, new in renames:
            key = key.replace(old, new)
        if key != "lm_head.weight":
            state[key] = value
    return config, half(state), tokenizer, common("GPT2Tokenizer", end), {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}, facts


RECIPES = {"backpack-tiny": backpack, "granite-tiny": granite, "bitnet-tiny": bitnet, "mamba-tiny": mamba}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="../shared/data/text/gutenberg-children")
    parser.add_argument("--out", default="models")
    parser.add_argument("--only", choices=RECIPES)
    parser.add_argument("--minutes", type=float, default=12)
    args = parser.parse_args()
    texts = list(passages(args.data))
    random.Random(0).shuffle(texts)
    held, texts = texts[:100], texts[100:]
    for name in [args.only] if args.only else RECIPES:
        torch.manual_seed(0)
        BitLinear.strength = 0.0
        print(name, flush=True)
        result = RECIPES[name](texts, held, args.minutes)
        write(Path(args.out) / name, *result)
        print(name, result[-1], flush=True)


if __name__ == "__main__":
    main()
