"""Makes tests/golden/evaluation/translation.json: scores of sacrebleu, as lm-evaluation-harness 0.4.13 calls it, on small corpora."""

import json
import random
from pathlib import Path

import sacrebleu

OUT = Path(__file__).parents[2] / "tests" / "golden" / "evaluation" / "translation.json"

SENTENCES = [
    "The cat sat on the mat, and the dog (an old one) sat near the river.",
    "It costs $12.50 - or 3,000 in 1999-2000 &amp; nothing &quot;today&quot;.",
    "Once upon a time there was a little girl who lived near a river with her friend.",
    "Élodie naïvely said: “no”, 𝒳 times!",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    "",
    "one",
    "  two  words\n",
    "the the the the the the the",
    "first-\nsecond <skipped> line\nthird",
]


def changed(text, draw):
    words = text.split(" ")
    for _ in range(draw.randint(0, 6)):
        kind, at = draw.choice(["move", "drop", "add", "replace", "case"]), draw.randrange(len(words))
        if kind == "move" and len(words) > 2:
            length = draw.randint(1, 4)
            piece, rest = words[at : at + length], words[:at] + words[at + length :]
            to = draw.randint(0, len(rest))
            words = rest[:to] + piece + rest[to:]
        elif kind == "drop" and len(words) > 1:
            del words[at]
        elif kind == "add":
            words.insert(at, draw.choice(["the", "cat", "3.5", "(", "x,"]))
        elif kind == "replace":
            words[at] = draw.choice(["dog", "near", "a", "--"])
        elif kind == "case":
            words[at] = words[at].upper()
    return " ".join(words)


def score(pairs):
    wanted, given = [[one for one, _ in pairs]], [one for _, one in pairs]
    return {
        "pairs": pairs,
        "bleu": sacrebleu.corpus_bleu(given, wanted).score,
        "chrf": sacrebleu.corpus_chrf(given, wanted).score,
        "chrf++": sacrebleu.corpus_chrf(given, wanted, word_order=2).score,
        "ter": sacrebleu.corpus_ter(given, wanted).score,
    }


def main():
    draw = random.Random(5)
    words = [draw.choice("abcdefghij") for _ in range(90)]
    long = " ".join(words)
    cases = [[(text, text)] for text in SENTENCES]
    cases += [[(text, changed(text, draw))] for text in SENTENCES * 4]
    cases += [[(text, changed(text, draw)) for text in SENTENCES] for _ in range(6)]
    cases += [[("", "some words")], [("some words", "")], [("a b", "c d")], [(long, " ".join(words[40:] + words[:40]))]]
    cases += [[(long, changed(changed(long, draw), draw))], [(long, "a b c")], [("a b c", long)], [(long, " ".join(draw.sample(words, 90)))]]
    OUT.write_text("[\n" + ",\n".join(json.dumps(score(case), ensure_ascii=False) for case in cases) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
