"""Byte-level BPE tokenizers in the manner of each family, trained on the given texts."""

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(family, texts, vocab_size=1024):
    """-> tokenizer, text of the end-of-text token. The end token is id 0 except for GPT-2 and Llama 3, where it comes last."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=family != "llama3")
    tokenizer = Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    tokenizer.decoder = decoders.ByteLevel()
    first, last = [], []
    if family == "gpt2":
        last = ["<|endoftext|>"]
        tokenizer.pre_tokenizer = byte_level
    elif family == "llama3":
        last = ["<|begin_of_text|>", "<|end_of_text|>"]
        split = pre_tokenizers.Split(Regex(LLAMA3_SPLIT), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    elif family == "neox":
        first = ["<|endoftext|>", "<|padding|>"]
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = byte_level
    else:
        first = ["<|end_of_text|>"]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    spaces = [" " * n for n in range(8, 1, -1)] if family == "neox" else []
    size = vocab_size - len(last) - len(spaces)
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=first, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(s, normalized=True) for s in spaces])
    tokenizer.add_special_tokens(last)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if family == "llama3":
        begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
        template = processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B", special_tokens=[begin])
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return tokenizer, (first[:1] or last[-1:])[0]
