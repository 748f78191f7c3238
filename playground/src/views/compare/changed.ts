/** What the other views change, as their settings say, and interventions of a file. */

import type { Loaded } from '../../models.ts';
import type { Changes } from '../../parts/twin.tsx';
import type { Seen } from '../../worker/about.ts';
import { expertsOf, OFF, withoutExperts } from '../experts/without.ts';
import { scaledOf } from '../senses/changes.ts';
import { AWAY, linesOf, middleOf, STRENGTH, siteAfter, steered, TOWARDS } from '../steer/steering.ts';
import { hasSite } from '../view.ts';

type Settings = Readonly<Record<string, string>>;

interface ChangedBy {
  readonly name: string;
  readonly suits: (seen: Seen) => boolean;
  /** The settings that count. */
  readonly settings: readonly string[];
  /** Undefined where nothing is changed. */
  readonly changes: (loaded: Loaded, settings: Settings, signal: AbortSignal) => Promise<Changes | undefined>;
}

/** By the ids of the views. */
export const changedBy: Readonly<Record<string, ChangedBy>> = {
  senses: {
    name: 'the changes made in Senses',
    suits: hasSite('senses'),
    settings: ['senses', 'edit'],
    changes: ({ library, model }, { senses = '', edit = '' }) => library.changesOf(model, scaledOf(senses), edit),
  },
  experts: {
    name: 'without the experts that are off',
    suits: hasSite('routerLogits'),
    settings: ['off'],
    changes: async (_, { off = OFF }) => {
      const changes = withoutExperts(expertsOf(off));
      return changes.length > 0 ? changes : undefined;
    },
  },
  steer: {
    name: 'steered, as in Steer',
    suits: () => true,
    settings: ['towards', 'away', 'by', 'layer'],
    changes: async ({ model, seen }, { towards = TOWARDS, away = AWAY, by, layer }, signal) => {
      const site = siteAfter(Number(layer ?? middleOf(seen)) || 0, seen);
      const texts = { positive: linesOf(towards), negative: linesOf(away) };
      const { interventions } = await model.steeringVector({ ...texts, sites: [site], signal });
      return steered(interventions, Number(by ?? STRENGTH) || 0);
    },
  },
};

/** Interventions as `--interventions` takes them. Throws SyntaxError where the file is no JSON. */
export const changesIn = async (file: File): Promise<Changes> => JSON.parse(await file.text());
