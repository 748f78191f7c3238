/** The linear maps of a model that an adapter can change, by the names of their modules in the reference implementations. */
import type { Tensor } from '../base/tensor.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Plan, Slice } from '../loader/plan.ts';

/** The name of the head in the families' tables of tensors. */
const HEAD = 'lm_head.weight';
const WEIGHT = '.weight';

export interface Target {
  /** The model's name for the stored weight. */
  readonly name: string;
  /** The parameter in the reference implementation: `layers.0.self_attn.q_proj.weight`, or `layers.0.experts.down_proj` without a suffix. */
  readonly parameter: string;
  readonly dIn: number;
  readonly dOut: number;
  /** Number of experts, whose matrices are one tensor; undefined for a single map. */
  readonly experts: number | undefined;
  /** The live tensors that hold its rows. */
  readonly parts: readonly TargetPart[];
  /** `head` and `router` are targets only if they are named. */
  readonly kind: 'linear' | 'experts' | 'router' | 'head';
  /** Is its weight also the embedding? */
  readonly isShared: boolean;
}

export interface TargetPart {
  /** [rows, dIn], of experts [X, dOut, dIn]. */
  readonly weight: Tensor;
  /** The first of its rows in the stored matrix. */
  readonly firstRow: number;
}

/** The module that PEFT replaces; of a parameter that is no `weight`, the module that holds it. */
export const moduleOf = ({ parameter }: Target): string => parameter.slice(0, parameter.lastIndexOf('.'));

/** Is it a parameter of a module that is no linear map (`target_parameters` of PEFT), such as those of experts? */
export const isParameter = ({ kind, parameter }: Target): boolean =>
  kind === 'experts' || (kind === 'router' && !parameter.endsWith(`.layer${WEIGHT}`));

/** All linear maps, in the order of the model. */
export function targetsOf({ plan, names }: Pick<OpenedModel, 'plan' | 'names'>): Target[] {
  const target = (name: string, kind: Target['kind'], parts: readonly TargetPart[]): Target => {
    const [{ weight }] = parts as [TargetPart];
    const dOut = parts.reduce((sum, part) => sum + (part.weight.shape.at(-2) as number), 0);
    const experts = kind === 'experts' ? weight.shape[0] : undefined;
    const isShared = kind === 'head' && !plan.slices.has(HEAD);
    const dIn = weight.shape.at(-1) as number;
    return { name, parameter: names.inReference(name), kind, parts, dOut, dIn, experts, isShared };
  };
  const dense = [...plan.slices].flatMap(([name, slices]) => {
    const kind = kindOf(plan, name, slices);
    return kind
      ? [
          target(
            name,
            kind,
            slices.map(({ target: weight, firstRow }) => ({ weight, firstRow })),
          ),
        ]
      : [];
  });
  const packed = [...plan.packings].map(([name, { codes }]) =>
    target(name, 'linear', [{ weight: codes, firstRow: 0 }]),
  );
  const shared = plan.slices.get(plan.copyOf[HEAD] ?? '')?.[0];
  const head = shared && !plan.slices.has(HEAD) ? [target(HEAD, 'head', [{ weight: shared.target, firstRow: 0 }])] : [];
  return [...dense, ...packed, ...head];
}

function kindOf(plan: Plan, name: string, slices: readonly Slice[]): Target['kind'] | undefined {
  if (name === HEAD) return 'head';
  const [{ kind }] = slices as [Slice];
  if (kind === 'matrix') return 'linear';
  if (kind === 'experts') return kind;
  // A router keeps its numbers as vectors do; of those, only linear maps are stored as matrices called weight.
  return kind === 'vector' && name.endsWith(WEIGHT) && plan.tensors.get(name)?.shape.length === 2
    ? 'router'
    : undefined;
}
