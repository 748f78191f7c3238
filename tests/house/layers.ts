/** Who imports whom, who names what: the rules that stand in docs/architecture.md, read out of it and applied to sources. */
import ts from 'typescript';

export type Permission = 'any' | 'types';

export interface Room {
  readonly name: string;
  /** Files, and folders with a slash at the end. */
  readonly files: readonly string[];
  /** By the names of rooms. */
  readonly mayImport: ReadonlyMap<string, Permission>;
  readonly packages: readonly string[];
}

export interface House {
  readonly rooms: readonly Room[];
  /** Family names that a file may use although it lies outside of src/models and src/recipes. */
  readonly exceptions: ReadonlyMap<string, readonly string[]>;
}

export interface Import {
  /** A package, `node:...`, or a path from the root of the repository. */
  readonly target: string;
  readonly typesOnly: boolean;
}

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string);

/** Throws when the document has no import table, or one of another form. */
export function readHouse(markdown: string): House {
  const section = markdown.split(/^## /m).find((text) => text.startsWith('Import table'));
  if (!section) throw new Error("there is no section 'Import table'");
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('|-'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [head = [], ...body] = rows;
  if (head[0] !== 'room' || head[1] !== 'files' || head.at(-1) !== 'packages')
    throw new Error(`the import table begins with ${head.join(', ')}; wanted room, files, ..., packages`);
  const columns = head.slice(2, -1);
  const rooms = body.map((cells): Room => {
    const [name = '', files = '', ...marks] = cells;
    if (cells.length !== head.length) throw new Error(`row '${name}' has ${cells.length} cells, wanted ${head.length}`);
    const mayImport = new Map<string, Permission>();
    columns.forEach((column, i) => {
      const mark = marks[i] ?? '';
      if (!['', 'x', 't'].includes(mark)) throw new Error(`row '${name}', column '${column}': '${mark}' is no mark`);
      if (mark !== '') mayImport.set(column, mark === 'x' ? 'any' : 'types');
    });
    return { name, files: quoted(files), mayImport, packages: quoted(cells.at(-1) ?? '') };
  });
  const unknown = columns.filter((column) => !rooms.some(({ name }) => name === column));
  if (unknown.length > 0) throw new Error(`columns without a row: ${unknown.join(', ')}`);
  const exceptions = [...section.matchAll(/^ {2}- `([^`]+)` may say ((?:`[^`]+` ?)+)/gm)];
  return { rooms, exceptions: new Map(exceptions.map(([, file, names]) => [file as string, quoted(names as string)])) };
}

/** Two rooms that depend on each other, by whatever way; undefined when there are none. */
export function circleOf({ rooms }: House): string | undefined {
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string, path: readonly string[]): string | undefined => {
    if (state.get(name) === 'done') return undefined;
    if (state.get(name) === 'open') return [...path.slice(path.indexOf(name)), name].join(' -> ');
    state.set(name, 'open');
    for (const next of rooms.find((room) => room.name === name)?.mayImport.keys() ?? []) {
      const circle = visit(next, [...path, name]);
      if (circle) return circle;
    }
    state.set(name, 'done');
    return undefined;
  };
  for (const { name } of rooms) {
    const circle = visit(name, []);
    if (circle) return circle;
  }
  return undefined;
}

let last: { readonly text: string; readonly tree: ts.SourceFile } | undefined;

/** Parsing is what takes time here, and one text is asked about several times in a row. */
function parse(file: string, text: string): ts.SourceFile {
  if (last?.text !== text) last = { text, tree: ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true) };
  return last.tree;
}

function visitAll(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => visitAll(child, visit));
}

/** Every import of a file: statements, re-exports, import() in code and in types. */
export function importsOf(file: string, text: string): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, typesOnly: boolean) => {
    const name = specifier && ts.isStringLiteralLike(specifier) ? specifier.text : '(computed)';
    imports.push({ target: name.startsWith('.') ? resolve(file, name) : name, typesOnly });
  };
  visitAll(parse(file, text), (node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
  });
  return imports;
}

function resolve(file: string, relative: string): string {
  const parts = file.split('/').slice(0, -1);
  for (const part of relative.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

interface Words {
  readonly identifiers: readonly string[];
  readonly texts: readonly string[];
}

/** Names and texts in the code of a file; comments are neither, and what is imported from where is not counted. */
function wordsOf(file: string, text: string): Words {
  const identifiers: string[] = [];
  const texts: string[] = [];
  visitAll(parse(file, text), (node) => {
    const isImport = ts.isImportDeclaration(node.parent ?? node) || ts.isExportDeclaration(node.parent ?? node);
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) identifiers.push(node.text);
    else if (ts.isStringLiteralLike(node) && !isImport) texts.push(node.text);
    else if (ts.isRegularExpressionLiteral(node)) texts.push(node.text);
    else if (ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isTemplateTail(node)) texts.push(node.text);
  });
  return { identifiers, texts };
}

const ENTRIES = ['src/index.ts', 'src/node.ts', 'src/web.ts'];
const ASSEMBLY = '/assembly/';
const BACKEND_NAME = /wasm|webassembly|webgpu|referencebackend/i;

const isForNode = (file: string) => file.endsWith('-node.ts') || file === 'src/node.ts' || /^(cli|bench)\//.test(file);
const isForWeb = (file: string) => file.endsWith('-web.ts') || file === 'src/web.ts';

/** The room in which a file lies: that with the most precise description. */
export function roomOf({ rooms }: House, file: string): Room | undefined {
  const fits = (entry: string) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry);
  return rooms.find(({ files }) => files.some(fits));
}

/** A sentence for everything in a file that the house forbids. `families` are the names of model families. */
export function violationsOf(house: House, families: readonly string[], file: string, text: string): string[] {
  const imports = importsOf(file, text);
  if (file.includes(ASSEMBLY))
    return imports
      .filter(({ target }) => !target.includes(ASSEMBLY))
      .map(({ target }) => `${file} imports ${target}: AssemblyScript imports AssemblyScript only`);
  const room = roomOf(house, file);
  if (!room) return [`${file} lies in no room of the import table`];
  return [
    ...imports.flatMap((one) => problemOf(house, room, file, one) ?? []),
    ...namesIn(house, families, file, text),
    ...inexactMathIn(file, text),
  ];
}

function problemOf(house: House, room: Room, file: string, { target, typesOnly }: Import): string | undefined {
  if (target.startsWith('node:'))
    return isForNode(file) ? undefined : `${file} imports ${target}: name it *-node.ts, or do without`;
  if (!/^(src|cli|bench|tests|tools)\//.test(target))
    return room.packages.includes(target)
      ? undefined
      : `${file} imports the package ${target}, which '${room.name}' may not`;
  const other = roomOf(house, target);
  if (!other) return `${file} imports ${target}, which lies in no room of the import table`;
  if (target.endsWith('-node.ts') && !isForNode(file)) return `${file} imports ${target}, which works in Node only`;
  if (target.endsWith('-web.ts') && !isForWeb(file)) return `${file} imports ${target}, which works in browsers only`;
  if (other === room) return undefined;
  const permission = room.mayImport.get(other.name);
  if (permission === 'any' || (permission === 'types' && typesOnly)) return undefined;
  const what = permission === 'types' ? 'values of' : 'from';
  return `${file} imports ${target}: '${room.name}' may not import ${what} '${other.name}'`;
}

/** What ECMAScript leaves to the engine, so that results would depend on it. `Math.sqrt` is exact. */
const INEXACT = /^Math\.(a?(cos|sin|tan)h?|atan2|cbrt|exp|expm1|hypot|log|log10|log1p|log2|pow)$/;

function inexactMathIn(file: string, text: string): string[] {
  if (!file.startsWith('src/')) return [];
  const problems: string[] = [];
  visitAll(parse(file, text), (node) => {
    if (ts.isPropertyAccessExpression(node) && INEXACT.test(node.getText()))
      problems.push(`${file} uses ${node.getText()}, whose bits differ between engines: src/base/math.ts has its own`);
  });
  return problems;
}

function namesIn(house: House, families: readonly string[], file: string, text: string): string[] {
  if (file.startsWith('bench/')) return [];
  const { identifiers, texts } = wordsOf(file, text);
  const knows = file.startsWith('src/models/') || file.startsWith('src/recipes/');
  const allowed = knows ? families : (house.exceptions.get(file) ?? []);
  const contains = (list: readonly string[], name: string) => list.some((word) => word.toLowerCase().includes(name));
  const isNamed = (name: string) =>
    contains(identifiers, name) || (file.startsWith('cli/') ? texts.includes(name) : contains(texts, name));
  const problems = families
    .filter((name) => !allowed.includes(name) && isNamed(name))
    .map((name) => `${file} names the family '${name}': only src/models and src/recipes know families`);
  const backend = [...identifiers, ...texts].find((word) => BACKEND_NAME.test(word));
  if (backend && !file.startsWith('src/backends/') && !ENTRIES.includes(file))
    problems.push(`${file} names a backend ('${backend}'): only src/backends and the entries do`);
  return problems;
}
