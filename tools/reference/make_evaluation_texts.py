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
    "none": "a column",
    "avaliación": 1,
    "whole": 2.0,
    "numbers": [3, 1.0, 2],
    "people": [{"name": "Bo", "age": 3, "pet": "cat"}, {"name": "al", "age": 1.0}, {"name": "Cy", "age": 3, "pet": ""}],
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
    "{{ whole }} {{ numbers }} {{ whole * 2 }} {{ answer * 1.0 }} {{ [whole]|join }} {{ whole == 2 }} {{ {'a': whole}|tojson }} {{ '%s %d' % (whole, whole) }}",
    "{{ numbers|sum }} {{ options|sum }}",
    "{{ [1, 2]|sum }} {{ numbers|sum }} {{ people|sum('age') }} {{ people|sum(attribute='age', start=1) }} {{ [[1], [2]]|sum(start=[]) }}",
    "{{ [0, 1, '', 'a', none]|select|list }} {{ [1, 2, 3, 4]|select('even')|join(',') }} {{ [1, 2, 3]|reject('gt', 1)|list }} {{ ['a', 1]|select('string')|list }}",
    "{{ people|selectattr('pet', 'defined')|map(attribute='name')|list }} {{ people|rejectattr('age', 'equalto', 3)|map(attribute='name')|join }} {{ people|selectattr('age', 'lt', 2)|list|length }}",
    "{{ people|selectattr('pet')|list }}",
    "{{ options|map('upper')|join(' ') }} {{ [1.5, 2]|map('int')|list }} {{ options|map('replace', 'x', 'XX')|list }} {{ people|map(attribute='pet', default='none')|list }} {{ numbers|map('string')|join('+') }}",
    "{% raw %}{{ as it stands }} {% if %} it's \\n{% endraw %}|{%- raw -%}  {{ x }} {%- endraw -%}  |",
    "{{ '%s is %d' | format(text, answer) }} {{ options|batch(2)|list }} {{ options|batch(2, '-')|list }} {{ [1, 2, 3, 4, 5]|slice(3)|list }} {{ [1, 2, 3, 4]|slice(3, 'x')|list }}",
    "{{ ['b', 'A', 'B', 'a']|unique|list }} {{ ['b', 'A', 'B', 'a']|unique(true)|list }} {{ ['b', 'A', 'B', 'a']|sort|list }} {{ ['b', 'A', 'B', 'a']|sort(reverse=true, case_sensitive=true)|list }} {{ people|sort(attribute='age,name')|map(attribute='name')|list }}",
    "{% for age, some in people|groupby('age') %}{{ age }}:{{ some|map(attribute='name')|join('+') }};{% endfor %}",
    "{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 0.125|round(2) }} {{ 1.1|round(method='ceil') }} {{ 42.55|round(1, 'floor') }} {{ 3|round }} {{ -2.5|round|int }}",
    "{{ numbers|max }} {{ numbers|min }} {{ ['b', 'A', 'C']|max }} {{ ['b', 'A', 'C']|min(true) }} {{ people|max(attribute='age') }}",
    "{{ []|max }}",
    "{{ []|first }}",
    "{{ text|truncate(8) }}|{{ 'one two three four'|truncate(9, leeway=0) }}|{{ 'one two three'|truncate(6, true, '..', 0) }}|{{ text|truncate }}",
    "{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb'|indent(2, true) }}|{{ 'a\n\nb'|indent('> ', blank=true) }}|{{ 'ab'|center(7) }}|{{ 'abc'|center(8) }}|{{ 'a b, c'|wordcount }}",
    "{{ \"it's a bird-cage (OLD)\"|title }} {{ 'aBC dEF'|capitalize }} {{ 'a/b c?&é'|urlencode }} {{ 'abc'|reverse }} {{ [1, 2]|reverse|list }} {{ {'b': 1, 'a': 2}|dictsort }}",
    "{{ '12'|int }} {{ '12.7'|int }} {{ ' 7 '|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ -3.9|int }} {{ true|int }} {{ '1.50'|float }} {{ 'x'|float }} {{ 3|float }} {{ '1e3'|float }} {{ -3|abs }} {{ -3.0|abs }}",
    "{{ 4 is divisibleby(2) }} {{ 4 is not divisibleby(3) }} {{ 'a' is in(['a']) }} {{ 'x' is in options }} {{ 'q' is not in options }} {{ answer is eq(2) }} {{ 3 is odd and 4 is even }} {{ whole is float }} {{ answer is integer }} {{ nothing is none }} {{ 'A1' is upper }}",
    "{{ nothing is odd }}",
    "{{ text|regex_replace('(?<=w)o', '0') }} {{ text|regex_replace('\\s+', ' ') }} {{ 'a.b'|regex_replace('\\.', '\\n') }} {{ 'ab'|regex_replace('(?P<x>a)(b)', '\\g<x>\\g<2>$1\\2') }}",
    "{{ '\\d \\101 \\a\\\\ \\u00e9 \\x41' }}{% for c in 'a𝒳' %}[{{ c }}]{% endfor %}{{ 'a𝒳b'[1] }}{{ 'a𝒳b'[-1] }}",
    "{{ {0: 'no', 1: 'yes'}[answer - 1] }} {{ ['no', 'yes'][flag] }} {{ 'y' in options }} {{ 'One' in text }} {{ 'text' in choices }} {{ none in [none] }} {{ ['a'] in [['a']] }} {{ 1 in [true] }}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }},{% endfor %}{% for k, v in choices.items() %}{{ k }}={{ v[0] }};{% endfor %}{% for k in choices %}{{ k }} {% endfor %}",
    "{{ [1, 2] * 2 }} {{ 2 * 'ab' }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7.5 // 2 }} {{ 2 ** 3 }} {{ 2 ** -1 }} {{ true + 1 }} {{ 1 / 2 }} {{ 4 / 2 }} {{ -7.5 % 2 }} {{ [1, 2] < [1, 3] }}",
    "{{ 1 / 0 }}",
    "{{ 1 < 'a' }}",
    "{% filter upper %}a {{ answer }}{% endfilter %}{% set ns = namespace(n=0) %}{% for o in options %}{% set ns.n = ns.n + loop.index %}{% endfor %}{{ ns.n }}",
    "{{ text|nofilter }}",
    "{{ nothing|d('e') }} {{ ''|default('f', true) }} {{ none|default('g') }} {{ choices.nothing|default(options[0]) }}",
    "{{ 'aXbX'.replace('X', '-', 1) }} {{ 'ab'.replace('', '.') }} {{ options|join(', ') ~ '!' }} {{ people|join('|', attribute='name') }}",
    "{{ none }} {{ True }} {{ ['ab', 'ac', 'b']|groupby(0)|map('first')|list }} {{ 'Avaliación' }}{{ avaliación }}",
    "{%+ if flag +%} a {%+ endif %}",
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
