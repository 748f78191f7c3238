/** Which linear maps a configuration names, with which rank and scale: the rules of PEFT (tuners/tuners_utils.py, utils/other.py). */
import { CheckpointError } from '../base/errors.ts';
import type { AdapterConfig } from './config.ts';
import { isParameter, moduleOf, type Target } from './target.ts';

const ALL_LINEAR = /^all-linear$/i;

/** A regular expression of Python. Throws CheckpointError when it is none here. */
function pattern(source: string): RegExp {
  try {
    return new RegExp(source.replaceAll('(?P<', '(?<'));
  } catch (error) {
    throw new CheckpointError(
      `adapter_config.json has a pattern that is no regular expression: ${(error as Error).message}.`,
    );
  }
}

const whole = (source: string) => pattern(`^(?:${source})$`);
const endsWith = (key: string, names: readonly string[]) =>
  names.some((name) => key === name || key.endsWith(`.${name}`));

/** Does the configuration name this linear map? */
export function names(config: AdapterConfig, target: Target): boolean {
  if (isParameter(target)) return endsWith(target.parameter, config.target_parameters ?? []);
  const key = moduleOf(target);
  const { target_modules: wanted, exclude_modules: not } = config;
  if (not && (typeof not === 'string' ? whole(not).test(key) : endsWith(key, not))) return false;
  if (saves(config, target) || !wanted) return false;
  if (typeof wanted !== 'string') return endsWith(key, wanted) && isInLayers(config, key);
  return ALL_LINEAR.test(wanted) ? target.kind === 'linear' : whole(wanted).test(key);
}

/** Is it replaced as a whole (`modules_to_save`)? */
export const saves = ({ modules_to_save: saved }: AdapterConfig, target: Target): boolean =>
  !isParameter(target) && (saved ?? []).some((name) => pattern(`(^|.*\\.)${name}($|\\..*)`).test(moduleOf(target)));

function isInLayers({ layers_to_transform: layers, layers_pattern: lists }: AdapterConfig, key: string): boolean {
  const wanted = layers === undefined || layers === null ? [] : [layers].flat();
  if (wanted.length === 0) return true;
  const patterns = [lists ?? []].flat();
  const [, layer] =
    patterns.length === 0
      ? (/^.*?\.[^.]*\.(\d+)\./.exec(key) ?? [])
      : (patterns.map((list) => pattern(`^(?:.*?\\.)?${list}\\.(\\d+)\\.`).exec(key)).find(Boolean) ?? []);
  return layer !== undefined && wanted.includes(Number(layer));
}

/** PEFT looks patterns up by the name of the module, or of the parameter. */
function byPattern(patterns: Readonly<Record<string, number>> | null | undefined, target: Target): number | undefined {
  const key = isParameter(target) ? target.parameter : moduleOf(target);
  return Object.entries(patterns ?? {}).find(([source]) => pattern(`^(?:.*\\.)?(${source})$`).test(key))?.[1];
}

export interface RankScale {
  readonly rank: number;
  readonly scale: number;
}

/** Rank, and the factor of the product: alpha / r, or alpha / sqrt(r) with rank-stabilised LoRA (arXiv 2312.03732). */
export function rankOf(config: AdapterConfig, target: Target): RankScale {
  const rank = byPattern(config.rank_pattern, target) ?? config.r;
  const alpha = byPattern(config.alpha_pattern, target) ?? config.lora_alpha;
  return { rank, scale: alpha / (config.use_rslora ? Math.sqrt(rank) : rank) };
}
