"""What transformers' logits processors keep, in the order in which GenerationMixin builds them: tests/golden/sampling.json."""

import json
import math

import torch
import transformers
from golden_files import GOLDEN_ROOT
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, LogitsProcessorList

NAMES = {"repetitionPenalty": "repetition_penalty", "temperature": "temperature"}
NAMES |= {"topK": "top_k", "topP": "top_p", "minP": "min_p"}
NAMES |= {"typicalP": "typical_p", "epsilonCutoff": "epsilon_cutoff", "etaCutoff": "eta_cutoff"}
NAMES |= {"noRepeatNgramSize": "no_repeat_ngram_size", "encoderNoRepeatNgramSize": "encoder_no_repeat_ngram_size"}
NAMES |= {"encoderRepetitionPenalty": "encoder_repetition_penalty", "sequenceBias": "sequence_bias"}
NAMES |= {"badWordsIds": "bad_words_ids", "minLength": "min_length", "minNewTokens": "min_new_tokens"}
NAMES |= {"forcedBosTokenId": "forced_bos_token_id", "forcedEosTokenId": "forced_eos_token_id"}
NAMES |= {"exponentialDecayLengthPenalty": "exponential_decay_length_penalty"}
NAMES |= {"suppressTokens": "suppress_tokens", "beginSuppressTokens": "begin_suppress_tokens"}

SLOPE = [2, 1.5, 1, 0.5, 0, -0.5, -1, -1.5, -2, 3]
# ln of 1/2, 1/4, 1/8, 1/16, 1/16; shuffled
DYADIC = [math.log(p) for p in (0.0625, 0.25, 0.5, 0.125, 0.0625)]
TIES = [1.25, -0.5, 2.5, 1.25, 0, 1.25, -3]

# About, logits, ids, options, and how many of the ids are the prompt: all, unless it is said.
CASES: list[tuple[str, list[float], list[int], dict] | tuple[str, list[float], list[int], dict, int]] = [
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
    ("typical-p keeps what is near the entropy", SLOPE, [], {"typicalP": 0.3}),
    ("typical-p over what top-k left", SLOPE, [], {"topK": 5, "typicalP": 0.7}),
    ("typical-p with ties", TIES, [], {"typicalP": 0.5}),
    ("epsilon cutoff", SLOPE, [], {"epsilonCutoff": 0.06}),
    ("epsilon cutoff above the likeliest", SLOPE, [], {"epsilonCutoff": 0.9}),
    ("eta cutoff", SLOPE, [], {"etaCutoff": 0.1}),
    ("eta cutoff, small", SLOPE, [], {"etaCutoff": 0.0003}),
    ("no pair comes twice", SLOPE, [9, 0, 1, 9, 2, 9], {"noRepeatNgramSize": 2}),
    ("no triple comes twice", SLOPE, [9, 0, 1, 4, 9, 0], {"noRepeatNgramSize": 3}),
    ("no id comes twice", SLOPE, [9, 0, 9], {"noRepeatNgramSize": 1}),
    ("a triple is longer than the text", SLOPE, [9], {"noRepeatNgramSize": 3}),
    ("no pair of the prompt", SLOPE, [9, 0, 9], {"encoderNoRepeatNgramSize": 2}, 2),
    ("ids of the prompt become likelier", SLOPE, [9, 8, 8, 4, 0], {"encoderRepetitionPenalty": 1.5}, 3),
    ("biases of sequences", SLOPE, [3, 9, 0], {"sequenceBias": [[[5], 3.0], [[9, 0, 6], 5.0], [[9, 6], 9.0]]}),
    ("of a sequence given twice the second bias counts", SLOPE, [3], {"sequenceBias": [[[5], 3.0], [[5], 1.0]]}),
    ("bad words; ends stay", SLOPE, [3, 9], {"badWordsIds": [[9], [7], [9, 0], [3, 9, 1], [8, 2]]}),
    ("not yet long enough", SLOPE, [3, 4, 5], {"minLength": 4}, 2),
    ("long enough", SLOPE, [3, 4, 5], {"minLength": 3}, 2),
    ("too few new tokens", SLOPE, [3, 4, 5], {"minNewTokens": 2}, 2),
    ("enough new tokens", SLOPE, [3, 4, 5, 6], {"minNewTokens": 2}, 2),
    ("forced after one token", SLOPE, [3], {"forcedBosTokenId": 8}),
    ("not forced after two", SLOPE, [3, 4], {"forcedBosTokenId": 8}),
    ("forced at the end", SLOPE, [3, 4, 5, 6], {"forcedEosTokenId": [7, 8]}, 2),
    ("not forced before the end", SLOPE, [3, 4, 5], {"forcedEosTokenId": 7}, 2),
    ("the end becomes likelier", SLOPE, [3, 4, 5, 6, 5], {"exponentialDecayLengthPenalty": [1, 1.5]}, 2),
    ("the end is not yet likelier", SLOPE, [3, 4, 5], {"exponentialDecayLengthPenalty": [1, 1.5]}, 2),
    ("suppressed, also where no such id is", SLOPE, [3], {"suppressTokens": [9, 0, 400, -1]}),
    ("suppressed as the first", SLOPE, [3, 4], {"beginSuppressTokens": [9, 1]}, 2),
    ("not suppressed as the second", SLOPE, [3, 4], {"beginSuppressTokens": [9, 1]}, 1),
    ("suppressed after what was forced", SLOPE, [3, 8], {"beginSuppressTokens": [9], "forcedBosTokenId": 8}, 1),
    (
        "in the order of the reference",
        SLOPE,
        [9, 0, 9],
        {
            **{"sequenceBias": [[[5], 4.0]], "repetitionPenalty": 1.3, "noRepeatNgramSize": 2, "badWordsIds": [[1]]},
            **{"minNewTokens": 2, "suppressTokens": [2], "temperature": 1.4, "topK": 5, "topP": 0.9, "typicalP": 0.8},
        },
        2,
    ),
]

# What ends a text, and how many tokens a text has at most where that matters.
ENDS = [9, 2]
NEW_TOKENS = 3


def kept(logits: list[float], ids: list[int], options: dict, prompt: int) -> tuple[list[int], list[float]]:
    size = dict(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    model = LlamaForCausalLM(LlamaConfig(**size))
    # transformers samples with top_k 50 unless told otherwise; here an absent option is off.
    chosen = {"top_k": 0} | {NAMES[name]: value for name, value in options.items()}
    config = GenerationConfig(do_sample=True, max_length=prompt + NEW_TOKENS, eos_token_id=ENDS, **chosen)
    config._eos_token_tensor = torch.tensor(ENDS)
    read = torch.tensor([ids], dtype=torch.long)
    processors = model._get_logits_processor(
        generation_config=config,
        input_ids_seq_length=prompt,
        encoder_input_ids=read[:, :prompt],
        logits_processor=LogitsProcessorList(),
        device="cpu",
    )
    scores = processors(read, torch.tensor([logits], dtype=torch.float32))[0]
    left = scores.isfinite().nonzero()[:, 0].tolist()
    return left, [round(p, 7) for p in scores.softmax(-1)[left].tolist()]


def make_sampling() -> None:
    cases = []
    for about, logits, ids, options, *prompt in CASES:
        left, probabilities = kept(logits, ids, options, *prompt or [len(ids)])
        case = {"about": about, "logits": logits, "ids": ids, "options": options}
        case |= {"prompt": count for count in prompt}
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
