/**
 * Sessions: named states that are kept between requests. A request continues a copy, which replaces the state only when the answer is complete;
 * so a cancelled or failed request changes nothing.
 */
import type { Traces } from '../../interventions/provenance.ts';
import type { State } from '../../runtime/state.ts';
import { ApiError, badRequest } from '../http/api-error.ts';
import type { NamedModel } from '../models/served-model.ts';
import { continued } from './continued.ts';

/** Keeps sessions when the server does not run. */
export interface SessionStore {
  /** Names of the sessions of a model that were kept. */
  names(model: string): readonly string[];
  load(named: NamedModel, name: string): Promise<State>;
  save(named: NamedModel, name: string, state: State): Promise<void>;
  remove(model: string, name: string): Promise<void>;
}

interface Entry {
  readonly named: NamedModel;
  readonly name: string;
  state: State | undefined;
  busy: boolean;
  /** Differs from what the store has. */
  changed: boolean;
}

/** A session in use by one request. */
export interface SessionUse {
  /** A copy of the state with what it has read of the prompt, and the ids that are still to be read. */
  begin(
    prompt: { readonly ids: readonly number[]; readonly text?: string | undefined },
    under: Traces | undefined,
  ): Promise<{ readonly state: State; readonly ids: readonly number[] }>;
  /** Keeps the copy as the new state. */
  keep(): void;
  /** Has to be called at the end. */
  end(): void;
}

export interface SessionFacts {
  readonly name: string;
  readonly model: string;
  readonly tokens: number;
}

const keyOf = (model: string, name: string) => `${name} ${model}`;

export class Sessions {
  readonly #max: number;
  readonly #store: SessionStore | undefined;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();

  constructor(max: number, store?: SessionStore) {
    this.#max = max;
    this.#store = store;
  }

  /** Throws ApiError 409 while another request uses the session. */
  async use(named: NamedModel, name: string): Promise<SessionUse> {
    if (this.#max === 0) throw badRequest('this server keeps no sessions.', 'session', 'unsupported_parameter');
    const entry = this.#entry(named, name);
    if (entry.busy)
      throw new ApiError(409, `the session ${name} is used by another request; wait for its answer.`, {
        param: 'session',
        code: 'session_busy',
      });
    entry.busy = true;
    let copy: State | undefined;
    const end = () => {
      copy?.dispose();
      copy = undefined;
      entry.busy = false;
      if (!entry.state) this.#entries.delete(keyOf(named.id, name));
    };
    try {
      if (!entry.state && this.#store?.names(named.id).includes(name)) {
        entry.state = await this.#store.load(named, name);
        entry.changed = false;
      }
      await this.#makeRoom();
    } catch (error) {
      end();
      throw error;
    }
    return {
      begin: async (prompt, under) => {
        const { ids, length } = continued(entry.state, prompt, named.model.tokenizer, under);
        const state = entry.state && length > 0 ? await entry.state.clone(length) : named.model.newState();
        copy = state;
        return { state, ids: ids.slice(length) };
      },
      keep: () => {
        if (!copy) return;
        entry.state?.dispose();
        entry.state = copy;
        entry.changed = true;
        copy = undefined;
      },
      end,
    };
  }

  /** What is kept in memory. */
  list(): SessionFacts[] {
    return [...this.#entries.values()].flatMap(({ named, name, state }) =>
      state ? [{ name, model: named.id, tokens: state.length }] : [],
    );
  }

  /** Forgets a session, also in the store. Throws ApiError 404 when there is none, 409 while it is used. */
  async remove(model: string, name: string): Promise<void> {
    const entry = this.#entries.get(keyOf(model, name));
    const stored = this.#store?.names(model).includes(name) ?? false;
    if (entry?.busy)
      throw new ApiError(409, `the session ${name} is used by another request.`, { code: 'session_busy' });
    if (!entry && !stored)
      throw new ApiError(404, `there is no session ${name} of ${model}.`, { code: 'session_not_found' });
    entry?.state?.dispose();
    this.#entries.delete(keyOf(model, name));
    if (stored) await this.#store?.remove(model, name);
  }

  /** Writes all that has changed to the store. */
  async saveAll(): Promise<void> {
    for (const entry of this.#entries.values()) await this.#save(entry);
  }

  /** Bytes of the states, where pages that they share with others count too. */
  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { state }) => sum + (state?.bytes ?? 0), 0);
  }

  #entry(named: NamedModel, name: string): Entry {
    const key = keyOf(named.id, name);
    const entry = this.#entries.get(key) ?? { named, name, state: undefined, busy: false, changed: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  async #save(entry: Entry): Promise<void> {
    const { named, name, state, changed } = entry;
    if (!this.#store || !state || !changed) return;
    entry.changed = false;
    await this.#store.save(named, name, state);
  }

  async #makeRoom(): Promise<void> {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= this.#max) return;
      if (entry.busy) continue;
      this.#entries.delete(key);
      await this.#save(entry);
      entry.state?.dispose();
    }
  }
}
