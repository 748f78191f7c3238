/** A process that measures one task, which its parent sends, and sends back what came of it. It ends with its parent. */
import { enableEngineFeatures } from '../src/node.ts';
import { type Measurement, measure, type Task } from './measure.ts';

/** To the parent. */
export type Told =
  | { readonly kind: 'round'; readonly ended: number }
  | { readonly kind: 'done'; readonly measurement: Measurement }
  | { readonly kind: 'failed'; readonly name: string; readonly message: string };

enableEngineFeatures(); // as the command line does

const tell = (told: Told): void => void process.send?.(told);

process.on('disconnect', () => process.exit(1));
process.once('message', async (task: Task) => {
  try {
    tell({ kind: 'done', measurement: await measure(task, (ended) => tell({ kind: 'round', ended })) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    tell({ kind: 'failed', name, message });
  }
});
