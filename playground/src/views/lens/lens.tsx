/** Lens: what the model would say after each layer, where it looks, which part makes a prediction, and what a single value carries. */
import { attentionReport, attributionReport, lensReport, patchingReport, type Report } from '../../../../src/web.ts';
import type { Loaded } from '../../models.ts';
import { Range, Switch, Text, Word } from '../../parts/fields.tsx';
import { ReportView } from '../../parts/figure.tsx';
import { useRun } from '../../parts/run.ts';
import { Said } from '../../parts/said.tsx';
import { Tabs } from '../../parts/tabs.tsx';
import { wordsWithin, wordWithin } from '../../parts/word-within.ts';
import { useSetting } from '../../place.ts';
import { hasSite, type ViewProps } from '../view.ts';

const hasAttention = hasSite('pattern');
const hasSenses = hasSite('senses');

type Show = 'lens' | 'attention' | 'attribution' | 'patching';

const ABOUT: Readonly<Record<Show, string>> = {
  lens: 'If the model ended after a layer, what would it say next? From below to above, its guess becomes its answer.',
  attention: 'How much each token (a row) looks at each token before it (a column), in every head of a layer.',
  attribution:
    'Each part of the model adds to the score of the next word. The bars sum to the score that the model gives.',
  patching:
    'Two texts that differ in a word. The second is read with a single value of the first: where does the difference live?',
};

interface Asked {
  readonly show: Show;
  readonly text: string;
  readonly other: string;
  readonly word: string;
  readonly against: string;
  readonly layer: number;
  readonly perHead: boolean;
}

const TOP = 5;

async function reportOf({ library, model, seen }: Loaded, asked: Asked, signal: AbortSignal): Promise<Report> {
  const { show, text, other, word, against, layer, perHead } = asked;
  switch (show) {
    case 'lens':
      return lensReport(
        await library.logitLens(model, text, { top: TOP, ...(word ? { word: wordWithin(word) } : {}), signal }),
        [],
      );
    case 'attention':
      return attentionReport(await library.attentionPatterns(model, text, { layers: [layer], signal }), []);
    case 'attribution':
      return attributionReport(
        await library.attributeLogit(model, text, { ...wordsWithin(word, against), perHead, signal }),
        [],
      );
    case 'patching':
      return patchingReport(
        await library.patchActivations(model, {
          ...{ clean: text, corrupted: other, ...wordsWithin(word, against), signal },
          // A Backpack's layers only weigh the senses, which tell the words.
          ...(hasSenses(seen) ? { sites: ['blocks.*.residPre', 'senses'] } : {}),
        }),
        [],
      );
  }
}

export function LensView({ loaded }: ViewProps) {
  const { seen } = loaded;
  const hasHeads = seen.attributable === 'heads';
  const [text, setText] = useSetting('text', 'There was once a girl. One day');
  const [other, setOther] = useSetting('other', 'There was once a boy. One day');
  const [word, setWord] = useSetting('word', 'she');
  const [against, setAgainst] = useSetting('against', 'he');
  const [wanted, setShow] = useSetting('lens', 'lens');
  const last = seen.layers - 1;
  const [layer, setLayer] = useSetting('layer', String(last));
  const [heads, setHeads] = useSetting('heads', '');
  const shows: readonly (readonly [Show, string])[] = [
    ['lens', 'Logit lens'],
    ...(hasAttention(seen) ? [['attention', 'Attention'] as const] : []),
    ...(seen.attributable !== 'no' ? [['attribution', 'Attribution'] as const] : []),
    ['patching', 'Patching'],
  ];
  const show = shows.find(([one]) => one === wanted)?.[0] ?? 'lens';
  const asked: Asked = {
    ...{ show, text, other, word, against },
    layer: Math.min(Number(layer) || 0, last),
    perHead: heads === 'each' && hasHeads,
  };
  const used = {
    lens: [word],
    attention: [asked.layer],
    attribution: [word, against, asked.perHead],
    patching: [other, word, against],
  }[show];
  const run = useRun((signal) => reportOf(loaded, asked, signal), [loaded, show, text, JSON.stringify(used)]);
  return (
    <div class="stack">
      <Tabs label="What to show" value={show} choices={shows} onChange={setShow} />
      <p class="soft">{ABOUT[show]}</p>
      <div class={show === 'patching' ? 'columns halves' : ''}>
        <Text label={show === 'patching' ? 'The first text' : 'Text'} value={text} onChange={setText} rows={1} />
        {show === 'patching' && (
          <Text label="The second, of as many tokens" value={other} onChange={setOther} rows={1} />
        )}
      </div>
      <div class="fields">
        {show === 'attention' ? (
          <Range
            label="Layer"
            value={asked.layer}
            {...{ least: 0, most: last, step: 1 }}
            onChange={(value) => setLayer(String(value))}
          />
        ) : (
          <Word label={show === 'lens' ? 'Follow the word' : 'Why does it say'} value={word} onChange={setWord} />
        )}
        {(show === 'attribution' || show === 'patching') && (
          <Word label="rather than (may be empty)" value={against} onChange={setAgainst} />
        )}
        {show === 'attribution' && hasHeads && (
          <Switch
            label="Each head by itself"
            value={heads === 'each'}
            onChange={(each) => setHeads(each ? 'each' : '')}
          />
        )}
      </div>
      <Said run={run}>
        {(report) => (
          <div class={`figures ${show === 'lens' ? 'first' : ''}`}>
            <ReportView report={report} wanted={({ kind }) => show === 'lens' || kind !== 'table'} />
          </div>
        )}
      </Said>
    </div>
  );
}
