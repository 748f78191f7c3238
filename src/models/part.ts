/**
 * What the parts of a model declare while it is built: the values that they show to taps, what they remember of each sequence, and weights that
 * analyses may read. A declared value or memory is also the handle by which the forward pass shows or remembers it, so that every name and
 * shape is said once.
 */
import type { Shape } from '../base/tensor.ts';
import type { Parameter, ResidualWrite, Site, StateTensor } from './model.ts';

/** A site, as the part that declared it holds it. */
export class DeclaredSite implements Site {
  readonly name: string;
  readonly axes: string;
  readonly about: string;
  readonly #all: Site[];

  constructor(name: string, axes: string, about: string, all: Site[]) {
    this.name = name;
    this.axes = axes;
    this.about = about;
    this.#all = all;
    all.push(this);
  }

  /** Declares a value beside this one, that is made of it; `suffix` is added to the name. */
  beside(suffix: string, axes: string, about: string): DeclaredSite {
    return new DeclaredSite(this.name + suffix, axes, about, this.#all);
  }
}

/** What is remembered for attention: rows [K, D] and [K, Dv] of each token. */
export interface KeyValueState {
  readonly k: StateTensor;
  readonly v: StateTensor;
}

export class Part {
  /** Of the whole model, in the order in which they were declared. */
  readonly sites: Site[];
  /** Of the whole model, as `sites`. */
  readonly state: StateTensor[];
  /** Of the whole model, as `sites`. */
  readonly parameters: Parameter[];
  /** What is added to the residual stream, in order. */
  readonly writes: ResidualWrite[];
  readonly #prefix: string;

  constructor(
    prefix = '',
    sites: Site[] = [],
    state: StateTensor[] = [],
    parameters: Parameter[] = [],
    writes: ResidualWrite[] = [],
  ) {
    this.#prefix = prefix;
    this.sites = sites;
    this.state = state;
    this.parameters = parameters;
    this.writes = writes;
  }

  /** A part of this one: `at('blocks.3')` names its values `blocks.3.*`. */
  at(name: string): Part {
    return new Part(`${this.#prefix}${name}.`, this.sites, this.state, this.parameters, this.writes);
  }

  /** Declares a value; `axes` in the legend of tensor.ts. */
  site(name: string, axes: string, about: string): DeclaredSite {
    return new DeclaredSite(this.#prefix + name, axes, about, this.sites);
  }

  /** Declares weights that analyses may read; `axes` in the legend of tensor.ts. */
  parameter(name: string, axes: string, about: string, shape: Shape, weight: Parameter['weight']): void {
    this.parameters.push({ name: this.#prefix + name, axes, about, shape, weight });
  }

  /** Declares that the value of this site is added to the residual stream; `heads`: the site of what each head adds to it. */
  adds(site: Site, by = 1, heads?: Site): void {
    this.writes.push({ site: site.name, by, ...(heads ? { heads: heads.name } : {}) });
  }

  /** Declares a tensor of this shape for each token. */
  grows(name: string, shape: Shape): StateTensor {
    return this.#remembers({ name: this.#prefix + name, shape, grows: true });
  }

  /** Declares a tensor of this shape for each sequence. */
  fixed(name: string, shape: Shape): StateTensor {
    return this.#remembers({ name: this.#prefix + name, shape, grows: false });
  }

  /** Declares the keys and values of one attention. */
  keysValues(k: Shape, v = k): KeyValueState {
    return { k: this.grows('k', k), v: this.grows('v', v) };
  }

  #remembers(tensor: StateTensor): StateTensor {
    this.state.push(tensor);
    return tensor;
  }
}
