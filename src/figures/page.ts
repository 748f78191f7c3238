/** A report as one HTML file that opens from disk: script, style and numbers are in it, and it may ask the network for nothing. */
import type { Report } from './figure.ts';
import { STYLE } from './style.ts';
import { thinReport } from './thin.ts';

/** The page of a report; what is too much for a page is left out, and said. */
export async function reportPage(report: Report): Promise<string> {
  const { script } = await import('./build/draw.ts'); // large, and not wanted by whoever makes no pages
  return pageWith(script, thinReport(report));
}

/** `script` draws what the element `report` holds. */
export function pageWith(script: string, report: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="portmanteau">
<link rel="icon" href="data:,">
<title>${escaped(report.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main id="page"><h1>${escaped(report.title)}</h1><noscript><p>The figures are drawn by a script: this page needs JavaScript.</p></noscript></main>
<script type="application/json" id="report">${jsonInHtml(report)}</script>
<script>${scriptInHtml(script)}</script>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (c) => ENTITIES[c] as string);

/** JSON whose strings cannot end the element that holds it. */
const jsonInHtml = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** In a script, `</script` and `<!--` stand in strings and expressions only, where a backslash changes nothing. */
const scriptInHtml = (code: string): string => code.replaceAll(/<(?=\/script|!--|script)/gi, '\\x3c');
