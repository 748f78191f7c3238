/** Special tokens on the command line: in prompts, in texts from users, as stop texts, and from older files. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { cli } from './cli.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tokenizer-cases/${name}`, import.meta.url));
const llama = fixture('stop-special-token');

test('tokenize reads vocab.json and merges.txt', async () => {
  const { stdout } = await cli(['tokenize', fixture('slow-tokenizer-files'), 'Once upon a time']);
  expect(stdout).toBe('47,78,328,691,259,543\n');
});

test('tokenize warns of an added token with another id, and takes the one of the vocabulary', async () => {
  const { code, stdout, stderr } = await cli(['tokenize', fixture('tokenizer-added-id-mismatch'), 'the']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '349\n' });
  expect(stderr).toMatch(/"the" \(9999 is listed, 349 counts\)/);
});

test('tokenize shows one begin-of-text, and special tokens as text with --split-special-tokens', async () => {
  const once = await cli(['tokenize', llama, '<|bos|>Hello']);
  const plain = await cli(['tokenize', llama, 'Hello']);
  expect(once.stdout).toBe(plain.stdout);
  const special = await cli(['tokenize', llama, 'x<|eot_id|>']);
  expect(special.stdout).toMatch(/,521\n$/);
  const literal = await cli(['tokenize', llama, 'x<|eot_id|>', '--split-special-tokens']);
  expect(literal.stdout).not.toMatch(/,521\n$/);
});

test('run ends after a special token that --stop names', async () => {
  const { stdout } = await cli(['run', llama, 'Hello', '-n', '8', '--stop', '<|start_header_id|>', '--json']);
  const { ids, text, finishReason } = JSON.parse(stdout);
  expect({ ids, text, finishReason }).toEqual({ ids: [519], text: '', finishReason: 'stop' });
});

test('run and score read special tokens of a text as text with --split-special-tokens', async () => {
  const wanted = (await cli(['tokenize', llama, '<|eot_id|>', '--split-special-tokens'])).stdout.trim();
  const run = await cli(['run', llama, '<|eot_id|>', '-n', '1', '--json', '--split-special-tokens']);
  expect(JSON.parse(run.stdout).promptIds.join()).toBe(wanted);
  const score = await cli(['score', llama, '--text', '<|eot_id|>', '--json', '--split-special-tokens']);
  expect(
    JSON.parse(score.stdout)
      .tokens.map(({ id }: { id: number }) => id)
      .join(),
  ).toBe(wanted);
});
