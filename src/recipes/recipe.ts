/** A recipe: the configuration by which a published model was trained, with the source of each number. */
import type { TrainingOptions } from '../training/config.ts';
import type { Hardware } from '../training/plan/plan.ts';

/** How sure a value is. */
export type Certainty =
  /** Read in the named source. */
  | 'published'
  /** Follows from published values by arithmetic. */
  | 'derived'
  /** Not published: a default of the authors' code, or of code like it. */
  | 'default'
  /** Not published: chosen for this recipe. */
  | 'chosen';

export interface SourceOfKeys {
  /** Paths of keys of the configuration; those below are meant too. */
  readonly keys: readonly string[];
  readonly certainty: Certainty;
  readonly source: string;
}

export interface Recipe {
  readonly name: string;
  readonly about: string;
  /** Hub id of the published model. */
  readonly card: string;
  readonly config: TrainingOptions;
  /** config.json of the model that is trained, for estimates. */
  readonly model: { readonly [key: string]: unknown };
  readonly sources: readonly SourceOfKeys[];
  /** Where sources contradict each other, and which one the recipe follows. */
  readonly conflicts: readonly string[];
  /** What the authors did and this library does not. */
  readonly differences: readonly string[];
  /** That of the published model. Undefined for recipes that fit an ordinary computer, and where it is not published. */
  readonly hardware?: Hardware | undefined;
}
