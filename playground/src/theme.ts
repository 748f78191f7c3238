/** Light or dark: as the system has it, until the visitor chooses. */
import { computed, effect, signal } from '@preact/signals';

const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
system.addEventListener('change', () => {
  systemIsDark.value = system.matches;
});

export const chosenDark = signal<boolean | undefined>(undefined);
export const dark = computed(() => chosenDark.value ?? systemIsDark.value);

effect(() => {
  document.documentElement.dataset.theme = dark.value ? 'dark' : 'light';
});
