/** Chooses the tracer of a model, and the observer of its passes, by options. */
import type { Backend } from '../backends/backend.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import type { Watch } from '../runtime/watch.ts';
import { checked } from './checked.ts';
import { type Profile, timed } from './timed.ts';

export const WATCH_OPTIONS = {
  /** Throws NotFiniteError at the first NaN or infinity of a pass, with the op and the site. Slows down every pass. */
  check: option(kinds.flag, 'stop at the first NaN or infinity in the model, and report the op and the site'),
  /** Measures every op of every pass, which makes passes slower. */
  profile: option(kinds.flag, 'measure the time of every op'),
};

export interface WatchOptions extends OptionsOf<typeof WATCH_OPTIONS> {}

export interface Watched {
  readonly tracer: Tracer;
  readonly ops: Ops;
  readonly watch: Watch | undefined;
  readonly profile: Profile | undefined;
}

export function watching(plain: Tracer, backend: Backend, { check, profile }: WatchOptions): Watched {
  const inner = profile ? timed(plain, backend) : undefined;
  const outer = check ? checked(inner?.tracer ?? plain, backend) : undefined;
  const watches = [inner, outer].flatMap((one) => (one ? [one.watch] : []));
  const tracer = (outer ?? inner)?.tracer ?? plain;
  return { tracer, ops: new Ops(tracer), watch: joined(watches), profile: inner?.profile };
}

function joined(watches: readonly Watch[]): Watch | undefined {
  const [first, second] = watches;
  if (!first || !second) return first;
  return {
    pass: (body) => first.pass(() => second.pass(body)),
    reached(site) {
      first.reached(site);
      second.reached(site);
    },
  };
}
