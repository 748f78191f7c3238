/** A state as an option. */
import { ownKind } from '../options/option.ts';
import { State } from '../runtime/state.ts';

export const aState = ownKind<State>('a State, as newState() gives', (value) => value instanceof State);
