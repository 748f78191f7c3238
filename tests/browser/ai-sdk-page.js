/** Runs in a page: the AI SDK with a model that the page has loaded itself. */
import { embed, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { portmanteau } from '../../dist/src/ai-sdk/index.js';
import { createChatTemplate, fromPretrained } from '../../dist/src/web.js';

const TEMPLATE =
  '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}';

globalThis.answersOfSdk = async (reference) => {
  const model = await fromPretrained(reference, { threads: 1, relaxedSimd: false });
  const template = await createChatTemplate(TEMPLATE);
  const talker = portmanteau(model, { template });
  const call = { model: talker, prompt: 'Tell me about a cat.', maxOutputTokens: 12, temperature: 0, maxRetries: 0 };
  const { text, usage } = await generateText(call);
  let streamed = '';
  for await (const piece of streamText(call).textStream) streamed += piece;
  const stop = new AbortController();
  let aborted = 0;
  for await (const part of streamText({ ...call, maxOutputTokens: 4000, abortSignal: stop.signal }).fullStream) {
    if (part.type === 'text-delta' && aborted++ === 2) stop.abort();
    if (part.type === 'error') throw part.error;
  }
  const schema = jsonSchema({
    type: 'object',
    properties: { color: { enum: ['black', 'white'] } },
    required: ['color'],
    additionalProperties: false,
  });
  const formed = await generateText({ ...call, maxOutputTokens: 60, output: Output.object({ schema }) });
  const calls = await generateText({
    ...{ ...call, maxOutputTokens: 200, seed: 1, temperature: 1 },
    tools: { paint: tool({ inputSchema: schema, execute: ({ color }) => `It is ${color}.` }) },
    toolChoice: { type: 'tool', toolName: 'paint' },
    stopWhen: stepCountIs(1),
  });
  const { embedding } = await embed({ model: portmanteau.embeddingModel(model), value: 'A cat.', maxRetries: 0 });
  await model.dispose();
  return {
    ...{ text, streamed, aborted, outputTokens: usage.outputTokens, object: formed.output },
    tools: calls.toolResults.map(({ toolName, output }) => [toolName, output]),
    width: embedding.length,
  };
};
