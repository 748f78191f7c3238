/** With which tracer a model computes, and who watches. */
import type { Backend } from '../backends/backend.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import type { Watch } from '../runtime/watch.ts';
import { checked } from './checked.ts';
import { type Profile, timed } from './timed.ts';

export interface WatchOptions {
  /** Throws NotFiniteError at the first NaN or infinity of a pass, with the op and the site. Costs a look at every value. */
  readonly check?: boolean | undefined;
  /** Measures every op of every pass. Steps take longer meanwhile. */
  readonly profile?: boolean | undefined;
}

export interface Watched {
  readonly ops: Ops;
  readonly watch: Watch | undefined;
  readonly profile: Profile | undefined;
}

export function watching(plain: Tracer, backend: Backend, { check, profile }: WatchOptions): Watched {
  const inner = profile ? timed(plain, backend) : undefined;
  const outer = check ? checked(inner?.tracer ?? plain, backend) : undefined;
  const watches = [inner, outer].flatMap((one) => (one ? [one.watch] : []));
  return { ops: new Ops((outer ?? inner)?.tracer ?? plain), watch: joined(watches), profile: inner?.profile };
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
