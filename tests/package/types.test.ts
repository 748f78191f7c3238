/** The published types can be read by projects of every kind without skipLibCheck, and the entries have what they have at run time. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newProject, type Project, root } from './project.ts';

const NODE = `
import { enableEngineFeatures, fromPretrained, loadTensors, openPretrained, quantizeModel, saveModel } from 'ENTRY';
enableEngineFeatures();
const model = await fromPretrained('mamba-tiny', { threads: 2 });
await saveModel(model, 'folder');
await quantizeModel(await openPretrained('mamba-tiny', { weights: 'q8' }), 'other');
for (const [name, { shape, data }] of await loadTensors('file')) [name.length, shape[0], data.length];
const { text } = await model.complete('Once', { maxNewTokens: 2 });
const length: number = text.length;
// @ts-expect-error: a text is no number, so the types are not any
const wrong: number = text;
export { length, wrong };
`;

const WEB = `
import { fromPretrained, httpFolder, loadTensors, memoryFolder } from 'portmanteau/web';
const files = memoryFolder(new Map([['config.json', new Uint8Array(1)]]));
const model = await fromPretrained(files, { workerUrl: '/worker.js', tokenizer: httpFolder('https://example.org') });
for await (const { text } of model.generate('Once')) text.length;
// @ts-expect-error: there is no such option
await model.complete('Once', { maxTokens: 3 });
await loadTensors(new Uint8Array(1));
`;

const AI_SDK = `
import { fromPretrained } from 'portmanteau/web';
import { createPortmanteau, portmanteau } from 'portmanteau/ai-sdk';
const model = await fromPretrained('https://example.org/model');
const talker = portmanteau(model, { minP: 0.1, id: 'talker' });
const { content, usage } = await talker.doGenerate({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] });
const { stream } = await createPortmanteau({ models: { small: model } })('small').doStream({ prompt: [] });
const count: number = usage.outputTokens.total + content.length;
// @ts-expect-error: there is no such setting
portmanteau(model, { min_p: 0.1 });
await portmanteau.embeddingModel(model, { pooling: 'last' }).doEmbed({ values: ['Hi'] });
export { count, stream };
`;

const SERVER = `
import { fromPretrained } from 'portmanteau/web';
import { createHandler, servedModel } from 'portmanteau/server';
const model = await fromPretrained('https://example.org/model');
const { fetch: answer, sessions } = await createHandler({ models: [servedModel('a', model, { maxSequences: 4 })] }, { capture: true });
const names: string[] = sessions.list().map(({ name }) => name);
// @ts-expect-error: there is no such option
await createHandler({ models: [] }, { captures: true });
export { answer, names };
`;

let project: Project;
beforeAll(() => {
  project = newProject();
  for (const name of ['@types/node', 'undici-types'])
    cpSync(join(root, 'node_modules', name), join(project.folder, 'node_modules', name), { recursive: true });
  project.write('node.ts', NODE.replace('ENTRY', 'portmanteau/node'));
  project.write('main.ts', NODE.replace('ENTRY', 'portmanteau'));
  project.write('web.ts', WEB);
  project.write('ai-sdk.ts', AI_SDK);
  project.write('server.ts', SERVER);
});
afterAll(() => project.remove());

const MODULES = {
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
} satisfies Record<string, ts.CompilerOptions>;

/** What the compiler says of these files. */
function problemsIn(files: readonly string[], options: ts.CompilerOptions): string[] {
  const rootNames = files.map((file) => join(project.folder, file));
  const all = { noEmit: true, strict: true, skipLibCheck: false, target: ts.ScriptTarget.ES2022, ...options };
  const host = ts.createCompilerHost(all);
  host.getCurrentDirectory = () => project.folder;
  const program = ts.createProgram({ rootNames, options: all, host });
  const shown = ({ file, messageText }: ts.Diagnostic) =>
    `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  return ts.getPreEmitDiagnostics(program).map(shown);
}

const LIBRARIES: [string, Pick<ts.CompilerOptions, 'lib' | 'types'>][] = [
  ['neither DOM nor @types/node', { lib: ['lib.es2022.d.ts'], types: [] }],
  ['DOM', { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: [] }],
  ['@types/node', { lib: ['lib.es2022.d.ts'], types: ['node'] }],
  ['DOM and @types/node', { lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'], types: ['node'] }],
];

/** Not all of all: each program takes a second or two. */
const librariesOf = (kind: keyof typeof MODULES) => LIBRARIES.slice(0, { bundler: 3, node16: 1, nodenext: 4 }[kind]);

describe.each(Object.keys(MODULES) as (keyof typeof MODULES)[])('with moduleResolution %s', (kind) => {
  test.each(librariesOf(kind))('all entries have types with %s', { timeout: 120_000 }, (_, libraries) => {
    const strictest = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
    const files = ['node.ts', 'web.ts', 'ai-sdk.ts', 'server.ts', ...(kind === 'bundler' ? [] : ['main.ts'])];
    expect(problemsIn(files, { ...MODULES[kind], ...libraries, ...strictest })).toEqual([]);
  });
});

test('with moduleResolution bundler, the condition `node` gives the main entry the types of Node', {
  timeout: 120_000,
}, () => {
  const [, libraries] = LIBRARIES[3]!;
  expect(problemsIn(['main.ts'], { ...MODULES.bundler, ...libraries, customConditions: ['node'] })).toEqual([]);
});

test('editors show the doc comments of all options', { timeout: 120_000 }, () => {
  const file = join(project.folder, 'documented.ts');
  project.write(
    'documented.ts',
    `import type { CaptureOptions, HubOptions, PretrainedOptions, PromptOptions, ScoreOptions } from 'portmanteau/node';
export type All = PretrainedOptions & PromptOptions & ScoreOptions & CaptureOptions & HubOptions;`,
  );
  const options = { ...MODULES.nodenext, strict: true, lib: ['lib.es2022.d.ts'], types: [] };
  const program = ts.createProgram({ rootNames: [file], options });
  const checker = program.getTypeChecker();
  const [alias] = checker.getExportsOfModule(
    checker.getSymbolAtLocation(program.getSourceFile(file) as ts.Node) as ts.Symbol,
  );
  const properties = checker.getDeclaredTypeOfSymbol(alias as ts.Symbol).getProperties();
  expect(properties.length).toBeGreaterThan(60);
  const without = properties.filter((one) => one.getDocumentationComment(checker).length === 0).map(({ name }) => name);
  expect(without.filter((name) => !['signal', 'onProgress'].includes(name))).toEqual([]);
  const topK = properties.find(({ name }) => name === 'topK') as ts.Symbol;
  expect(ts.displayPartsToString(topK.getDocumentationComment(checker))).toMatch(/^Keeps the k most likely tokens/);
});
