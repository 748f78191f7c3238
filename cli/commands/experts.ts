/** `experts`: what the experts of a mixture do. */
import { type Command, Option } from 'commander';
import {
  ablateExperts,
  checkExpertAblation,
  checkExpertWrites,
  compareLoads,
  EXPERT_ABLATION_OPTIONS,
  EXPERT_TOKENS_OPTIONS,
  EXPERT_WRITES_OPTIONS,
  encodePrompt,
  expertAblationReport,
  expertLoad,
  expertPairsReport,
  expertTokens,
  expertWrites,
  fromPretrained,
  type LoadAgreement,
  loadReport,
  mixturesOf,
  modelsReport,
  type OpenedModel,
  openPretrained,
  type Report,
  type RoutingAgreement,
  routeReport,
  routingAgreement,
  textsReport,
  tokenExperts,
  tokensReport,
  UsageError,
  WEIGHT_FORMATS,
  type WeightFormat,
  windowsOf,
  writesReport,
} from '../../src/node.ts';
import { type AnalysisFlags, analyse, analysisCommand, windowOption } from '../analysis.ts';
import { helpText } from '../help-text.ts';
import { libraryOptions } from '../library-options.ts';
import { withProgress } from '../load.ts';
import { listOf, modelReference, wholeNumber } from '../options.ts';
import { positionArgument, WORD_ABOUT, wordArgument } from '../words.ts';

const checkMixture = ({ layers }: AnalysisFlags) => {
  return ({ model }: OpenedModel): void => void mixturesOf(model, layers);
};

export function addExperts(program: Command): void {
  const experts = program
    .command('experts')
    .description('who does what in a mixture of experts: load, tokens, pairs, words, what is lost without them')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau experts load granite-tiny --text-file story.txt
  portmanteau experts tokens granite-tiny --text-file story.txt --layers 0 --by lift
  portmanteau experts route granite-tiny --text '"Oh!" said Alice, "a rabbit!"'
  portmanteau experts writes granite-tiny --text-file story.txt --layers 3
  portmanteau experts ablate granite-tiny --text 'Once upon a time there was a' --word ' little' --against ' great'
  portmanteau experts pairs granite-tiny --text-file story.txt --html pairs.html
  portmanteau experts agree granite-tiny --text 'Once upon a time' --with-text '"Oh dear!" said Alice.'
  portmanteau experts agree granite-tiny --text-file story.txt --with-weights q4

Models without a mixture are told so before their weights are read; 'portmanteau info MODEL' lists what a model has.`),
    );
  addLoad(experts);
  addTokens(experts);
  addWrites(experts);
  addAblate(experts);
  addAgree(experts);
}

function addLoad(experts: Command): void {
  windowOption(
    analysisCommand(experts, 'load', 'tokens, experts, active, and layers with shares, counts and entropies in bits'),
  )
    .description('how the tokens of a text are divided among the experts of each layer, and how sure the router is')
    .action((reference: string, flags: AnalysisFlags) =>
      analyse(reference, flags, {
        check: checkMixture(flags),
        run: (model, prompt, told) => expertLoad(model, prompt, { ...told, ...pick(flags) }),
        report: loadReport,
      }),
    );
  windowOption(
    analysisCommand(experts, 'pairs', 'as of load; `together` of each layer counts tokens that went to both'),
  )
    .description('which experts are chosen together')
    .action((reference: string, flags: AnalysisFlags) =>
      analyse(reference, flags, {
        check: checkMixture(flags),
        run: (model, prompt, told) => expertLoad(model, prompt, { ...told, ...pick(flags) }),
        report: expertPairsReport,
      }),
    );
}

const pick = ({ layers, window }: AnalysisFlags) => ({ layers, window });

interface TokensFlags extends AnalysisFlags {
  readonly top?: number;
  readonly by?: 'count' | 'gate' | 'lift';
  readonly least?: number;
}

function addTokens(experts: Command): void {
  const tokens = windowOption(
    analysisCommand(
      experts,
      'tokens',
      'layers, their experts, and of each the tokens with count, occurrences, gate, lift',
    ),
  );
  libraryOptions(tokens, EXPERT_TOKENS_OPTIONS, { top: '--top <k>', by: '--by <order>', least: '--least <n>' })
    .description(
      'which tokens go to each expert: the most frequent, the strongest, or those that go there more than others',
    )
    .action((reference: string, { top, by, least, ...flags }: TokensFlags) =>
      analyse(reference, flags, {
        check: checkMixture(flags),
        run: (model, prompt, told) => expertTokens(model, prompt, { ...told, ...pick(flags), top, by, least }),
        report: tokensReport,
        shown: 1,
      }),
    );
  windowOption(analysisCommand(experts, 'route', 'layers, and tokens with the experts and gates of each layer'))
    .description('to which experts each token of a text goes')
    .action((reference: string, flags: AnalysisFlags) =>
      analyse(reference, flags, {
        check: checkMixture(flags),
        run: (model, prompt, told) => tokenExperts(model, prompt, { ...told, ...pick(flags) }),
        report: routeReport,
      }),
    );
}

interface WritesFlags extends AnalysisFlags {
  readonly top?: number;
  readonly position?: number;
}

function addWrites(experts: Command): void {
  const writes = windowOption(
    analysisCommand(experts, 'writes', 'writes with layer, expert, tokens, gate, spread, and words raised and lowered'),
  );
  libraryOptions(writes, EXPERT_WRITES_OPTIONS, { top: '--top <k>', position: ['--position <n>', positionArgument] })
    .description('what each expert writes: the words whose logits its output raises and lowers')
    .action((reference: string, { top, position, ...flags }: WritesFlags) =>
      analyse(reference, flags, {
        check: ({ model, tokenizer }, prompt) =>
          void checkExpertWrites(model, encodePrompt({ tokenizer }, prompt).length, { layers: flags.layers, position }),
        run: (model, prompt, told) => expertWrites(model, prompt, { ...told, ...pick(flags), top, position }),
        report: writesReport,
      }),
    );
}

interface AblateFlags extends AnalysisFlags {
  readonly experts?: number[];
  readonly together?: boolean;
  readonly word?: string | number;
  readonly against?: string | number;
}

function addAblate(experts: Command): void {
  const ablate = windowOption(
    analysisCommand(experts, 'ablate', 'measure, baseline, and ablations with layers, experts, tokens, value, change'),
  );
  libraryOptions(ablate, EXPERT_ABLATION_OPTIONS, {
    experts: ['--experts <list>', listOf(wholeNumber), 'as in 0,7'],
    together: '--together',
    word: ['--word <word>', wordArgument],
    against: ['--against <word>', wordArgument],
  })
    .description('what is lost without an expert: each is switched off in turn, and the next best take its place')
    .addHelpText('after', helpText(`\n${WORD_ABOUT}`))
    .action((reference: string, { experts, together, word, against, ...flags }: AblateFlags) => {
      const options = { ...pick(flags), experts, together, word, against };
      return analyse(reference, flags, {
        check({ model: { sites, parameters, facts }, tokenizer }, prompt) {
          const tokens = encodePrompt({ tokenizer }, prompt).length;
          checkExpertAblation({ sites, parameters, facts, tokenizer }, tokens, options);
        },
        run: (model, prompt, told) => ablateExperts(model, prompt, { ...told, ...options }),
        report: expertAblationReport,
      });
    });
}

interface AgreeFlags extends AnalysisFlags {
  readonly withText?: string;
  readonly withModel?: string;
  readonly withWeights?: WeightFormat;
}

type Agreement = { readonly texts: readonly LoadAgreement[] } | { readonly models: RoutingAgreement };

function addAgree(experts: Command): void {
  windowOption(
    analysisCommand(
      experts,
      'agree',
      '`texts`: layers with overlap, divergence, change; or `models`: layers with shares',
    ),
  )
    .description('how far two texts use the same experts, or two models on one text')
    .option('--with-text <text>', 'compare with the experts of this text')
    .option('--with-model <model>', 'compare with this model, which reads the same tokens', modelReference)
    .addOption(
      new Option('--with-weights <format>', 'compare with the model in this format of weights').choices(WEIGHT_FORMATS),
    )
    .action(agree);
}

async function agree(reference: string, { withText, withModel, withWeights, ...flags }: AgreeFlags): Promise<void> {
  const twoModels = withModel !== undefined || withWeights !== undefined;
  if (twoModels === (withText !== undefined))
    throw new UsageError('agreement is of two: give --with-text, or --with-model or --with-weights.');
  const other = withModel ?? reference;
  const otherFlags = withWeights === undefined ? flags : { ...flags, weights: withWeights };
  if (twoModels) await checkOther(other, otherFlags);
  await analyse<Agreement>(reference, flags, {
    check(opened) {
      checkMixture(flags)(opened);
      if (withText !== undefined) windowsOf(opened, withText, { window: flags.window });
    },
    async run(model, prompt, told) {
      const options = { ...told, ...pick(flags) };
      if (withText !== undefined) {
        const [first, second] = [await expertLoad(model, prompt, options), await expertLoad(model, withText, options)];
        return { texts: compareLoads(first, second) };
      }
      const second = await withProgress('loading', otherFlags, (load) => fromPretrained(other, load));
      try {
        return { models: await routingAgreement(model, second, prompt, options) };
      } finally {
        await second.dispose();
      }
    },
    report: (result, facts) =>
      agreementReport(result, [...facts, ['with', withText ?? [other, withWeights].filter(Boolean).join(', ')]]),
  });
}

const agreementReport = (result: Agreement, facts: Report['facts']): Report =>
  'texts' in result ? textsReport(result.texts, facts) : modelsReport(result.models, facts);

/** Has the other model a mixture too? Throws UsageError if not, before the first one is loaded. */
async function checkOther(reference: string, flags: AnalysisFlags): Promise<void> {
  await withProgress('pulling', flags, async (options) => {
    const opened = await openPretrained(reference, options);
    try {
      checkMixture(flags)(opened);
    } finally {
      await opened.checkpoint.close();
    }
  });
}
