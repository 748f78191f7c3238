/** An adapter as PEFT stores it: names and shapes of tensors, and the configuration. */
import type { Shape } from '../base/tensor.ts';
import type { JsonObject } from '../models/config.ts';
import { PREFIX } from './file.ts';
import { isParameter, moduleOf, type Target } from './target.ts';

export interface PeftNames {
  readonly a: string;
  readonly b: string;
}

/** The names of the matrices of each linear map. `targets`: all that the adapter changes, in the order of the model. */
export function peftNames(targets: readonly Target[]): Map<Target, PeftNames> {
  return new Map(
    targets.map((target, i) => {
      const module = moduleOf(target);
      // A module is wrapped once for each of its parameters; the last wrapper is the outermost.
      const outside = targets.slice(i + 1).filter((other) => isParameter(target) && moduleOf(other) === module).length;
      const path = `${PREFIX}${module}${'.base_layer'.repeat(outside)}`;
      return [target, { a: `${path}.lora_A.weight`, b: `${path}.lora_B.weight` }];
    }),
  );
}

export const peftShapes = (
  { dIn, dOut, experts = 1 }: Target,
  rank: number,
): { readonly a: Shape; readonly b: Shape } => ({ a: [rank * experts, dIn], b: [dOut, rank * experts] });

export interface PeftSettings {
  readonly rank: number;
  readonly alpha: number;
  /** Share of the inputs that training leaves out. */
  readonly dropout?: number | undefined;
  /** Name of the model, for the file. */
  readonly base?: string | undefined;
}

/** adapter_config.json. `all`: all linear maps of the model, so that a list of names can be short. */
export function peftConfig(
  targets: readonly Target[],
  all: readonly Target[],
  { rank, alpha, dropout = 0, base }: PeftSettings,
): JsonObject {
  const modules = (some: readonly Target[]) => some.filter((target) => !isParameter(target)).map(moduleOf);
  const parameters = (some: readonly Target[]) => some.filter(isParameter).map(({ parameter }) => parameter);
  const named = parameters(targets);
  return {
    base_model_name_or_path: base ?? null,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: dropout,
    peft_type: 'LORA',
    r: rank,
    target_modules: shortest(modules(targets), modules(all), [leaf, inLayer]),
    ...(named.length > 0 ? { target_parameters: shortest(named, parameters(all), [inLayer]) } : {}),
    task_type: null,
    use_dora: false,
    use_rslora: false,
  };
}

const leaf = (name: string): string => name.split('.').at(-1) as string;
const inLayer = (name: string): string => name.replace(/^.*\.\d+\./, '');

/** Ends of names that stand for just these among all, or else the whole names. */
function shortest(
  names: readonly string[],
  all: readonly string[],
  forms: readonly ((name: string) => string)[],
): string[] {
  for (const short of forms) {
    const ends = [...new Set(names.map(short))];
    const meant = all.filter((name) => ends.some((one) => name === one || name.endsWith(`.${one}`)));
    if (meant.length === names.length) return ends.sort();
  }
  return [...names];
}
