/** Output of commands: one JSON object, or aligned columns for people. */

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Aligned columns, each as wide as its widest cell; the last is not padded. */
export function columns(rows: readonly (readonly (string | number)[])[], indent = ''): string {
  const cells = rows.map((row) => row.map(String));
  const widths: number[] = [];
  for (const row of cells)
    for (const [i, { length }] of row.slice(0, -1).entries()) widths[i] = Math.max(widths[i] ?? 0, length);
  const padded = cells.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
  return padded.map((row) => `${indent}${row.trimEnd()}\n`).join('');
}

/** Decimal megabytes, as disks and hub pages count. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e8 ? 2 : 0)} MB`;
}
