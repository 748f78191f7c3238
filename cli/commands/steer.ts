/** `steer make` and `steer try`: vectors that push what a model writes into a direction. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  checkBeforeLoad,
  checkInterventions,
  checkMeans,
  checkSteering,
  checkTry,
  checkVectorFile,
  loadTensors,
  type MeanVectors,
  meanNotes,
  meanVectors,
  type OpenedModel,
  type Prompt,
  STEERING_OPTIONS,
  type SteeringOptions,
  type SteeringVectors,
  saveVectors,
  steeringNotes,
  steeringVectors,
  TRY_OPTIONS,
  type TryOptions,
  trialReport,
  trySteering,
  UsageError,
  type VectorTensor,
  vectorsReport,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { aNumber, collect, inputFile, listOf, outputFile, textFile, wholeNumber } from '../options.ts';
import { checkNotOfModel, checkOutput } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { withSteps } from '../steps.ts';
import { textList } from '../text-list.ts';
import { factsOf, WORD_ABOUT, wordArgument } from '../words.ts';

const MAKE_FLAGS = {
  sites: ['--sites <glob>', collect, 'may be given again'],
  method: '--method <how>',
  positions: [
    '--positions <which>',
    placesArgument,
    'last, all, a list as in 0,3,-1, or a range as in 2:-1 whose end is exclusive',
  ],
} as const satisfies Parameters<typeof libraryOptions<typeof STEERING_OPTIONS>>[2];

interface MakeFlags extends ModelFlags, ReportFlags, Pick<SteeringOptions, keyof typeof MAKE_FLAGS> {
  readonly positive?: string[];
  readonly negative?: string[];
  readonly mean?: string[];
  readonly out: string;
}

const TRY_FLAGS = {
  sites: ['--sites <glob>', collect, 'may be given again'],
  strengths: ['--strengths <list>', listOf(aNumber)],
  words: ['--words <list>', (text: string) => text.split(',').map(wordArgument), "as in ' good, bad'"],
  neutral: '--neutral <text>',
  maxNewTokens: ['-n, --max-new-tokens <n>', wholeNumber],
} as const satisfies Parameters<typeof libraryOptions<typeof TRY_OPTIONS>>[2];

interface TryFlags extends ModelFlags, ReportFlags, Pick<TryOptions, keyof typeof TRY_FLAGS> {
  readonly vectors: string;
  readonly neutralFile?: string;
}

export function addSteer(program: Command): void {
  const steer = program
    .command('steer')
    .description(
      'steering vectors: directions inside of a model, made of two kinds of texts, and what they do when they are added',
    );
  addMake(steer);
  addTry(steer);
}

function addMake(steer: Command): void {
  const model = modelOptions(steer.command('make'))
    .option(
      '--positive <file>',
      'texts of one kind, one a line; or .jsonl, whose lines are texts or objects with a text',
      textList,
    )
    .option('--negative <file>', 'texts of the other kind', textList)
    .option(
      '--mean <file>',
      'texts whose mean is written as mean.<site>, for interventions that set a site to it',
      textList,
    )
    .requiredOption('--out <file>', 'safetensors file to write, a vector per site', outputFile);
  const command = libraryOptions(model, STEERING_OPTIONS, MAKE_FLAGS).description(
    'make vectors that point from the negative texts to the positive ones, or means of a corpus',
  );
  reportOptions(command, 'out; steering and means, with method, positions, counts and hashes of the texts, and sites')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau steer make granite-tiny --positive she.txt --negative he.txt --out steer.safetensors
  portmanteau steer make granite-tiny --positive she.txt --negative he.txt --method pca --positions all --sites blocks.2.residPost --out pca.safetensors
  portmanteau steer make granite-tiny --mean corpus.txt --sites 'blocks.*.z' --out means.safetensors

A vector goes by the name of its site. A list of interventions adds them with { "site": "blocks.*.residPost", "add": { "vector": "{site}" }, "by": 2 },
and sets a site to its mean with { "site": "blocks.1.z", "set": { "vector": "mean.{site}" } }. Where positions are not named, vectors take the
last token of each text, and means take all. The mean difference keeps its length; the vector of pca has length 1, so that it wants greater
strengths: the table says how long the values are that it is added to.`),
    )
    .action(make);
}

async function make(reference: string, flags: MakeFlags): Promise<void> {
  const { positive, negative, mean, out } = flags;
  if (!positive && !negative && !mean)
    throw new UsageError('there are no texts: give --positive and --negative, or --mean, or all three.');
  if (!positive !== !negative) throw new UsageError('--positive and --negative belong together: give both.');
  await checkOutput(out);
  await checkReport(flags);
  const chosen = pickOptions(flags, MAKE_FLAGS);
  const options = positive && negative ? { ...chosen, positive, negative } : undefined;
  const { method: _, ...means } = chosen;
  const check = (opened: OpenedModel) => {
    const subject = { sites: opened.model.sites, encode: (text: Prompt) => checkBeforeLoad(opened, text) };
    if (options) checkSteering(subject, options);
    if (mean) checkMeans(subject, { ...means, texts: mean });
    for (const file of [out, flags.html]) checkNotOfModel(file, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const steering = options && (await withSteps((told) => steeringVectors(model, { ...options, ...told })));
    const corpus = mean && (await withSteps((told) => meanVectors(model, { ...means, texts: mean, ...told })));
    const vectors = new Map<string, VectorTensor>([...(steering?.vectors ?? []), ...(corpus?.vectors ?? [])]);
    const notes = { ...(steering ? steeringNotes(steering) : {}), ...(corpus ? meanNotes(corpus) : {}) };
    await saveVectors(model, out, vectors, notes, { signal: interrupt.signal });
    await tellMade(reference, flags, steering, corpus);
  });
}

/** The file holds the numbers; they are not told again. */
async function tellMade(
  reference: string,
  flags: MakeFlags,
  steering: SteeringVectors | undefined,
  means: MeanVectors | undefined,
): Promise<void> {
  const without = ({ vectors: _, ...rest }: MeanVectors) => rest;
  const withoutNumbers = ({ vectors: _, interventions: __, ...rest }: SteeringVectors) => rest;
  const result = {
    out: flags.out,
    ...(steering ? { steering: withoutNumbers(steering) } : {}),
    ...(means ? { means: without(means) } : {}),
  };
  const report = vectorsReport({ steering, means }, [
    ['model', reference],
    ['file', flags.out],
  ]);
  await tellReport(flags, result, report);
}

function addTry(steer: Command): void {
  const model = stateMemoryOption(modelOptions(steer.command('try')))
    .argument('<prompt>', 'the text to continue')
    .requiredOption('--vectors <file>', 'what `steer make` wrote', inputFile);
  const command = libraryOptions(model, TRY_OPTIONS, TRY_FLAGS)
    .description('the same prompt with vectors of several strengths side by side')
    .addOption(
      new Option('--neutral-file <file>', 'a file that holds the neutral text')
        .argParser(textFile)
        .conflicts('neutral'),
    );
  reportOptions(command, 'sites, words, and tries with strength, text, ids, logprobs of the words, perplexity')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau steer try granite-tiny 'One day the child said that' --vectors steer.safetensors --sites blocks.2.residPost --words ' she, he'
  portmanteau steer try granite-tiny 'There was once a' --vectors steer.safetensors --strengths -2,-1,0,1,2 --neutral 'The sun rose over the hills.' --html steer.html

The perplexity of a neutral text tells when the vectors are too strong: the model loses its language. Vectors in every block add up; one block in the
middle is often enough.
${WORD_ABOUT}`),
    )
    .action(tryVectors);
}

async function tryVectors(reference: string, prompt: string, flags: TryFlags): Promise<void> {
  await checkReport(flags);
  const vectors = vectorsOf(await loadTensors(flags.vectors), flags.vectors);
  const neutral = flags.neutral ?? flags.neutralFile;
  const options = { ...pickOptions(flags, TRY_FLAGS), vectors, ...(neutral === undefined ? {} : { neutral }) };
  const check = async (opened: OpenedModel) => {
    const warning = await checkVectorFile(opened, flags.vectors);
    if (warning !== undefined) process.stderr.write(`warning: ${warning}\n`);
    checkBeforeLoad(opened, prompt);
    if (neutral !== undefined) checkBeforeLoad(opened, neutral);
    const { facts, sites } = opened.model;
    const { sites: names, strengths } = checkTry({ facts, sites, tokenizer: opened.tokenizer }, options);
    const set = names.map((site) => ({ site, add: { vector: '{site}' }, by: Math.max(...strengths) }));
    checkInterventions(opened, { vectors, interventions: set });
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await withSteps((told) => trySteering(model, prompt, { ...options, ...told }));
    await tellReport(flags, result, trialReport(result, [...factsOf(reference, prompt), ['vectors', flags.vectors]]));
  });
}

/** Those that go by the name of a site; means of a corpus are for `set`. */
function vectorsOf(tensors: ReadonlyMap<string, VectorTensor>, file: string): Map<string, VectorTensor> {
  const found = new Map([...tensors].filter(([name]) => !name.startsWith('mean.')));
  if (found.size > 0) return found;
  throw new UsageError(`${file} has no steering vectors: make some with 'steer make --positive FILE --negative FILE'.`);
}

/** `last`, `all`, `0,3,-1` or `2:-1`. */
function placesArgument(text: string): NonNullable<SteeringOptions['positions']> {
  if (text === 'last' || text === 'all') return text;
  const [, from, to] = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*$/.exec(text) ?? [];
  if (from !== undefined || to !== undefined)
    return { ...(from === undefined ? {} : { from: Number(from) }), ...(to === undefined ? {} : { to: Number(to) }) };
  if (/^\s*-?\d+\s*(,\s*-?\d+\s*)*$/.test(text)) return text.split(',').map(Number);
  throw new InvalidArgumentError('Wanted last, all, places as in 0,3,-1, or a range as in 2:-1.');
}
