/** All recipes, by name. */
import { UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { backpackGpt2 } from './backpack-gpt2.ts';
import { graniteMoe } from './granite-3.1-moe.ts';
import { levanterBackpack } from './levanter-backpack-1b.ts';
import { llama3Ternary } from './llama3-8b-1.58.ts';
import { mamba7b } from './mamba-7b-rw.ts';
import type { Recipe } from './recipe.ts';
import { backpackTiny } from './tiny/backpack-gpt2.ts';
import { graniteTiny } from './tiny/granite-3.1-moe.ts';
import { levanterTiny } from './tiny/levanter-backpack-1b.ts';
import { llamaTiny } from './tiny/llama3-8b-1.58.ts';
import { mambaTiny } from './tiny/mamba-7b-rw.ts';

export const recipes: readonly Recipe[] = [
  ...[backpackGpt2, levanterBackpack, llama3Ternary, mamba7b, graniteMoe],
  ...[backpackTiny, levanterTiny, llamaTiny, mambaTiny, graniteTiny],
];

/** Throws UsageError when there is none of this name. */
export function recipeNamed(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found) return found;
  const names = recipes.map((recipe) => recipe.name);
  const meant = nearest(name, names);
  throw new UsageError(
    `there is no recipe '${name}'${meant ? `; did you mean '${meant}'?` : '.'} The recipes are ${names.join(', ')}.`,
  );
}
