/** Opens a folder of the visitor's disk, where the browser has a dialogue for that; its files are read piece by piece when they are wanted. */

interface Picker {
  showDirectoryPicker?(options: { readonly id: string }): Promise<FileSystemDirectoryHandle>;
}

const picker = globalThis as unknown as Picker;

export const canPickFolder = (): boolean => typeof picker.showDirectoryPicker === 'function';

/** The files of the folder, not those in folders within it, and its name. Rejects with an AbortError when the visitor chooses none. */
export async function pickFolder(): Promise<[files: File[], name: string]> {
  const folder = await (picker as Required<Picker>).showDirectoryPicker({ id: 'model' }); // browsers go to the last one of this id
  const files: File[] = [];
  for await (const [, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>)
    if (handle.kind === 'file') files.push(await (handle as FileSystemFileHandle).getFile());
  return [files, folder.name];
}
