/** Write: the model goes on with a text. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { exp } from '../../../../src/base/math.ts';
import { percent } from '../../../../src/figures/numbers.ts';
import { tokenLabel } from '../../../../src/web.ts';
import { megabytes } from '../../models.ts';
import { Range, Text } from '../../parts/fields.tsx';
import { saveText } from '../../parts/save.ts';
import { useNumber, useSetting } from '../../place.ts';
import type { WriteOptions } from '../../worker/branches.ts';
import type { ViewProps } from '../view.ts';
import { Writer, type Written } from './writer.ts';

export const FIRST_TEXT = 'Once upon a time there was a';

export function WriteView({ loaded }: ViewProps) {
  const writer = useMemo(() => new Writer(loaded), [loaded]);
  useEffect(() => () => void writer.dispose(), [writer]);
  const [text, setText] = useSetting('text', FIRST_TEXT);
  const [temperature, setTemperature] = useNumber('temperature', 0);
  const [topK, setTopK] = useNumber('topK', 0);
  const [topP, setTopP] = useNumber('topP', 1);
  const [penalty, setPenalty] = useNumber('penalty', 1);
  const [length, setLength] = useNumber('length', 48);
  const [live, setLive] = useState(false);
  const options: WriteOptions = {
    maxNewTokens: length,
    temperature,
    ...(temperature > 0 ? { topK, topP } : {}),
    repetitionPenalty: penalty,
  };
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const timer = setTimeout(async () => {
      await writer.start(text);
      if (live) await writer.continue({ ...latest.current, maxNewTokens: Math.min(16, length) });
    }, 250);
    return () => clearTimeout(timer);
  }, [writer, text, live]);
  const tokens = writer.tokens.value;
  const busy = writer.busy.value;
  const go = () => void writer.continue(options);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        writer.continue(latest.current);
      } else if (event.key === 'Escape') writer.stop();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [writer]);
  const speed = writer.tokensPerSecond.value;
  return (
    <div class="columns">
      <div class="column">
        <Text label="Beginning" value={text} onChange={setText} rows={2} />
        <div class="row actions">
          <button
            type="button"
            class="main"
            onClick={go}
            disabled={tokens.length === 0}
            aria-keyshortcuts="Control+Enter"
          >
            Continue <kbd>Ctrl ⏎</kbd>
          </button>
          <button type="button" onClick={() => writer.stop()} disabled={!busy} aria-keyshortcuts="Escape">
            Stop <kbd>Esc</kbd>
          </button>
          <button type="button" onClick={() => writer.undo()} disabled={!writer.canUndo.value}>
            Undo
          </button>
          <label class="switch">
            <input type="checkbox" checked={live} onChange={(event) => setLive(event.currentTarget.checked)} />
            <span>as I type</span>
          </label>
        </div>
        <Flow writer={writer} options={options} ended={writer.ended.value} />
        {writer.error.value && (
          <p role="alert" class="error">
            {writer.error.value.message}
          </p>
        )}
        <p class="soft measures" role="status">
          {tokens.length} tokens{speed !== undefined && ` · ${Math.round(speed)} tokens a second`} ·{' '}
          {megabytes(loaded.seen.description.weightBytes[loaded.weights] ?? 0)} of weights,{' '}
          {megabytes(writer.stateBytes.value)} of states
          <button
            type="button"
            class="quiet"
            onClick={() => saveText(JSON.stringify({ model: loaded.name, options, tokens }, null, 1), 'text.json')}
          >
            JSON
          </button>
        </p>
      </div>
      <aside class="column controls" aria-label="Sampling">
        <Range
          label="Temperature"
          about="0 takes the likeliest token; 1 samples from the model's own probabilities"
          value={temperature}
          {...{ least: 0, most: 2, step: 0.05 }}
          shown={(value) => (value === 0 ? 'likeliest' : value.toFixed(2))}
          onChange={setTemperature}
        />
        <Range
          label="Top k"
          value={topK}
          {...{ least: 0, most: 100, step: 1 }}
          shown={(value) => (value === 0 ? 'all' : String(value))}
          onChange={setTopK}
        />
        <Range
          label="Top p"
          value={topP}
          {...{ least: 0.05, most: 1, step: 0.05 }}
          shown={(value) => value.toFixed(2)}
          onChange={setTopP}
        />
        <Range
          label="Repetition penalty"
          value={penalty}
          {...{ least: 1, most: 2, step: 0.05 }}
          shown={(value) => (value === 1 ? 'none' : value.toFixed(2))}
          onChange={setPenalty}
        />
        <Range label="Tokens to add" value={length} {...{ least: 1, most: 200, step: 1 }} onChange={setLength} />
      </aside>
    </div>
  );
}

interface FlowProps {
  readonly writer: Writer;
  readonly options: WriteOptions;
  readonly ended: boolean;
}

/** The text token by token. One token is in the order of Tab; arrows go from token to token. */
function Flow({ writer, options, ended }: FlowProps) {
  const [pinned, setPinned] = useState<number | undefined>(undefined);
  const [pointed, setPointed] = useState<number | undefined>(undefined);
  const tokens = writer.tokens.value;
  const box = useRef<HTMLDivElement>(null);
  const at = pinned ?? pointed ?? tokens.length - 1;
  const shown = tokens[at];
  const focusAt = (index: number) => box.current?.querySelectorAll<HTMLElement>('.token')[index]?.focus();
  const onKey = (event: KeyboardEvent, index: number) => {
    if (event.key === 'Enter' || event.key === ' ') {
      if (event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      setPinned(pinned === index ? undefined : index);
      return;
    }
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    focusAt(to);
  };
  const tabbed = Math.min(Math.max(at, 0), tokens.length - 1);
  return (
    <>
      <div
        class="flow prose"
        ref={box}
        role="group"
        aria-label="The text, token by token"
        onMouseLeave={() => setPointed(undefined)}
      >
        {tokens.map((token, index) => (
          <span
            key={index}
            role="button"
            class={`token ${token.by}`}
            style={{ '--surprise': surprise(token) }}
            tabIndex={index === tabbed ? 0 : -1}
            aria-pressed={pinned === index}
            aria-label={`${tokenLabel(token.text)}, ${chance(token)}`}
            onMouseEnter={() => setPointed(index)}
            onFocus={() => setPointed(index)}
            onClick={() => setPinned(pinned === index ? undefined : index)}
            onKeyDown={(event) => onKey(event, index)}
          >
            {token.text}
          </span>
        ))}
        {ended && (
          <span class="end" title="The model ended the text here">
            {' '}
            ∎
          </span>
        )}
      </div>
      <p class="scale soft" aria-hidden="true">
        expected <span class="ramp" /> unexpected
      </p>
      {shown && shown.alternatives.length > 0 && (
        <div class="alternatives panel" role="group" aria-label={`Alternatives to token ${at + 1}`}>
          <h3>
            In the place of <b>{tokenLabel(shown.text)}</b> <span class="soft">{chance(shown)}</span>
          </h3>
          <p class="soft">
            {pinned === undefined ? 'Click a token to keep it here.' : 'Choose one, and the text goes on from it.'}
          </p>
          <ul>
            {shown.alternatives.map((one) => (
              <li key={one.id}>
                <button
                  type="button"
                  class={one.id === shown.id ? 'same' : ''}
                  onClick={() => {
                    setPinned(undefined);
                    setPointed(undefined);
                    writer.branch(at, one, options);
                  }}
                >
                  <span class="bar" style={{ '--share': exp(one.logprob) }} />
                  <span class="word">{tokenLabel(one.text) || `#${one.id}`}</span>
                  <span class="number">{percent(one.logprob)}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

/** From 0, where a token was certain, to 1 at 8 bits: one in 256, and less. */
const surprise = ({ logprob }: Written): number => (logprob === null ? 0 : Math.min(1, -logprob / (8 * Math.LN2)));

const chance = ({ logprob }: Written): string => (logprob === null ? 'the first token' : percent(logprob));
