/** The sites that every model has. */
import type { Site } from './model.ts';
import type { Part } from './part.ts';

export const embedSite = (part: Part) => part.site('embed', '[T, M]', 'token embeddings');

export const positionSite = (part: Part) => part.site('posEmbed', '[T, M]', 'position embeddings');

export const hiddenSite = (part: Part) => part.site('hidden', '[T, M]', 'input of the head');

/** Shown by src/runtime, which computes logits only for the requested rows. */
export const LOGITS: Site = { name: 'logits', axes: '[T, V]', about: 'scores of the next token before the softmax' };
