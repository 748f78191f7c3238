/** Templates of tasks become the texts that Jinja for Python makes of them (expected texts: jinja2 3.1.6 as the harness sets it up). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parsePythonJson } from '../../src/checkpoint/python-json.ts';
import { pythonRegex } from '../../src/evaluation/tasks/python-regex.ts';
import { parsePythonLiteral, pythonRepr } from '../../src/evaluation/tasks/python-text.ts';
import { createTemplate } from '../../src/evaluation/tasks/template.ts';
import { floatOf } from '../../src/evaluation/tasks/whole-float.ts';
import type json from '../golden/evaluation/templates.json';

const FILE = new URL('../golden/evaluation/templates.json', import.meta.url);
/** With 1.0 as Python has it. */
const cases = parsePythonJson(readFileSync(FILE, 'utf8'), floatOf) as typeof json;

test.each(cases.rendered)('$template', ({ template, row, text }) => {
  const render = () => createTemplate(template).render(row as unknown as Record<string, unknown>);
  if (text === null) expect(render).toThrow(/cannot be filled|is no Jinja/);
  else expect(render()).toBe(text);
});

test.each(cases.literals)('the literal $text', ({ text, value }) => {
  if (value === undefined) expect(() => parsePythonLiteral(text)).toThrow();
  else expect(parsePythonLiteral(text)).toEqual(value);
});

test.each(cases.reprs)('$text is how Python writes a value', ({ value, text }) => {
  expect(pythonRepr(value)).toBe(text);
});

test.each(cases.found)('$pattern in $text', ({ pattern, text, matches }) => {
  expect([...text.matchAll(pythonRegex(pattern))].map((match) => match[0])).toEqual(matches);
});

test.each([
  ['{{ text|wordwrap(5) }}', /the filter 'wordwrap' is not supported in templates: known are abs, /],
  ['{{ text|e }}', /the filter 'e' is not supported/],
  ['{{ text is sameas(text) }}', /the test 'sameas' is not supported in templates: known are defined, /],
  ["{{ [{'a': 1}]|map(attribute='b')|list }}", /has no attribute 'b'/],
  ['{{ [1]|batch }}', /'batch' came with 0/],
  ["{{ 'a'|replace('a') }}", /None came as an argument, wanted a text/],
  ['{{ text.strip }}', /a function or method has no text: call it with \(\)/],
  ["{{ [1, 'a']|sort }}", /have no order/],
  ['{{ text|upper(1) }}', /there are 1 arguments, wanted 0 at most/],
  ["{% include 'a' %}", /is no Jinja: .*include/],
  ["{{ '\\N{BULLET}' }}", /names of characters/],
])('%s is an error that tells what is wrong', (template, message) => {
  expect(() => createTemplate(template).render({ text: 'a' })).toThrow(message);
});
