/** What the page asks of every model once, so that its views have it at hand. */
import { describe, type Folder, type Model, type ModelDescription, openPretrained } from '../../../src/web.ts';

/** What can be seen and changed in a model. */
export interface Seen {
  readonly description: ModelDescription;
  readonly vocabSize: number;
  readonly layers: number;
  /** Can a logit be divided among the parts of the model, and among heads? */
  readonly attributable: 'no' | 'parts' | 'heads';
  readonly hasTokenizer: boolean;
}

export function seenOf(model: Model): Seen {
  const { vocabSize, nLayers } = model.facts;
  const writes = model.residualStream?.writes;
  const hasHeads = writes?.some(({ heads }) => heads !== undefined);
  return {
    description: model.describe(),
    vocabSize,
    layers: nLayers,
    attributable: !writes ? 'no' : hasHeads ? 'heads' : 'parts',
    hasTokenizer: model.tokenizer !== undefined,
  };
}

/** Of a model that is not loaded. */
export async function describeFiles(from: string | Folder): Promise<ModelDescription> {
  const opened = await openPretrained(from);
  try {
    return describe(opened);
  } finally {
    await opened.checkpoint.close();
  }
}
