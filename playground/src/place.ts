/** What the address says after `#`: the view, and settings by name. So a link shares a setting, and the browser's history works. */
import { computed, signal } from '@preact/signals';

export interface Place {
  readonly view: string;
  readonly settings: Readonly<Record<string, string>>;
}

export function placeOf(hash: string): Place {
  const [view = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { view: view || 'write', settings: Object.fromEntries(new URLSearchParams(query)) };
}

export function hashOf({ view, settings }: Place): string {
  const query = new URLSearchParams(Object.entries(settings)).toString();
  return `#/${view}${query ? `?${query}` : ''}`;
}

export const place = signal<Place>(placeOf(location.hash));
export const view = computed(() => place.value.view);

addEventListener('hashchange', () => {
  place.value = placeOf(location.hash);
});

/** Settings that equal their default are left out of the address: give undefined. */
export function set(changed: Readonly<Record<string, string | undefined>>): void {
  const settings = { ...place.value.settings, ...changed };
  const kept = Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined);
  place.value = { ...place.value, settings: Object.fromEntries(kept) };
  history.replaceState(null, '', hashOf(place.value));
}

/** A setting with its default, and the function that changes it. */
export function useSetting(name: string, fallback: string): [string, (value: string) => void] {
  const value = place.value.settings[name] ?? fallback;
  return [value, (next) => set({ [name]: next === fallback ? undefined : next })];
}

export function useNumber(name: string, fallback: number): [number, (value: number) => void] {
  const [text, change] = useSetting(name, String(fallback));
  const number = Number(text);
  return [Number.isFinite(number) && text !== '' ? number : fallback, (value) => change(String(value))];
}
