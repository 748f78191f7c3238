/** Templates of tasks become the texts that Jinja for Python makes of them (expected texts: jinja2 3.1.6 as the harness sets it up). */
import { expect, test } from 'vitest';
import { pythonRegex } from '../../src/evaluation/tasks/python-regex.ts';
import { parsePythonLiteral, pythonRepr } from '../../src/evaluation/tasks/python-text.ts';
import { createTemplate } from '../../src/evaluation/tasks/template.ts';
import cases from '../golden/evaluation/templates.json' with { type: 'json' };

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
