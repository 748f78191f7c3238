/** How pages look, in light and in dark, on wide and on narrow screens. */
export const STYLE = `
:root { color-scheme: light dark; --back: #ffffff; --text: #1c2330; --soft: #5b6472; --line: #d8dde5; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --back: #11161d; --text: #e3e8ef; --soft: #9aa5b4; --line: #2e3743; --panel: #1a212b; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 24px; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; line-height: 1.3; margin: 0 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 8px; color: var(--soft); max-width: 80ch; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0 0 24px; }
dt { color: var(--soft); }
dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
section { margin: 0 0 24px; padding: 16px; border: 1px solid var(--line); border-radius: 8px; background: var(--panel); }
.drawing, .scroll { overflow-x: auto; }
.scroll { max-height: 70vh; overflow-y: auto; }
.drawing svg { display: block; overflow: visible; max-width: none; --plot-background: var(--panel); font-size: 12px; }
.drawing .legend svg { margin-bottom: 8px; }
.drawing figure { margin: 0; max-width: none; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 12px 3px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); white-space: pre; }
th { color: var(--soft); font-weight: 600; position: sticky; top: 0; background: var(--panel); }
td.number, th.number { text-align: right; }
summary { cursor: pointer; color: var(--soft); margin-top: 8px; }
ul { color: var(--soft); padding-left: 20px; }
@media (max-width: 600px) {
  main { padding: 12px; }
  section { padding: 12px; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 6px; }
}
`;
