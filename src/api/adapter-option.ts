/** An adapter as an option. */
import { Adapter } from '../adapters/adapter.ts';
import { ownKind } from '../options/option.ts';

export const anAdapter = ownKind<Adapter>('an Adapter, as loadAdapter() gives', (value) => value instanceof Adapter);
