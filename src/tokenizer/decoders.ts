/**
 * Decoders of tokenizer.json: tokens become text (decoders/ of huggingface/tokenizers). Each is a step that passes on text as soon as it is
 * certain, so that decoding token by token gives the same text as decoding at once.
 */
import { componentsOf } from './components.ts';
import {
  byteFallbackStep,
  byteLevelStep,
  type DecodeStep,
  eachStep,
  firstStep,
  stripped,
  stripStep,
  wholeStep,
} from './decode-steps.ts';
import { at, isAbsent, type Place, textAt, wrong } from './json.ts';
import { readMetaspace } from './metaspace.ts';
import { replacer } from './normalizers.ts';
import { readPattern } from './pattern.ts';

/** Decodes tokens one after another. */
export interface TokenDecoder {
  push(token: string): string;
  /** What was held back. */
  end(): string;
}

/** `continues`: other text comes before, so that nothing is removed at the start, such as a space. */
export type DecoderFactory = (continues: boolean) => TokenDecoder;

type StepFactory = (continues: boolean) => DecodeStep;

/** Without a decoder, tokens are separated by spaces. Throws CheckpointError on an unknown decoder. */
export function readDecoder(place: Place): DecoderFactory {
  const steps: StepFactory[] = [];
  let joined = false;
  for (const part of componentsOf(place, 'decoders')) {
    steps.push(...readSteps(part, joined));
    joined ||= ['ByteLevel', 'Fuse'].includes(at(part, 'type').value as string);
  }
  if (isAbsent(place)) steps.push(spaceBetween);
  return (continues) => {
    let text = '';
    const add = (some: string) => {
      text += some;
    };
    const made = steps.map((make) => make(continues));
    const passes = made.map((_, i) => (some: string) => (i + 1 < made.length ? push(i + 1, some) : add(some)));
    const push = (i: number, some: string): void => made[i]?.push(some, passes[i] as (some: string) => void);
    const taken = () => {
      const all = text;
      text = '';
      return all;
    };
    return {
      push: (token) => {
        if (made.length > 0) push(0, token);
        else add(token);
        return taken();
      },
      end: () => {
        for (const [i, step] of made.entries()) step.end(passes[i] as (some: string) => void);
        return taken();
      },
    };
  };
}

const spaceBetween: StepFactory = (continues) =>
  continues
    ? eachStep((text) => ` ${text}`)
    : firstStep(
        (text) => text,
        (text) => ` ${text}`,
      );

/** `joined`: the input is one token in parts. */
function readSteps(part: Place, joined: boolean): StepFactory[] {
  const type = at(part, 'type');
  const whole = joined ? [wholeStep] : [];
  switch (type.value) {
    case 'ByteLevel':
      return [...whole, byteLevelStep];
    case 'ByteFallback':
      return [...whole, byteFallbackStep];
    case 'Fuse':
      return []; // the steps after it get `joined`
    case 'Strip': {
      const content = textAt(at(part, 'content'));
      if (Array.from(content).length !== 1) throw wrong(at(part, 'content'), 'one character');
      const start = countAt(at(part, 'start'));
      const stop = countAt(at(part, 'stop'));
      if (joined) return [(continues) => stripStep(content, continues ? 0 : start, stop)];
      return [() => eachStep((text) => stripped(text, content, start, stop))];
    }
    case 'Replace': {
      const pattern = at(part, 'pattern');
      const replace = replacer(readPattern(pattern), textAt(at(part, 'content')));
      const { value } = at(pattern, 'String');
      const isOneCharacter = typeof value === 'string' && Array.from(value).length === 1;
      return [...(isOneCharacter ? [] : whole), () => eachStep(replace)];
    }
    case 'Metaspace': {
      const { replacement, prependScheme } = readMetaspace(part);
      const spaced = (text: string) => text.replaceAll(replacement, ' ');
      const bare = (text: string) => text.replaceAll(replacement, '');
      return [
        (continues) => {
          if (continues || prependScheme === 'never') return eachStep(spaced);
          return joined ? eachStep(bare) : firstStep(bare, spaced);
        },
      ];
    }
    default:
      throw wrong(type, 'a supported decoder: ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Strip or Sequence');
  }
}

function countAt(place: Place): number {
  const { value } = place;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 1000)
    throw wrong(place, 'a whole number from 0 to 1000');
  return value;
}
