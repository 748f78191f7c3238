/** Names of sites and states that match a pattern. */
import { quote, UsageError } from '../base/errors.ts';
import { globPattern } from '../base/glob.ts';
import { nearest } from '../base/nearest.ts';

/** `*` matches any part of a name. Throws UsageError when no name matches; `who` and `what` are for its message. */
export function matching(pattern: string, names: readonly string[], what: string, who: string): string[] {
  const expression = globPattern(pattern);
  const found = names.filter((one) => expression.test(one));
  if (found.length > 0) return found;
  const general = [...new Set(names.map((one) => one.replace(/\.\d+\./, '.*.')))];
  const meant = nearest(pattern, general);
  throw new UsageError(
    `${who}: no ${what} is called ${quote(pattern)}${meant ? ` (did you mean '${meant}'?)` : ''}. This model has: ${general.join(', ') || 'none'}.`,
  );
}
