/** All tasks, groups and tags that are known by name, and what a list of names comes to (lm_eval/tasks of the harness). */
import { quote, UsageError } from '../../base/errors.ts';
import { globPattern } from '../../base/glob.ts';
import { nearest } from '../../base/nearest.ts';
import { checkGroup, checkTask } from './check-config.ts';
import type { TaskGroup } from './task.ts';
import type { GroupConfig, TaskConfig } from './task-config.ts';

/** A definition as it stands in a file. */
export interface Definition {
  readonly name: string;
  readonly kind: 'task' | 'group';
  readonly keys: Readonly<Record<string, unknown>>;
  /** A path, or 'built in'. */
  readonly source: string;
}

export interface ResolvedTask {
  readonly config: TaskConfig;
  readonly source: string;
}

/** Tasks by their names, in the order in which they are first wanted; groups after their children. */
export interface Resolved {
  readonly tasks: ReadonlyMap<string, ResolvedTask>;
  readonly groups: readonly TaskGroup[];
}

export class Catalogue {
  readonly #definitions = new Map<string, Definition>();
  /** Tag -> names of tasks. */
  readonly #tags = new Map<string, Set<string>>();

  /** Later definitions replace earlier ones of the same name. */
  constructor(definitions: readonly Definition[]) {
    for (const definition of definitions) this.#definitions.set(definition.name, definition);
    for (const { name, kind, keys } of this.#definitions.values()) {
      if (kind !== 'task') continue;
      for (const tag of tagsOf(keys)) this.#tags.set(tag, (this.#tags.get(tag) ?? new Set()).add(name));
    }
  }

  get definitions(): readonly Definition[] {
    return [...this.#definitions.values()];
  }

  /** Tags that are no tasks or groups, with the names of their tasks. */
  get tags(): readonly (readonly [string, readonly string[]])[] {
    return [...this.#tags]
      .filter(([tag]) => !this.#definitions.has(tag))
      .map(([tag, names]) => [tag, [...names].sort()]);
  }

  /** Throws UsageError on names that are not known; `*` stands for any part of a name. */
  resolve(names: readonly string[], overrides: Readonly<Record<string, unknown>> = {}): Resolved {
    const run = new Resolving(this.#definitions, this.#tags);
    for (const name of names.flatMap((pattern) => this.#matching(pattern))) run.add(name, overrides);
    return run;
  }

  #matching(pattern: string): readonly string[] {
    const known = [...this.#definitions.keys(), ...this.#tags.keys()];
    if (known.includes(pattern)) return [pattern];
    const found = pattern.includes('*')
      ? [...new Set(known.filter((name) => globPattern(pattern).test(name)))].sort()
      : [];
    if (found.length > 0) return found;
    const meant = nearest(pattern, known);
    throw new UsageError(
      `there is no task, group or tag '${pattern}'${meant === undefined ? '.' : `; did you mean '${meant}'?`} 'eval ls' lists all; --include-path adds those of a folder.`,
    );
  }
}

const tagsOf = ({ tag }: Readonly<Record<string, unknown>>): readonly string[] =>
  typeof tag === 'string' ? [tag] : Array.isArray(tag) ? tag.map(String) : [];

/** Keys that say where a task belongs, not what it is. */
const STRUCTURE = new Set(['tag', 'group']);

class Resolving implements Resolved {
  readonly tasks = new Map<string, ResolvedTask>();
  readonly groups: TaskGroup[] = [];
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #tags: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #open: string[] = [];

  constructor(definitions: ReadonlyMap<string, Definition>, tags: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#definitions = definitions;
    this.#tags = tags;
  }

  /** Adds what a name stands for; returns the names of tasks and groups that it came to. */
  add(name: string, overrides: Readonly<Record<string, unknown>>): string[] {
    const definition = this.#definitions.get(name);
    if (!definition) {
      const tagged = this.#tags.get(name);
      if (!tagged) throw new UsageError(`there is no task, group or tag '${name}'.`);
      return [...tagged].sort().flatMap((task) => this.add(task, overrides));
    }
    if (definition.kind === 'group') {
      this.#addGroup(name, checkGroup(definition.keys, definition.source), definition.source, overrides);
      return [name];
    }
    const keys = Object.entries({ ...definition.keys, ...overrides }).filter(([key]) => !STRUCTURE.has(key));
    const config = checkTask({ ...Object.fromEntries(keys), task: name }, definition.source);
    this.tasks.set(name, { config, source: definition.source });
    return [name];
  }

  #addGroup(name: string, group: GroupConfig, source: string, overrides: Readonly<Record<string, unknown>>): void {
    if (this.#open.includes(name))
      throw new UsageError(`the group '${name}' (${source}) contains itself: ${[...this.#open, name].join(' > ')}.`);
    this.#open.push(name);
    const inner = { ...group.overrides, ...overrides };
    const children = group.task.flatMap((member) => this.#addMember(member, name, source, inner));
    this.#open.pop();
    const version = group.metadata?.version;
    const made: TaskGroup = {
      name,
      alias: group.group_alias,
      version: version === undefined ? 'N/A' : String(version),
      metrics: group.aggregate_metric_list ?? [],
      children,
    };
    const at = this.groups.findIndex((known) => known.name === name);
    if (at < 0) this.groups.push(made);
    else this.groups[at] = made;
  }

  #addMember(
    member: GroupConfig['task'][number],
    group: string,
    source: string,
    overrides: Readonly<Record<string, unknown>>,
  ): string[] {
    if (typeof member === 'string') return this.add(member, overrides);
    const { task, group: named, ...own } = member as Readonly<Record<string, unknown>>;
    if (typeof named === 'string') {
      if (this.#definitions.has(named)) return this.add(named, { ...overrides, ...own });
      const name = `${group}::${named}`; // a group that is defined here
      this.#addGroup(name, checkGroup({ ...member, group: name }, source), source, overrides);
      return [name];
    }
    if (typeof task !== 'string')
      throw new UsageError(
        `${source}: the group '${group}' has the member ${quote(member)}, wanted 'task' or 'group'.`,
      );
    if (this.#definitions.has(task) || this.#tags.has(task)) return this.add(task, { ...overrides, ...own });
    const name = `${group}::${task}`; // a task that is defined here
    this.tasks.set(name, { config: checkTask({ ...overrides, ...own, task: name }, source), source });
    return [name];
  }
}
