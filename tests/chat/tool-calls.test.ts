/** Calls of functions in answers: the cases of vLLM's tool parsers granite and granite4, and laws of streams. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { templateMessages } from '../../src/chat/template-messages.ts';
import { parseToolCalls, ToolCallStream } from '../../src/chat/tool-calls.ts';

const a = { name: 'get_weather', arguments: { city: 'Zürich', days: [1, null, true] } };
const b = { name: 'get_time', arguments: {} };
const called = (...calls: (typeof a | typeof b)[]) =>
  calls.map(({ name, arguments: given }) => ({ name, arguments: JSON.stringify(given) }));
const block = (call: unknown) => `<tool_call>\n${JSON.stringify(call)}\n</tool_call>`;

const CASES: [string, string, ReturnType<typeof called>][] = [
  ['Just a text.', 'Just a text.', []],
  [`<|tool_call|> ${JSON.stringify([a])}`, '', called(a)],
  [` <tool_call>${JSON.stringify([a, b])}\n`, '', called(a, b)],
  [JSON.stringify([a, b]), '', called(a, b)],
  [block(a), '', called(a)],
  [`I will look.\n${block(a)}\n${block(b)}`, 'I will look.', called(a, b)],
  ['[1, 2, 3] are numbers', '[1, 2, 3] are numbers', []],
  ['[1, 2, 3]', '[1, 2, 3]', []],
  ['[]', '[]', []],
  ['<|tool_call|>[{"name": "x"', '<|tool_call|>[{"name": "x"', []],
  ['<tool_call>{"name": "x", "arguments": {}}', '<tool_call>{"name": "x", "arguments": {}}', []],
  ['<tool_call>{"name": 3}</tool_call>', '<tool_call>{"name": 3}</tool_call>', []],
];

describe('calls in answers', () => {
  test.each(CASES)('%j', (text, content, toolCalls) => {
    expect(parseToolCalls(text)).toEqual({ content, toolCalls });
  });

  test('a stream gives the calls of the whole, and its text, however it is divided', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CASES), fc.array(fc.nat(12)), ([text, content, toolCalls], sizes) => {
        const stream = new ToolCallStream();
        let shown = '';
        let rest = text;
        for (const size of sizes) {
          shown += stream.push(rest.slice(0, size));
          rest = rest.slice(size);
        }
        shown += stream.push(rest);
        const end = stream.end();
        expect(end.toolCalls).toEqual(toolCalls);
        expect((shown + end.content).trim()).toBe(content.trim());
      }),
    );
  });

  test('plain text is not held back', () => {
    const stream = new ToolCallStream();
    expect(stream.push('Once')).toBe('Once');
    expect(stream.push(' upon <')).toBe(' upon ');
    expect(stream.push('b>')).toBe('<b>');
  });
});

describe('messages of the API', () => {
  test('become what templates read', () => {
    const call = { id: 'x', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    expect(
      templateMessages([
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [call] },
      ]),
    ).toEqual([
      { role: 'user', content: 'a\nb' },
      { role: 'assistant', content: '', tool_calls: [{ ...call, function: { name: 'f', arguments: { a: 1 } } }] },
    ]);
  });

  test('with an image are an error that says where', () => {
    expect(() => templateMessages([{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }])).toThrow(
      /messages\[0\]\.content\[0\] is of type "image_url": these models read text only/,
    );
  });
});
