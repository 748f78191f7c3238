/**
 * Patterns for names: `*` matches any characters. The parts between two stars are matched at their first place, without going back (a
 * lookahead keeps what it found), so that no pattern takes long.
 */
export function globPattern(glob: string): RegExp {
  const [first = '', ...others] = glob.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const last = others.pop();
  if (last === undefined) return new RegExp(`^${first}$`);
  const between = others.filter((part) => part !== '').map((part, i) => `(?=(.*?${part}))\\${i + 1}(?:)`);
  return new RegExp(`^${first}${between.join('')}.*${last}$`);
}
