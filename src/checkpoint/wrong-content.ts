/** Recognises by its first bytes what a file of the wrong kind is. */

/** Number of first bytes to read; eight are enough for most. */
export const TELLING_BYTES = 512;

const FORMATS: readonly (readonly [string, string])[] = [
  ['PK\x03\x04', 'is a zip file (torch.save writes such ones, which are called pytorch_model.bin)'],
  ['\x80\x02', 'is a pickle (torch.save writes such ones, which are called pytorch_model.bin)'],
  ['GGUF', 'is a GGUF file, made for another program: take the checkpoint that it was made from'],
  ['lmgg', 'is a GGML file, made for another program: take the checkpoint that it was made from'],
  ['tjgg', 'is a GGML file, made for another program: take the checkpoint that it was made from'],
  ['\x89HDF', 'is an HDF5 file, made for TensorFlow: take the checkpoint in safetensors'],
  ['\xfd7zXZ', 'is packed with xz: unpack it'],
  ['\x1f\x8b', 'is packed with gzip: unpack it'],
  ['BZh', 'is packed with bzip2: unpack it'],
  ['\x28\xb5\x2f\xfd', 'is packed with zstd: unpack it'],
  ['7z\xbc\xaf', 'is packed with 7-Zip: unpack it'],
  ['Rar!', 'is packed with RAR: unpack it'],
  ['\xff\xfe', 'is text in UTF-16: save it as UTF-8'],
  ['\xfe\xff', 'is text in UTF-16: save it as UTF-8'],
];

const PAGE = /^(\xef\xbb\xbf)?\s*<[!?a-z][^\0]*$/i;

const PAGE_ADVICE =
  'is a web page, not the file: a login, an error, or a server that answers every address with its start page; see what its address ' +
  'shows in a browser (hub addresses of files have /resolve/, not /blob/)';

/** As in `is a web page: …`; undefined when the bytes tell nothing. */
export function contentOf(head: Uint8Array): string | undefined {
  const text = String.fromCharCode(...head.subarray(0, TELLING_BYTES));
  if (text === '') return 'is empty';
  if (text.startsWith('version '))
    return "is a pointer of Git LFS, not the file itself: fetch the file with 'git lfs pull'";
  if (PAGE.test(text)) return PAGE_ADVICE;
  const format = FORMATS.find(([mark]) => text.startsWith(mark));
  if (format) return format[1];
  if (/^.{7}\0\{"/s.test(text)) return 'is a safetensors file: its name must end in .safetensors';
  return /^\0+$/.test(text) ? 'begins with zeros only: its download was cut off, fetch it again' : undefined;
}
