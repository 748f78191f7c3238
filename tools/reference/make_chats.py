"""
Makes tests/fixtures/chats.json: `python make_chats.py`. Conversations through chat templates in the manners of published ones, with the tokenizers of
tests/fixtures/tokenizer-cases/chat-template and models/backpack-tiny: text, ids and the mask of the answers as transformers gives them
(apply_chat_template with return_assistant_tokens_mask).
"""

import json
from pathlib import Path

from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "fixtures" / "chats.json"
TOKENIZERS = ["tests/fixtures/tokenizer-cases/chat-template", "models/backpack-tiny"]

# Without the tags [[ and ]], which stand for those of an answer.
TEMPLATES = {
    "headers": "{% for m in messages %}{{'<|start_header_id|>'+m['role']+'<|end_header_id|>\n\n'}}"
    "{% if m['role'] == 'assistant' %}[[{{ m['content'] + '<|eot_id|>' }}]]{% else %}{{ m['content'] + '<|eot_id|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{'<|start_header_id|>assistant<|end_header_id|>\n\n'}}{% endif %}",
    "chatml": "{{ bos_token }}{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou help.<|im_end|>\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message.role == 'assistant' %}[[{{ message['content'] + '<|im_end|>' + '\n' }}]]"
    "{% else %}{{ message['content'] + '<|im_end|>' + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "lines": """{%- if messages[0]['role'] == 'system' -%}
    {%- set system_message = messages[0]['content'] -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set system_message = "You are a model." -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{{ '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>
' }}
{%- for message in loop_messages %}
    {%- if message['role'] == 'assistant' %}
        {{- '<|start_of_role|>assistant<|end_of_role|>' }}
        [[-]
        {{- message['content'] | trim + '<|end_of_text|>
' }}
        [/-]]
    {%- else %}
        {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>
' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_of_role|>assistant<|end_of_role|>' }}
{%- endif %}""",
    "brackets": "{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] | trim + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}[[{{ ' ' + message['content'] | trim + ' ' + eos_token }}]]{% endif %}{% endfor %}",
}

CHATS = [
    [["user", "Hello"], ["assistant", "Once upon a time."]],
    [["system", "Be brief."], ["user", "Why?\n"], ["assistant", "  Because.\n\n"], ["user", "  And then? "], ["assistant", "\n\nThe end"]],
    [["user", "One"], ["assistant", ""], ["user", "日本 🙂"], ["assistant", "naïve café — 🙂🙂"]],
    [["user", "what is <|eot_id|>?"], ["assistant", "a token"]],
    [["user", "no answer"]],
]


def tagged(template):
    for short, tag in (("[[-]", "{%- generation %}"), ("[/-]]", "{%- endgeneration %}"), ("[[", "{% generation %}"), ("]]", "{% endgeneration %}")):
        template = template.replace(short, tag)
    return template


def untagged(template):
    for short in ("        [[-]\n", "        [/-]]\n", "[[", "]]"):
        template = template.replace(short, "")
    return template


def main():
    cases = []
    for folder in TOKENIZERS:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(ROOT / folder)
        for name, template in TEMPLATES.items():
            for chat in CHATS:
                messages = [{"role": role, "content": content} for role, content in chat]
                text = tokenizer.apply_chat_template(messages, chat_template=untagged(template), tokenize=False)
                prompt = tokenizer.apply_chat_template(messages, chat_template=untagged(template), tokenize=False, add_generation_prompt=True)
                whole = tokenizer.apply_chat_template(
                    messages, chat_template=tagged(template), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
                )
                assert text == tokenizer.apply_chat_template(messages, chat_template=tagged(template), tokenize=False), name
                cases.append({
                    "tokenizer": folder, "template": name, "messages": messages, "text": text, "prompt": prompt,
                    "ids": whole["input_ids"], "mask": whole["assistant_masks"],
                })  # fmt: skip
    templates = {name: {"tagged": tagged(template), "untagged": untagged(template)} for name, template in TEMPLATES.items()}
    FILE.write_text(json.dumps({"templates": templates, "cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
