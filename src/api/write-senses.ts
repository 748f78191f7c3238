/**
 * Writes edits of senses into the weights of a model, so that its checkpoint has them. The senses of a token are computed from its embedding by
 * a network that all tokens share, whose last map gives all senses side by side: what changes a sense of all tokens alike changes rows of that
 * map. What concerns one token only has no weight of its own.
 */
import { UsageError } from '../base/errors.ts';
import { isPacked, rows, type Tensor } from '../base/tensor.ts';
import { toFloats } from '../formats/numbers.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import type { Edit, Gain, Source } from '../interventions/edit.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { LanguageModel } from '../models/model.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { type Model, partsOf } from './model.ts';
import { checkHasSenses } from './sense-source.ts';

const SENSES = 'senses';
const WEIGHTS = 'senseWeights';

interface Writable {
  readonly edits: readonly (Edit & { readonly by: number })[];
  readonly gains: readonly (Gain & { readonly by: number })[];
}

/** Throws UsageError, before or after the weights are loaded, when these interventions cannot be written into them. */
export function checkWritable({ model }: Pick<OpenedModel, 'model'>, option: InterventionsOption): Writable {
  checkHasSenses(model);
  const { changes } = compile(option, targetOf(model));
  for (const { edits = [], gains = [], replacements = [], states = [] } of changes) {
    for (const { source } of states) refuse(source, 'it changes a state, which no weight holds');
    for (const { source, site } of [...edits, ...gains, ...replacements]) {
      if (site !== SENSES && site !== WEIGHTS)
        refuse(source, `it changes '${site}'; only changes of the senses of all tokens are written`);
      if (source.tokens)
        refuse(
          source,
          `it changes the senses of token ${[...source.tokens].join(', ')} only, and these are computed from the token's embedding by a network that all tokens share: no weight belongs to one of them alone`,
        );
      const { positions, from, to } = source.where;
      if (positions !== undefined || from !== undefined || to !== undefined)
        refuse(source, 'it holds in some places only, and weights hold everywhere');
    }
    for (const { source, by } of [...edits, ...gains])
      if (typeof by !== 'number') refuse(source, 'its strength is a function');
    for (const { source, kind, group, width } of edits)
      if (kind === 'project' && group === width && width > model.facts.dModel)
        refuse(source, 'it projects all senses along one direction; give one for each sense');
    for (const { source } of replacements) refuse(source, 'it sets the numbers of one pass');
  }
  return {
    edits: changes.flatMap(({ edits = [] }) => edits) as unknown as Writable['edits'],
    gains: changes.flatMap(({ gains = [] }) => gains) as unknown as Writable['gains'],
  };
}

function refuse({ name }: Source, why: string): never {
  throw new UsageError(
    `${name} cannot be written into the weights: ${why}. Keep the file of interventions, and use it with --interventions.`,
  );
}

/**
 * Changes the weights of this loaded model for good; saveModel then writes its checkpoint. States that were made before hold the senses of
 * before. Throws UsageError, and changes nothing, when an intervention cannot be written, or the weights are kept in a packed format.
 */
export async function writeSenses(model: Model, option: InterventionsOption): Promise<void> {
  const { opened, engine } = partsOf(model);
  const { edits, gains } = checkWritable(opened, option);
  const { weight, bias } = outputOf(opened);
  const { backend } = engine;
  const { dModel } = model.facts;
  const inner = weight.shape[1] as number;
  const count = (weight.shape[0] as number) / dModel;
  for (let sense = 0; sense < count; sense++) {
    const own = gains.filter(({ head }) => head === undefined || head === sense);
    const some = edits.filter(({ channels }) => channels.subarray(sense * dModel, (sense + 1) * dModel).includes(1));
    if (own.length + some.length === 0) continue;
    const read = async (x: Tensor) => {
      const part = rows(x, sense * dModel, (sense + 1) * dModel);
      return toFloats(x.dtype as 'f32', await backend.read(part)).slice();
    };
    const matrix = await read(weight); // [M, J]
    const vector = await read(bias); // [M]
    for (const edit of some) change(edit, sense * dModel, matrix, vector);
    for (const { by } of own) for (const numbers of [matrix, vector]) scale(numbers, by);
    const row = sense * dModel;
    const block = (numbers: Float32Array) => ({
      ...({ dtype: 'f32', transposed: false, bytes: new Uint8Array(numbers.buffer) } as const),
    });
    await backend.fill(weight, { ...block(matrix), row, column: 0, rows: dModel, columns: inner });
    await backend.fill(bias, { ...block(vector), row: 0, column: row, rows: 1, columns: dModel });
  }
}

/** Live tensors of the map at the end of the network. Throws UsageError when they are packed. */
function outputOf({ plan, model }: OpenedModel): { readonly weight: Tensor; readonly bias: Tensor } {
  const { output } = (model as Required<LanguageModel>).senses;
  const [weight, bias] = ['weight', 'bias'].map((part) => plan.slices.get(`${output}.${part}`)?.[0]?.target as Tensor);
  if (isPacked((weight as Tensor).dtype))
    throw new UsageError('these weights are kept in a packed format; load the model with weights f32, bf16 or f16.');
  return { weight: weight as Tensor, bias: bias as Tensor };
}

/** Of one sense, whose first column of all senses is `first`: matrix[M, J], vector[M]. */
function change(edit: Writable['edits'][number], first: number, matrix: Float32Array, vector: Float32Array): void {
  const { kind, by, channels } = edit;
  const inner = matrix.length / vector.length;
  const on = [...vector.keys()].filter((c) => channels[first + c] === 1);
  const towards = (c: number) => edit.vector?.[first + c] as number;
  if (kind === 'project') {
    for (const numbers of [matrix, vector]) takeAway(numbers, numbers.length / vector.length, on, towards, by);
    return;
  }
  for (const c of on) {
    const row = matrix.subarray(c * inner, (c + 1) * inner);
    if (kind !== 'add') scale(row, kind === 'scale' ? by : 1 - by);
    if (kind === 'scale') vector[c] = (vector[c] as number) * by;
    else vector[c] = (vector[c] as number) * (kind === 'set' ? 1 - by : 1) + by * towards(c);
  }
}

/** Takes `by` times the component along a direction out of each column of numbers[M, J]. */
function takeAway(
  numbers: Float32Array,
  inner: number,
  on: readonly number[],
  towards: (c: number) => number,
  by: number,
): void {
  for (let j = 0; j < inner; j++) {
    let along = 0;
    for (const c of on) along += (numbers[c * inner + j] as number) * towards(c);
    for (const c of on) numbers[c * inner + j] = (numbers[c * inner + j] as number) - by * along * towards(c);
  }
}

function scale(numbers: Float32Array, by: number): void {
  for (let i = 0; i < numbers.length; i++) numbers[i] = (numbers[i] as number) * by;
}
