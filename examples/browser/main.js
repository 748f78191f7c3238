/** Loads one of the shipped models and writes what it generates, token by token. */
import { fromPretrained } from 'portmanteau';

const names = ['granite-tiny', 'backpack-tiny', 'bitnet-tiny', 'mamba-tiny'];
const element = (id) => document.getElementById(id);
const say = (status) => {
  element('status').textContent = status;
};

for (const name of names) element('model').append(new Option(name));

let loaded; // { name, model }
let abort;

async function modelNamed(name) {
  if (loaded?.name === name) return loaded.model;
  await loaded?.model.dispose(); // its memory and its threads
  loaded = undefined;
  const model = await fromPretrained(new URL(`../../models/${name}`, import.meta.url), {
    onProgress: ({ loaded, total }) => say(`loading, ${Math.round((100 * loaded) / total)} %`),
  });
  loaded = { name, model };
  return model;
}

async function generate() {
  const model = await modelNamed(element('model').value);
  const prompt = element('prompt').value;
  element('text').textContent = prompt;
  const started = performance.now();
  let tokens = 0;
  const options = { maxNewTokens: 200, temperature: Number(element('temperature').value), signal: abort.signal };
  for await (const { id, text } of model.generate(prompt, options)) {
    element('text').append(text);
    if (id !== undefined) tokens++;
    say(`${tokens} tokens, ${Math.round((1000 * tokens) / (performance.now() - started))} per second`);
  }
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  abort = new AbortController();
  element('generate').disabled = true;
  element('stop').disabled = false;
  try {
    await generate();
  } catch (error) {
    if (!abort.signal.aborted) say(error.message);
  } finally {
    element('generate').disabled = false;
    element('stop').disabled = true;
  }
});
element('stop').addEventListener('click', () => abort.abort());

say(crossOriginIsolated ? 'This page is isolated: all cores compute.' : 'This page is not isolated: one core computes.');
