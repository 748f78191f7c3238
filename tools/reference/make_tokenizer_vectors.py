"""
Makes tests/fixtures/tokenizer: `python make_tokenizer_vectors.py`, then `npx biome check --write tests/fixtures/tokenizer`. One file a
kind of tokenizer: its tokenizer.json, trained here on the texts below, and what huggingface/tokenizers makes of those texts. Ids are
texts of numbers, which keeps the files short.
"""

import json
from pathlib import Path

from tiny_tokenizers import train_tokenizer
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers

FOLDER = Path(__file__).parents[2] / "tests" / "fixtures" / "tokenizer"

PROSE = """Once there was a small house by the sea, and in it lived 12 cats and 1 dog. "Don't go out," said the oldest cat, "it's raining!"
But they'd gone already; we'll never know why.  In 1984 it rained for 365 days, they've told me, and I'm not sure I believe it.
def count(xs):
    total = 0
    for x in xs:
        if x > 10:
            total += x * 3.14
    return total


The house, the sea, the cats: the cats went to the sea, the sea went to the house. WE'LL SEE WHAT IT'S LIKE, I'D SAY.
""".splitlines(keepends=True)

# White space of Unicode, then characters that look like it and are none.
SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u180e\u2000\u2001\u2007\u200a\u200b\u200c\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
# Digits and other numbers (Nd, Nl, No) of many scripts.
NUMBERS = ["0123456789", "٣٤٥", "۱۲۳۴", "१२३", "๑๒๓", "１２３", "𝟘𝟙𝟚", "ⅠⅡⅫ", "½¼¾", "²³¹", "①②③", "一二三", "〇〡〢", "𐄇𐄈", "𒐀"]

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\t", "\t\t \t", "\r\n\r\n", " \n \n", "\n ", "a", " a", "  a", "a ", "a  ",
    "Hello world", "Hello  world", "   leading and trailing   ", "I'm can't WE'LL they'VE it'D o'clock 'tis ''s",
    "\u017ft's \u212aelvin", "'\u017f", "x = 10  20   30\n\n    y = 1234567", "3.14159e-10", "a1b22c333d4444",
    " " * 7 + "x" + " " * 8 + "y" + " " * 9, "\n" * 5 + "x", "a\n b\n  c\n\n d \n", "x \r\n y\r\r\nz", "!!! ???\n\n...\n", "...\r\n\r\nx",
    "naïve café cafe\u0301 e\u0301 Å \u212b A\u030a \ufb01 ﷺ", "q\u0307\u0323 \u1e0b\u0323", "한국어 \u1112\u1161\u11ab", "ｶﾞ カ\u3099",
    "日本語のテキスト、中文文本。", "ไทยไม่มีช่องว่าง", "हिन्दी में", "مرحبا بالعالم", "שלום", "Привет, мир", "Ωμέγα ΣΊΣΥΦΟΣ",
    "🙂🙂", "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈 👍🏽", "😶\u200d🌫\ufe0f (x) ✅", "🇩🇪🇫🇷", "\U0010ffff\U000f0000\ue000", "\u0378\u0ff0",
    "\ufeffhi", "hi\ufeff", "a\u0085b", "a \u0085 b", "x\xa0\xa0y", "a\u200bb", "\x00\x01\x7f\x80", "\ufffd\ufffe\uffff", "a\u0300\u0301\u0302 \u0300",
    "don\u2019t", "_snake_case_ and-dash", "<|endoftext|>", "<|endoftext|>hi <|padding|>", "a<|end_of_text|><|end_of_text|>b", "<|endoftext",
    "<|begin_of_text|>Hi<|end_of_text|>", "<<|endoftext|>>", " <|endoftext|> ", "<|endoftext|>\n<|endoftext|>", "a  <|endoftext|>  b",
    "$x_1 + y^2$ \\alpha {[(a)]}", "https://example.org/a?b=c&d=%20#e", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab",
    *(f"a{space}b {space}{space}1{space}" for space in SPACES),
    *(f"{space} x" for space in SPACES),
    *(f"{digits} {digits}x{digits}, {digits}" for digits in NUMBERS),
]  # fmt: skip

# Cut out of the text with white space around them, or only as whole words.
WITH_FLAGS = [
    AddedToken("<left>", lstrip=True, normalized=False),
    AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, special=True),
    AddedToken("cat", single_word=True, normalized=False),
    AddedToken("Å", normalized=True),
    AddedToken("caf\u00e9 ", normalized=True),
    AddedToken("<", normalized=False),
    AddedToken("<right><", normalized=False),
]

FLAG_TEXTS = [
    "a <left> b", "a  \u0085<left>  b", "\ufeff<left>", "a <right> b", "a<right>\u3000 b", "a <both> b <both>  <both>c", " <left><right> ",
    "<left> <left>", "<right> <left> <both>", "cat", "a cat sat", "cats", "concat", "cat.cat", "_cat", "cat\u0301", "1cat cat1", "猫cat", "cat\u200d",
    "Å A\u030a \u212b", "cafe\u0301 x", "café x", "café", "<right><right><", "<<left>", "<right>< <left", "\u2028<left>\x1f<right>\x1f",
]  # fmt: skip


def variants():
    texts = [*PROSE, *TEXTS] * 3
    for family in ["gpt2", "llama3", "neox", "granite"]:
        yield family, train_tokenizer(family, texts, vocab_size=480)[0], TEXTS
    small = lambda family: train_tokenizer(family, texts, vocab_size=320)[0]
    prefixed = small("gpt2")
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    yield "prefix-space", prefixed, TEXTS
    numbers = small("gpt2")
    numbers.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel(add_prefix_space=True)])
    yield "digits-together", numbers, TEXTS
    removing = small("llama3")
    split = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]+|\s+"), "removed", invert=True)
    removing.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    yield "split-kept", removing, TEXTS
    flags = small("neox")
    flags.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.NFC()])
    flags.add_tokens(WITH_FLAGS)
    yield "flags", flags, [*TEXTS, *FLAG_TEXTS]


def numbers_of(ids):
    return " ".join(map(str, ids))


def vectors(tokenizer, texts):
    for text in dict.fromkeys(texts):
        ids = tokenizer.encode(text).ids
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        yield {
            "text": text,
            "ids": numbers_of(ids),
            **({"plain": numbers_of(plain)} if plain != ids else {}),
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            # Byte by byte backwards: what comes of sequences that are no UTF-8.
            "backwards": tokenizer.decode(plain[::-1], skip_special_tokens=True),
        }


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, tokenizer, texts in variants():
        stored = json.loads(tokenizer.to_str())
        if name == "gpt2":  # as files were written before 2024
            stored["model"]["merges"] = [" ".join(pair) for pair in stored["model"]["merges"]]
        golden = {"tokenizer": stored, "vectors": list(vectors(Tokenizer.from_str(json.dumps(stored)), texts))}
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")
        print(path.name, tokenizer.get_vocab_size(), len(golden["vectors"]), path.stat().st_size)


if __name__ == "__main__":
    main()
