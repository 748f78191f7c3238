"""Makes tests/golden/evaluation/templates.json: what jinja2 (set up as lm-evaluation-harness 0.4.13 does), ast and re of Python make of small cases."""

import ast
import json
import re
from pathlib import Path

from jinja2 import BaseLoader, Environment, StrictUndefined

OUT = Path(__file__).parents[2] / "tests" / "golden" / "evaluation" / "templates.json"

ROW = {
    "question": "  What's \"red\"?\n",
    "choices": {"text": ["an apple", "a 'pear'"], "label": ["A", "B"]},
    "answerKey": "B",
    "answer": 2,
    "score": 0.5,
    "flag": True,
    "missing": None,
    "options": ["x", "y", "z"],
    "text": "One two  three",
    "name": "ÉCOLE 𝒳 ß",
}
TEMPLATES = [
    "Question: {{question}}\nAnswer:",
    "{{question.strip()}}\nA. {{options[0]}}\n",
    "{{choices.label.index(answerKey)}}",
    "{{choices.label.index(answerKey.lstrip())}}",
    "{{choices.text}}",
    "{{[question, text]}}",
    "{{text.split(' ')[:-1]|join(' ')}}",
    "{{' '+text.split(' ')[-1]}}",
    "{{text.split()}} {{text.split(None, 1)}} {{text.split('o', 1)}} {{text.rsplit(' ', 1)}}",
    "{{answer}} {{score}} {{flag}} {{missing}} {{options|length}} {{name|length}}",
    "{% set a = 'Q: one\n' %}{{a + question}}",
    "{% if flag %}yes{% else %}no{% endif %}|{% for o in options %}{{loop.index}}{{o}},{% endfor %}",
    "{% if missing %}a{% endif %}{{ 'b' if answer == 2 else 'c' }}",
    "{{nothing}}",
    "{{choices.nothing}}",
    "{{nothing|default('d')}} {{ nothing is defined }}",
    "{{text|regex_replace('o(.)', '<\\\\1>')}} {{text|regex_replace('e', '', 1)}}",
    "{{name.capitalize()}} {{name.lower()}} {{name.title()}}",
    "{{text.rstrip('e')}} {{text.find('t')}} {{text.count('e')}} {{text.replace('t', 'T')}}",
    "{{options[1:]}} {{options[-1]}} {{options + ['w']}} {{options.count('x')}}",
    "{{ ['no', 'yes'][answer - 1] }} {{ answer * 3 }} {{ answer / 4 }} {{ answer // 2 }} {{ 3.0 }}",
    "  {{- text -}}  end  \n\n",
    "{# a comment #}{{ text.startswith('One') and not flag }}",
    "{{ choices }}",
    "{% unclosed",
    "{{ text[0] }}{{ text[:3] }} {{ text.upper() }} {{ ', '.join(options) }}",
    "plain text, with } and { and % signs",
    "{{ [1, none, true, 'a', 1.5]|join('/') }} {{ [1, none]|join }} {{ options|join(answer) }} {{ text|join('-') }} {{ choices|join(' ') }}",
    "{{ choices|tojson }} {{ name|tojson }} {{ question|tojson }} {{ '<a&b>'|tojson }} {{ []|tojson(indent=2) }}",
    "{{ [1, none, true, 0.5, {'b': 1, 'a': 2}]|tojson }} {{ {'b': 1, 'a': [2]}|tojson(indent=2) }}",
    "{{ flag ~ missing ~ 1.0 ~ options }} {{ options|string }} {{ flag|string }} {{ missing|string }} {{ 3|string }}",
    "{{ 'a' + 1 }}",
    "{{ text|list }} {{ choices|list }} {{ options|list }}",
    "{{ 1 if flag else 2 }}{{ 'x' if missing }}|{% for o in [none, true, 1.0] %}{{ o }},{% endfor %}",
    "{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(none) }}{% set a %}{{ missing }}{% endset %}{{ a }}",
    "{{ -7 % 3 }} {{ 7 % -3 }} {{ 'ab' * 2 }} {{ 'a' < 'b' }} {{ 'a' >= 'ab' }}",
    "{{ '1' == 1 }} {{ ['a'] == ['a'] }} {{ 1 == true }} {{ choices.text != [] }} {{ answer == 2.0 }} {{ missing == none }}",
    "{{ '%s: %d of %.2f, 5%%' % (text, answer, score) }} {{ '%s' % name }}",
    "{{ '%s %s' % text }}",
]
LITERALS = [
    "['a', \"b's\"]",
    "['a\\n\\'b\\x41\\u00e9', 1, -2.5, True, None]",
    "('a', 'b',)",
    "{'a': [1, 2], 'b': 'c'}",
    "'one' 'two'",
    "3",
    "[1, 2",
    "__import__('os')",
    "'a', 'b'",
    "[]",
    "('x')",
]
REPRS = ["it's", 'both \' and "', "new\nline\ttab\\", "é 𝒳 \x00 \u00a0\u200b", ["a", 1, None, True, 0.5], {"a": "b"}, 1e-05, 1e22, 0.1]
FOUND = [
    (r"#### (\-?[0-9\.\,]+)", "#### 1,234. and #### -5"),
    (r"(-?[$0-9.,]{2,})|(-?[0-9]+)", "It costs $12.50, or 7 or -3"),
    (r"(?s).*#### ", "a\nb #### 4"),
    (r"\.$", "end.\n"),
    (r"\\$", "a\\"),
    (r"\$", "$5"),
    (r"\d+\s*[-–]\s*\d+", "3 - 4 and ٣–٤"),
    (r"(?i)answer is:? ([\w.-]+)", "The ANSWER is: a-b.c"),
    (r"(?P<letter>[A-D])\b", "A, B) Cd"),
    (r"^a.c$", "a\rc"),
    (r"\[.*?\]", "[x] [y\nz]"),
    (r"{a}", "{a}"),
    (r"[\]\[]", "[a]"),
]


def regex_replace(string, pattern, repl, count=0):
    return re.sub(pattern, repl, string, count=count)


def main():
    env = Environment(loader=BaseLoader, undefined=StrictUndefined, keep_trailing_newline=True)
    env.filters["regex_replace"] = regex_replace

    def rendered(template):
        try:
            return env.from_string(template).render(**ROW)
        except Exception:
            return None

    def literal(text):
        try:
            value = ast.literal_eval(text)
            return {"text": text, "value": list(value) if isinstance(value, tuple) else value}
        except (SyntaxError, ValueError):
            return {"text": text}

    out = {
        "rendered": [{"template": t, "row": ROW, "text": rendered(t)} for t in TEMPLATES],
        "literals": [literal(t) for t in LITERALS],
        "reprs": [{"value": v, "text": repr(v)} for v in REPRS],
        "found": [{"pattern": p, "text": t, "matches": [m.group(0) for m in re.finditer(p, t)]} for p, t in FOUND],
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
