"""
Makes tests/fixtures/tokenizer-kinds.json: `python make_tokenizer_kinds.py`. Every component of tokenizer.json that is understood, in the
combinations that published tokenizers have and some that none has, over a few small models, and what huggingface/tokenizers makes of texts.
A kind is a model and the components put in its place; ids are texts of numbers. `python make_tokenizer_kinds.py FILE COUNT SEED` writes
as much again of random texts, to try more than is kept.
"""

import json
import random
import sys
from pathlib import Path

from make_tokenizer_vectors import FLAG_TEXTS, PROSE, TEXTS
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

FILE = Path(__file__).parents[2] / "tests" / "fixtures" / "tokenizer-kinds.json"

SAMPLES = [
    "", " ", "Hello  world ", "  leading", "a\u2581b \u2581\u2581c", "\u2581", "<0x41> <0xE4>", "<unk>a<s>b</s> <s>", "Stra\u00dfe \u0130STANBUL \u03a3\u0391\u03a3 \u017f \u212a",
    "\ufb01 \u00bd \u2460 \u2167 \uff71 \u337f \ufdfa", "\u1112\u1161\u11ab \u0958", "\u0663\u0664\u0665abc\u0666 12345 x\u00b2", "a,b;c--d!!??.. $5.00 + 3 = 8^2 `t` ~|", "\u00abquoted\u00bb \u201ex\u201c \u2026\u2014\u2013",
    "\u65e5\u672c\u8a9e\u3002\u30c6\u30ad\u30b9\u30c8\u3001", "na\u00efve caf\u0065\u0301 \u0301x", "\u00a0a\u00a0\tb\r\n\nc \n ", "\u2028\u2029\u0085x\ufeffy\u200b", "don't WE'LL '\u017fx it's", "\u0000\u0001\u0007a",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea\U0001f600", "the <x>  cat cats<y> <mask> \u00e91 the A\u030a", "aaaaaaaaaaaaaaaaaaaab" + " " * 9 + "z", "\u0e33\u0eb3 \u0915\u094d\u0937\u093f \u05e9\u05dc\u05d5\u05dd", "\U000f0000\ufffd\u0378",
]  # fmt: skip

ADDED = [
    AddedToken("<x>", lstrip=True, special=True),
    AddedToken("<y>", rstrip=True, normalized=False),
    AddedToken("cat", single_word=True, normalized=False),
    AddedToken("é1", normalized=True),
    AddedToken("the Å", normalized=True),
    AddedToken("<mask>", lstrip=True, special=True, normalized=True),
]

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def bases():
    texts = [*PROSE, *TEXTS, *SAMPLES] * 2
    special = ["<unk>", "<s>", "</s>"]
    bytes_ = Tokenizer(models.BPE())
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bytes_.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=310, special_tokens=special, initial_alphabet=alphabet, show_progress=False))
    yield "bytes", model_of(bytes_)
    spaced = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    spaced.pre_tokenizer = pre_tokenizers.Metaspace()
    spaced.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=160, special_tokens=special, limit_alphabet=60, show_progress=False))
    plain = model_of(spaced)
    yield "unknown", plain
    yield "unknown-each", {**plain, "fuse_unk": False}
    yield "fallback", with_tokens(plain, BYTES)
    yield "fallback-some", with_tokens(plain, BYTES[:0xD8])
    yield "fallback-some-each", {**with_tokens(plain, BYTES[:0xD8]), "fuse_unk": False}
    unigram = Tokenizer(models.Unigram())
    unigram.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=160, special_tokens=special, unk_token="<unk>", show_progress=False)
    unigram.train_from_iterator([text for text in PROSE if text.strip()], trainer)
    scores = model_of(unigram)
    scores["vocab"] = [[token, round(score, 4)] for token, score in scores["vocab"]]
    yield "unigram", scores
    yield "unigram-fallback", {**scores, "byte_fallback": True, "vocab": scores["vocab"] + [[token, -20.0] for token in BYTES]}


def model_of(tokenizer):
    return json.loads(tokenizer.to_str())["model"]


def with_tokens(model, tokens):
    vocab = dict(model["vocab"])
    for token in tokens:
        vocab.setdefault(token, len(vocab))
    return {**model, "vocab": vocab, "byte_fallback": True}


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def split(pattern, behavior="Isolated", invert=False):
    kind = "Regex" if len(pattern) > 1 else "String"
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def metaspace(scheme="always", is_split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": is_split}


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"Regex" if len(pattern) > 2 else "String": pattern}, "content": content}


def punctuation(behavior="Isolated"):
    return {"type": "Punctuation", "behavior": behavior}


def digits(each):
    return {"type": "Digits", "individual_digits": each}


def template(*names):
    ids = {"<s>": 1, "</s>": 2}
    part = lambda name: {"Sequence": {"id": "A", "type_id": 0}} if name == "$A" else {"SpecialToken": {"id": name, "type_id": 0}}
    special = {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in names if name != "$A"}
    return {"type": "TemplateProcessing", "single": [part(name) for name in names], "pair": [part("$A"), {"Sequence": {"id": "B", "type_id": 0}}], "special_tokens": special}


def pre(*parts):
    return sequence("pretokenizers", *parts) if len(parts) > 1 else parts[0]


STRIP = lambda start, stop=0: {"type": "Strip", "content": " ", "start": start, "stop": stop}
FALLBACK, FUSE, BYTE_LEVEL = {"type": "ByteFallback"}, {"type": "Fuse"}, byte_level(True)
LLAMA = sequence("decoders", replace("▁", " "), FALLBACK, FUSE, STRIP(1))
GEMMA = sequence("decoders", replace("▁", " "), FALLBACK, FUSE)
WORDS_OF_QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER, CONTRACTION = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
WORDS_OF_GPT_4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTION}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTION}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WORDS_OF_BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+"


def kinds():
    spm = lambda base="fallback", **parts: (base, {"decoder": LLAMA, **parts})
    gpt = lambda *parts, **others: ("bytes", {"decoder": BYTE_LEVEL, "pre_tokenizer": pre(*parts), **others})
    simple = byte_level(regex=False)
    yield "llama-2", spm(normalizer=sequence("normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), post_processor=template("<s>", "$A"))
    yield "llama-2, first", spm(pre_tokenizer=metaspace("first", False), post_processor=template("<s>", "$A"))
    yield "llama-2, always", spm(pre_tokenizer=metaspace(), post_processor=template("<s>", "$A", "</s>"))
    yield "llama-2, never", spm(pre_tokenizer=metaspace("never", False), decoder=GEMMA)
    yield "gemma", spm(normalizer=replace(" ", "▁"), pre_tokenizer=split(" ", "MergedWithPrevious"), decoder=GEMMA, post_processor=template("<s>", "$A"))
    yield "older keys", spm(pre_tokenizer={"type": "Metaspace", "replacement": "▁", "add_prefix_space": True, "str_rep": "▁"})
    for base in ["unknown", "unknown-each", "fallback-some", "fallback-some-each"]:
        yield base, spm(base, pre_tokenizer=metaspace())
    yield "strip, then first", spm(normalizer={"type": "Strip", "strip_left": True, "strip_right": False}, pre_tokenizer=metaspace("first"))
    yield "strip right, then first", spm(normalizer={"type": "Strip", "strip_left": False, "strip_right": True}, pre_tokenizer=metaspace("first"))
    yield "words, then first", spm(pre_tokenizer=pre({"type": "WhitespaceSplit"}, metaspace("first")))
    yield "metaspace decodes", spm(pre_tokenizer=metaspace(), decoder=sequence("decoders", FALLBACK, metaspace()))
    yield "metaspace decodes, never", spm(pre_tokenizer=metaspace("never"), decoder=metaspace("never"))
    yield "fused, then stripped", spm(pre_tokenizer=metaspace(), decoder=sequence("decoders", FALLBACK, FUSE, replace("▁", " "), STRIP(2)))
    yield "fused, then replaced", spm(pre_tokenizer=metaspace(), decoder=sequence("decoders", FUSE, replace("▁+▁?", " "), replace("a ", "<>")))
    yield "replaced by token", spm(pre_tokenizer=metaspace(), decoder=sequence("decoders", replace("▁t", "_T"), {"type": "Strip", "content": "▁", "start": 1, "stop": 0}, FALLBACK))
    yield "bytes, then replaced", spm(pre_tokenizer=metaspace(), decoder=sequence("decoders", FALLBACK, replace(r"\S+\s?", "ab")))
    yield "no decoder", spm(pre_tokenizer=metaspace(), decoder=None)
    yield "whitespace", spm(pre_tokenizer={"type": "Whitespace"})
    yield "bert", spm(pre_tokenizer={"type": "BertPreTokenizer"}, post_processor={"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]})
    yield "delimiter", spm(pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": "a"})
    yield "falcon", gpt(punctuation("Contiguous"), byte_level(), digits(False), split("[0-9][0-9][0-9]"))
    yield "digits of bytes", gpt(byte_level(), digits(True))
    yield "bytes twice", gpt(byte_level(), byte_level(True))
    yield "bytes in the middle", gpt(digits(False), byte_level(True), punctuation("Removed"))
    for behavior in ["Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"]:
        yield f"punctuation {behavior}", gpt(punctuation(behavior), byte_level())
        for invert in [False, True]:
            yield f"split by text {behavior} {invert}", gpt(split(" ", behavior, invert), simple)
            yield f"split {behavior} {invert}", gpt(split(r"\p{L}+|\d", behavior, invert), simple)
            yield f"split by nothing {behavior} {invert}", gpt(split("a*", behavior, invert), simple)
    yield "qwen", gpt(split(WORDS_OF_QWEN), simple, normalizer={"type": "NFC"})
    yield "gpt-4o", gpt(split(WORDS_OF_GPT_4O, "Removed", True), simple)
    yield "bloom", gpt(split(WORDS_OF_BLOOM), simple)
    yield "words and others", gpt(split(r"\w+|\W"), simple)
    yield "boundaries", gpt(split(r"\b"), simple)
    yield "no boundaries", gpt(split(r"\B[^\b]"), simple)
    yield "possessive", gpt(split(r"\p{L}++|[0-9]{1,3}+|(?>\s+)(?!x)|^.|.$|\s"), simple)
    yield "anchors and classes", gpt(split(r"^\w|\w$|\Aa|z\z|[[:punct:]]|[a-z&&[^aeiou]]"), simple)
    yield "letters without marks", gpt(byte_level(), normalizer=sequence("normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True}))
    yield "nfkc", gpt(byte_level(), normalizer={"type": "NFKC"})
    yield "nmt", gpt(byte_level(), normalizer=sequence("normalizers", {"type": "Nmt"}, {"type": "NFKD"}, replace(" {2,}", " "), {"type": "Prepend", "prepend": ">"}))
    yield "bytes as normaliser", gpt(split("Ġ", "MergedWithNext"), normalizer={"type": "ByteLevel"})
    yield "roberta", gpt(byte_level(), post_processor={"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": False})
    yield "template in a sequence", gpt(byte_level(), post_processor=sequence("processors", byte_level(), template("<s>", "</s>", "$A", "</s>")))
    yield "bytes, then stripped", gpt(byte_level(True), decoder=sequence("decoders", BYTE_LEVEL, STRIP(1)))
    yield "t5", ("unigram", {"pre_tokenizer": pre({"type": "WhitespaceSplit"}, metaspace()), "decoder": metaspace(), "post_processor": template("$A", "</s>")})
    yield "unigram, first", ("unigram", {"pre_tokenizer": metaspace("first", False), "decoder": metaspace()})
    yield "unigram, bytes", ("unigram-fallback", {"pre_tokenizer": metaspace(), "decoder": sequence("decoders", FALLBACK, metaspace())})
    yield "unigram, nfkc", ("unigram", {"normalizer": sequence("normalizers", {"type": "NFKC"}, {"type": "Lowercase"}, replace(" {2,}", " ")), "pre_tokenizer": metaspace(), "decoder": metaspace()})


def tokenizer_of(model, parts, added):
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None}
    tokenizer = Tokenizer.from_str(json.dumps({**whole, "decoder": None, **parts, "model": model}))
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.add_tokens(added)
    return tokenizer


def numbers_of(ids):
    return " ".join(map(str, ids))


def vector(tokenizer, text):
    tokenizer.encode_special_tokens = False
    ids = tokenizer.encode(text).ids
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer.encode_special_tokens = True
    literal = tokenizer.encode(text, add_special_tokens=False).ids
    # Backwards: what comes of bytes that are no UTF-8.
    return [numbers_of(ids), numbers_of(plain), numbers_of(literal), tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(plain[::-1])]


def random_texts(count, seed):
    source = random.Random(seed)
    parts = [*SAMPLES, *TEXTS, *FLAG_TEXTS, *["<x>", " <x>", "<y> ", "the", "cat", " ", "  ", "\n", "<s>", "</s>", "▁", "e\u0301", "12", "!", '"', "'s"]]
    for _ in range(count):
        yield "".join(source.choice(parts)[: source.choice([1, 2, 5, 50])] for _ in range(source.randrange(1, 9)))


def main():
    path, texts = FILE, SAMPLES
    if len(sys.argv) > 1:
        path, texts = Path(sys.argv[1]), list(dict.fromkeys([*SAMPLES, *TEXTS, *FLAG_TEXTS, *random_texts(int(sys.argv[2]), sys.argv[3])]))
    models_ = dict(bases())
    listed = {name: json.loads(tokenizer_of(model, {}, ADDED).to_str())["added_tokens"] for name, model in models_.items()}
    entries = []
    for name, (base, parts) in kinds():
        tokenizer = tokenizer_of(models_[base], parts, ADDED)
        entries.append({"name": name, "model": base, "parts": parts, "vectors": [vector(tokenizer, text) for text in texts]})
    keep = {"texts": texts, "added": listed, "models": models_, "kinds": entries}
    for key, model in models_.items():  # as files were written before 2024: shorter
        if "merges" in model:
            model["merges"] = [" ".join(pair) for pair in model["merges"]]
    path.write_text(json.dumps(keep, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(path.name, len(entries), "kinds", len(texts), "texts", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
