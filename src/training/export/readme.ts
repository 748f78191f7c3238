/** The text that lies beside an exported plan. */
import type { TrainingConfig } from '../config.ts';
import type { TrainingPlan } from '../plan/plan.ts';
import type { NotOpenLm, OpenLmPlan } from './openlm.ts';

export function readmeOf(
  config: TrainingConfig,
  { family, steps, tokens, parameters, flops }: TrainingPlan,
  openlm: OpenLmPlan | NotOpenLm,
): string {
  const quantised = config.lambda
    ? '\nThis run quantises while it trains (`lambda` in plan.json). transformers does not do that, and train.py refuses: nanotron, or a linear layer of your own, is\n' +
      "needed. x' = x + lambda sg(Qx(x) - x), W' = W + lambda sg(Qw(W) - W), y = x' W'^T, with sg stopping gradients.\n"
    : '';
  return `# Training plan

A ${family} model of ${parameters.total} parameters, ${steps} steps, ${tokens} tokens, ${flops.total.toExponential(2)} floating-point operations.

- \`config.json\`, \`model.safetensors\`, tokenizer files: the checkpoint at the start.
- \`stage-N.ids.i32.bin\`, \`stage-N.labels.i32.bin\`: rows of token ids in the order of training, little-endian 32-bit integers. Position i of the labels is the id at
  position i, or -100 where it is no target; position i of the model's output predicts label i + 1.
- \`rates.f64.bin\`: the learning rate of each step, 64-bit floats.
- \`plan.json\`: optimiser, groups of parameters, stages.
- \`train.py\`: trains with transformers' Trainer. On one device \`python train.py OUT\`, on several \`accelerate launch train.py OUT\`; then divide \`batch\` x
  \`accumulate\` in plan.json by the number of processes.

Within a step, train.py counts each batch equally, while Portmanteau counts each target equally: where rows have as many targets, that is the same.

Models whose code is not part of transformers need the authors' Python files and \`auto_map\` in config.json.

${openLmText(openlm)}
Other engines start from the same checkpoint. torchtitan has configurations in Python (\`config_registry.py\` of a model) and takes texts apart itself, so none is written here: its
models start from these weights with \`--checkpoint.initial_load_in_hf\` and \`--checkpoint.initial_load_path\`.
${quantised}`;
}

function openLmText(openlm: OpenLmPlan | NotOpenLm): string {
  if ('reason' in openlm) return `OpenLM cannot follow this run: ${openlm.reason}.\n`;
  const { rowsPerShard, arguments: given } = openlm;
  return `- \`openlm.py\`: the same run with OpenLM: \`python openlm.py prepare\`, then \`torchrun --nproc-per-node N openlm.py train\`. It makes shards of ${rowsPerShard} rows, and
  OpenLM saves ${given.epochs} times. N times "workers" must divide the shards between two checkpoints, and N the ${given.global_batch_size} rows of a step. With one
  process the rows come in the order of training; several processes read shards side by side.
`;
}
