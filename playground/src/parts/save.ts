/** Pictures and data as files. */

export function saveText(text: string, name: string, type = 'application/json'): void {
  saveBlob(new Blob([text], { type }), name);
}

export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // when the download has begun
}

const PIXELS = 2; // of the picture, for each of the drawing

/** As SVG or PNG, by the ending of `name`. Colours that the page sets by variables are written into the picture. */
export async function saveDrawing(box: HTMLElement | null, name: string): Promise<void> {
  const drawing = box?.querySelector<SVGSVGElement>(':scope > svg, :scope > figure > svg');
  if (!drawing) return;
  const { width, height } = drawing.getBoundingClientRect();
  const style = getComputedStyle(drawing);
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  copy.setAttribute('width', String(width));
  copy.setAttribute('height', String(height));
  copy.style.cssText = `background:${style.getPropertyValue('--panel')};color:${style.color};font-family:system-ui,sans-serif;font-size:12px;--line:${style.getPropertyValue('--line')};--plot-background:${style.getPropertyValue('--panel')}`;
  const text = new XMLSerializer().serializeToString(copy);
  if (name.endsWith('.svg')) return saveText(text, name, 'image/svg+xml');
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width * PIXELS, height * PIXELS];
  const context = canvas.getContext('2d');
  context?.scale(PIXELS, PIXELS);
  context?.drawImage(image, 0, 0, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve));
  if (blob) saveBlob(blob, name);
}
