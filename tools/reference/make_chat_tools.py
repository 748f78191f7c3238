"""
Makes tests/fixtures/chat-tools.json: `python make_chat_tools.py`. Conversations with tools through chat templates in the manners of Granite 3 and
Granite 4, several named templates, further variables, and messages to go on with: text and ids as transformers gives them (apply_chat_template).
"""

import json
from pathlib import Path

from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).parents[2]
FILE = ROOT / "tests" / "fixtures" / "chat-tools.json"
TOKENIZER = "tests/fixtures/tokenizer-cases/chat-template"

GRANITE_3 = """{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = 'You help.' %}
    {%- if tools %}
        {%- set system_message = system_message + ' Answer with <|tool_call|> and a JSON list.' %}
    {%- endif %}
    {%- set loop_messages = messages %}
{%- endif %}
{{- '<|start_of_role|>system<|end_of_role|>' + system_message + '<|end_of_text|>
' }}
{%- if tools %}
    {{- '<|start_of_role|>tools<|end_of_role|>' }}
    {{- tools | tojson(indent=4) }}
    {{- '<|end_of_text|>
' }}
{%- endif %}
{%- if documents %}
    {{- '<|start_of_role|>documents<|end_of_role|>' }}
    {%- for document in documents %}
        {{- 'Document ' + loop.index0 | string + '
' + document['text'] }}
        {%- if not loop.last %}
            {{- '

' }}
        {%- endif %}
    {%- endfor %}
    {{- '<|end_of_text|>
' }}
{%- endif %}
{%- for message in loop_messages %}
    {{- '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] + '<|end_of_text|>
' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_of_role|>assistant' }}
    {%- if controls %}
        {{- ' ' + controls | tojson }}
    {%- endif %}
    {{- '<|end_of_role|>' }}
{%- endif %}"""

GRANITE_4 = """{%- set ns = namespace(system='') %}
{%- if tools %}
    {%- set ns.system = 'These are the functions:
<tools>' %}
    {%- for tool in tools %}
        {%- set ns.system = ns.system + '
' + (tool | tojson) %}
    {%- endfor %}
    {%- set ns.system = ns.system + '
</tools>' %}
{%- endif %}
{%- if messages[0].role == 'system' %}
    {%- set ns.system = messages[0].content + ('

' if ns.system else '') + ns.system %}
{%- endif %}
{%- if ns.system %}
    {{- '<|start_of_role|>system<|end_of_role|>' + ns.system + '<|end_of_text|>
' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}
        {{- '<|start_of_role|>' + message.role + '<|end_of_role|>' + message.content + '<|end_of_text|>
' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|start_of_role|>assistant<|end_of_role|>' + (message.content or '') }}
        {%- for tool_call in message.tool_calls or [] %}
            {%- set call = tool_call.function or tool_call %}
            {%- if not loop.first or message.content %}
                {{- '
' }}
            {%- endif %}
            {{- '<tool_call>
{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments | tojson }}
            {{- '}
</tool_call>' }}
        {%- endfor %}
        {{- '<|end_of_text|>
' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|start_of_role|>user<|end_of_role|>' }}
        {%- endif %}
        {{- '
<tool_response>
' + message.content + '
</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}
            {{- '<|end_of_text|>
' }}
        {%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_of_role|>assistant<|end_of_role|>' }}
{%- endif %}"""

NAMED = {
    "default": "{% for m in messages %}{{ m.role + ': ' + m.content + eos_token }}{% endfor %}",
    "tool_use": "{{ tools | tojson }}{% for m in messages %}{{ m.content | trim }};{% endfor %}",
    "rag": "{{ documents[0].title }}{% for m in messages %} {{ m.content }}{% endfor %}",
}

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city \u2014 \"now\" & <here>, 20 \u00b0C",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "default": 1}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
TIME = {"type": "function", "function": {"name": "get_time", "description": "", "parameters": {"type": "object", "properties": {}}}}

ASK = [{"role": "user", "content": "Weather in Z\u00fcrich?"}]
SHORT = [{"role": "system", "content": "Be brief."}, *ASK]
CALLED = [
    *ASK,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Z\u00fcrich", "days": 2, "x": [1.5, None, True]}}},
            {"id": "c2", "type": "function", "function": {"name": "get_time", "arguments": {}}},
        ],
    },
    {"role": "tool", "content": "{\"temperature\": 20}", "tool_call_id": "c1"},
    {"role": "tool", "content": "noon", "tool_call_id": "c2"},
]
ANSWERED = [*CALLED, {"role": "assistant", "content": "It is warm."}, {"role": "user", "content": " Thanks\n"}]

TOOLS = [WEATHER, TIME]
CASES = [
    (GRANITE_3, ASK, {}),
    (GRANITE_3, ASK, {"tools": TOOLS}),
    (GRANITE_3, SHORT, {"tools": [TIME]}),
    (GRANITE_3, ASK, {"tools": []}),
    (GRANITE_3, ASK, {"documents": [{"title": "a", "text": "One."}, {"title": "b", "text": "Two."}]}),
    (GRANITE_3, ASK, {"controls": {"length": "short", "originality": None}}),
    (GRANITE_4, ASK, {"tools": TOOLS}),
    (GRANITE_4, SHORT, {"tools": [TIME]}),
    (GRANITE_4, SHORT, {}),
    (GRANITE_4, CALLED, {"tools": TOOLS}),
    (GRANITE_4, ANSWERED, {"tools": TOOLS}),
    (NAMED, ASK, {}),
    (NAMED, ASK, {"tools": TOOLS}),
    (NAMED, ASK, {"chat_template": "default", "tools": TOOLS}),
    (NAMED, ASK, {"chat_template": "rag", "documents": [{"title": "T", "text": "x"}]}),
    (GRANITE_3, [*ASK, {"role": "assistant", "content": "It is \n"}], {"continue_final_message": True}),
    (NAMED, [*ASK, {"role": "assistant", "content": " It is "}], {"continue_final_message": True, "chat_template": "default"}),
    (NAMED, [*ASK, {"role": "assistant", "content": " It is \n"}], {"continue_final_message": True, "tools": TOOLS}),
]


def main():
    tokenizer = PreTrainedTokenizerFast.from_pretrained(ROOT / TOKENIZER)
    cases = []
    for template, messages, options in CASES:
        tokenizer.chat_template = template
        ends = [False] if "continue_final_message" in options else [False, True]
        for end in ends:
            text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=end, **options)
            ids = tokenizer.apply_chat_template(messages, add_generation_prompt=end, return_dict=True, **options)["input_ids"]
            cases.append({"template": template, "messages": messages, "options": options, "end": end, "text": text, "ids": ids})
    FILE.write_text(json.dumps({"tokenizer": TOKENIZER, "cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
