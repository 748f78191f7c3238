"""What transformers' logits processors keep, in the order in which GenerationMixin builds them: tests/golden/sampling.json."""

import json
import math

import torch
import transformers
from golden_files import GOLDEN_ROOT
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, LogitsProcessorList

NAMES = {"repetitionPenalty": "repetition_penalty", "temperature": "temperature"}
NAMES |= {"topK": "top_k", "topP": "top_p", "minP": "min_p"}

SLOPE = [2, 1.5, 1, 0.5, 0, -0.5, -1, -1.5, -2, 3]
# ln of 1/2, 1/4, 1/8, 1/16, 1/16; shuffled
DYADIC = [math.log(p) for p in (0.0625, 0.25, 0.5, 0.125, 0.0625)]
TIES = [1.25, -0.5, 2.5, 1.25, 0, 1.25, -3]

CASES: list[tuple[str, list[float], list[int], dict[str, float]]] = [
    (
        "all of them, as published for Mamba",
        SLOPE,
        [9, 6, 0],
        {"repetitionPenalty": 1.1, "temperature": 0.8, "topK": 6, "topP": 0.8},
    ),
    ("no option", SLOPE, [1, 2], {}),
    ("repetition penalty: once per id, up for negative scores", SLOPE, [0, 0, 0, 8, 9, 4], {"repetitionPenalty": 1.7}),
    ("repetition penalty below one rewards", SLOPE, [1, 7], {"repetitionPenalty": 0.6}),
    ("temperature", SLOPE, [], {"temperature": 0.35}),
    ("top-k keeps everything equal to the k-th", TIES, [], {"topK": 3}),
    ("top-k above the vocabulary", TIES, [], {"topK": 50}),
    ("top-p just below a sum", DYADIC, [], {"topP": 0.7499}),
    ("top-p just above a sum", DYADIC, [], {"topP": 0.7501}),
    ("top-p keeps one at least", DYADIC, [], {"topP": 0.001}),
    ("top-p over what top-k left", DYADIC, [], {"topK": 2, "topP": 0.66}),
    ("min-p just below a ratio", DYADIC, [], {"minP": 0.2499}),
    ("min-p just above a ratio", DYADIC, [], {"minP": 0.2501}),
    ("temperature comes before min-p", SLOPE, [], {"temperature": 2.0, "minP": 0.2}),
    (
        "the penalty comes before everything",
        TIES,
        [2, 2, 6],
        {"repetitionPenalty": 4.0, "temperature": 1.5, "topK": 4, "topP": 0.95, "minP": 0.3},
    ),
]


def kept(logits: list[float], ids: list[int], options: dict[str, float]) -> tuple[list[int], list[float]]:
    size = dict(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = LlamaForCausalLM(LlamaConfig(**size))
    # transformers samples with top_k 50 unless told otherwise; here an absent option is off.
    chosen = {"top_k": 0} | {NAMES[name]: value for name, value in options.items()}
    config = GenerationConfig(do_sample=True, **chosen)
    processors = model._get_logits_processor(
        generation_config=config, input_ids_seq_length=len(ids), logits_processor=LogitsProcessorList(), device="cpu"
    )
    scores = processors(torch.tensor([ids], dtype=torch.long), torch.tensor([logits], dtype=torch.float32))[0]
    left = scores.isfinite().nonzero()[:, 0].tolist()
    return left, [round(p, 7) for p in scores.softmax(-1)[left].tolist()]


def make_sampling() -> None:
    cases = []
    for about, logits, ids, options in CASES:
        left, probabilities = kept(logits, ids, options)
        case = {"about": about, "logits": logits, "ids": ids, "options": options}
        cases.append(case | {"kept": left, "probabilities": probabilities})
    published = cases[0]
    assert published["kept"] == [0, 1, 9]
    for got, want in zip(published["probabilities"], [0.208888, 0.14034, 0.650772], strict=True):
        assert abs(got - want) < 1e-6
    rows = ",\n".join("    " + json.dumps(case) for case in cases)
    reference = f"logits processors of transformers {transformers.__version__}, float32"
    text = f'{{\n  "reference": {json.dumps(reference)},\n  "cases": [\n{rows}\n  ]\n}}\n'
    (GOLDEN_ROOT / "sampling.json").write_text(text)
    print(f"sampling: {len(cases)} cases")
