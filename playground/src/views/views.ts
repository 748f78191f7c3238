/** The views, in the order of the menu. */
import { hasSite, type View } from './view.ts';

export const views: readonly View[] = [
  {
    id: 'write',
    name: 'Write',
    about:
      'The model continues your text. Every token is shaded by how unexpected it was; choose another, and the text branches there.',
    load: async () => (await import('./write/write.tsx')).WriteView,
  },
  {
    id: 'senses',
    name: 'Senses',
    about:
      'In a Backpack a prediction is a sum over the senses of the words so far. See which of them speak for a word, and turn them up or down.',
    suits: hasSite('senses'),
    wants: { what: 'senses, as Backpack models have', model: 'backpack-tiny' },
    load: async () => (await import('./senses/senses.tsx')).SensesView,
  },
  {
    id: 'experts',
    name: 'Experts',
    about: 'In a mixture of experts each token goes through a few experts of many. See which, and switch some off.',
    suits: hasSite('routerLogits'),
    wants: { what: 'mixture of experts', model: 'granite-tiny' },
    load: async () => (await import('./experts/experts.tsx')).ExpertsView,
  },
  {
    id: 'state',
    name: 'State',
    about:
      'A state space model keeps one state of fixed size in place of the text. See what goes in and how long it stays, and exchange it.',
    suits: hasSite('ssmState'),
    wants: { what: 'recurrent state', model: 'mamba-tiny' },
    load: async () => (await import('./state/state.tsx')).StateView,
  },
  {
    id: 'ternary',
    name: 'Ternary',
    about:
      'In a 1.58-bit model a weight is -1, 0 or 1. See the weights themselves, and what the rounding of activations loses.',
    suits: ({ description: { sites } }) => sites.some(({ name }) => name.endsWith('Int8')),
    wants: { what: 'ternary weights', model: 'bitnet-tiny' },
    load: async () => (await import('./ternary/ternary.tsx')).TernaryView,
  },
  {
    id: 'lens',
    name: 'Lens',
    about:
      'What the model would say after each layer, where it looks, which part makes a prediction, and what single values carry.',
    load: async () => (await import('./lens/lens.tsx')).LensView,
  },
  {
    id: 'steer',
    name: 'Steer',
    about: 'The difference between two kinds of texts is a direction inside the model. Add it, and the text follows.',
    load: async () => (await import('./steer/steer.tsx')).SteerView,
  },
  {
    id: 'train',
    name: 'Train',
    about:
      'Give the model a text, and watch it learn: its loss, what it writes before and after. Take what it became with you.',
    load: async () => (await import('./train/train.tsx')).TrainView,
  },
  {
    id: 'compare',
    name: 'Compare',
    about: 'Two models on the same text, or one in two formats of its weights, or with something in it changed.',
    load: async () => (await import('./compare/compare.tsx')).CompareView,
  },
];

export const viewNamed = (id: string): View => views.find((one) => one.id === id) ?? (views[0] as View);
