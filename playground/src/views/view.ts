/** What a view is. To add one: a folder here with a component, and a line in views.ts. */
import type { ComponentType } from 'preact';
import type { Loaded } from '../models.ts';
import type { Seen } from '../worker/about.ts';

export interface ViewProps {
  readonly loaded: Loaded;
}

export interface View {
  /** In the address. */
  readonly id: string;
  readonly name: string;
  /** What one can do there, in a sentence. */
  readonly about: string;
  /** Has the model what this view shows? Default: every model has. */
  readonly suits?: (seen: Seen) => boolean;
  /** Where it is missing: what kind of model has it, and the shipped one that does. */
  readonly wants?: { readonly what: string; readonly model: string };
  /** Loaded when somebody looks. */
  readonly load: () => Promise<ComponentType<ViewProps>>;
}

/** Is there a site with this last name? */
export const hasSite =
  (name: string) =>
  ({ description: { sites } }: Seen): boolean =>
    sites.some((site) => site.name === name || site.name.endsWith(`.${name}`));
