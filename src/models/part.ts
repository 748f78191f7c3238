/**
 * Declarations of a model's parts, made while it is built: sites (values shown to taps), state tensors, and parameters that analyses may
 * read. The forward pass uses the returned objects as handles, so that every name and shape is written once.
 */
import type { Shape } from '../base/tensor.ts';
import type { Parameter, ResidualWrite, Site, StateTensor } from './model.ts';

/** The handle of a site. */
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
    all.push({ name, axes, about }); // data, which a worker sends
  }

  /** Declares a site for a value derived from this one; `suffix` is added to the name. */
  beside(suffix: string, axes: string, about: string): DeclaredSite {
    return new DeclaredSite(this.name + suffix, axes, about, this.#all);
  }
}

/** The KV cache of one attention: rows [K, D] and [K, Dv] per token. */
export interface KeyValueState {
  readonly k: StateTensor;
  readonly v: StateTensor;
}

export class Part {
  /** Sites of the whole model, in order of declaration. */
  readonly sites: Site[];
  /** State tensors of the whole model, in order of declaration. */
  readonly state: StateTensor[];
  /** Parameters of the whole model, in order of declaration. */
  readonly parameters: Parameter[];
  /** All writes to the residual stream, in order. */
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

  /** A sub-part: the sites of `at('blocks.3')` are named `blocks.3.*`. */
  at(name: string): Part {
    return new Part(`${this.#prefix}${name}.`, this.sites, this.state, this.parameters, this.writes);
  }

  /** Declares a site; `axes` as in the legend of tensor.ts. */
  site(name: string, axes: string, about: string): DeclaredSite {
    return new DeclaredSite(this.#prefix + name, axes, about, this.sites);
  }

  /** Declares weights that analyses may read; `axes` as in the legend of tensor.ts. */
  parameter(name: string, axes: string, about: string, shape: Shape, weight: Parameter['weight']): void {
    this.parameters.push({ name: this.#prefix + name, axes, about, shape, weight });
  }

  /** Declares that the value of this site is added to the residual stream; `heads`: the site of what each head adds to it. */
  adds(site: Site, by = 1, heads?: Site): void {
    this.writes.push({ site: site.name, by, ...(heads ? { heads: heads.name } : {}) });
  }

  /** Declares a state tensor with a row of this shape per token. */
  grows(name: string, shape: Shape): StateTensor {
    return this.#remembers({ name: this.#prefix + name, shape, grows: true });
  }

  /** Declares a state tensor of this shape per sequence. */
  fixed(name: string, shape: Shape): StateTensor {
    return this.#remembers({ name: this.#prefix + name, shape, grows: false });
  }

  /** Declares the KV cache of one attention. */
  keysValues(k: Shape, v = k): KeyValueState {
    return { k: this.grows('k', k), v: this.grows('v', v) };
  }

  #remembers(tensor: StateTensor): StateTensor {
    this.state.push(tensor);
    return tensor;
  }
}
