/** Files of models and adapters, to be kept by the page. */
import type { Model, ModelTrainer } from '../../../src/web.ts';

type SavedFile = Awaited<ReturnType<Model['files']>>[number];

export const modelFiles = async (model: Model): Promise<Map<string, Blob>> => blobsOf(await model.files());

/** As PEFT reads them; empty where no adapter is trained. */
export const adapterFiles = (trainer: ModelTrainer): Promise<Map<string, Blob>> =>
  blobsOf(trainer.adapterFiles() ?? []);

async function blobsOf(files: readonly SavedFile[]): Promise<Map<string, Blob>> {
  const blobs = new Map<string, Blob>();
  for (const { name, bytes } of files) {
    const parts: BlobPart[] = [];
    // Copies: what comes may lie in memory that is used again.
    for await (const part of bytes()) parts.push(Uint8Array.from(part));
    blobs.set(name, new Blob(parts));
  }
  return blobs;
}
