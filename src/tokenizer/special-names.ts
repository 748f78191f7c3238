/**
 * Added tokens in tokenizer_config.json: those it lists, and those with a role (tokenization_utils_base.py and
 * tokenization_utils_tokenizers.py of transformers).
 */
import { type AddedVocabulary, type ListedToken, PLAIN } from './added-vocabulary.ts';
import { at, flagAt, idAt, isAbsent, listAt, objectAt, type Place, textAt, wrong } from './json.ts';

/** In the order in which the reference adds them. */
const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/** `isFurther`: from additional_special_tokens (or its newer name), without a role. */
export interface RoleToken extends ListedToken {
  readonly isFurther: boolean;
}

export type Roles = ReadonlyMap<string, RoleToken>;

/** A token of added_tokens or added_tokens_decoder. */
export function readListed(token: Place, listedId: number | undefined): ListedToken {
  objectAt(token);
  const special = flagAt(at(token, 'special'), false);
  return {
    content: textAt(at(token, 'content')),
    special,
    normalized: flagAt(at(token, 'normalized'), !special),
    singleWord: flagAt(at(token, 'single_word'), false),
    lstrip: flagAt(at(token, 'lstrip'), false),
    rstrip: flagAt(at(token, 'rstrip'), false),
    ...(listedId === undefined ? {} : { listedId }),
  };
}

/** Special tokens by role; those without a role come last, in their order. */
export function readRoles(config: Place): Roles {
  const roles = new Map<string, RoleToken>();
  const add = (role: string, place: Place, isFurther = false) => {
    if (!isAbsent(place)) roles.set(role, { ...readSpecial(place, isFurther), isFurther });
  };
  for (const role of ROLES) add(role, at(config, role));
  const own = Object.keys(config.value as object).filter((key) => key.endsWith('_token') && !ROLES.includes(key));
  for (const key of own) if (typeof at(config, key).value === 'string') add(key, at(config, key));
  const extra = at(config, 'extra_special_tokens');
  if (typeof extra.value === 'object' && extra.value !== null && !Array.isArray(extra.value))
    for (const key of Object.keys(extra.value)) add(key, at(extra, key));
  const older = at(config, 'additional_special_tokens');
  for (const list of Array.isArray(extra.value) && extra.value.length > 0 ? [extra] : [older])
    if (Array.isArray(list.value)) for (const place of listAt(list)) add(place.path, place, true);
  return roles;
}

/** Tokens with a role are special; of those without, the ones written as plain text or marked as special. */
function readSpecial(place: Place, isFurther: boolean): ListedToken {
  if (typeof place.value === 'string') return { ...PLAIN, content: place.value, special: true };
  const token = readListed(place, undefined);
  return { ...token, special: token.special || !isFurther, normalized: flagAt(at(place, 'normalized'), false) };
}

/** Adds the tokens that the config lists, or gives a role, to the vocabulary. Listed tokens take precedence. */
export function addNamed(vocabulary: AddedVocabulary, config: Place, roles: Roles): void {
  const named = new Set([...roles.values()].map(({ content }) => content));
  const list = at(config, 'added_tokens_decoder');
  for (const token of readDecoderList(list))
    vocabulary.add({ ...token, special: token.special || named.has(token.content) });
  for (const { isFurther, ...token } of roles.values()) {
    const known = vocabulary.tokens.find(({ content }) => content === token.content);
    if (!known) vocabulary.add(token);
    // A config that lists added tokens decides there what is special, and a further token stays what it is.
    else if (isAbsent(list) && !isFurther) vocabulary.add({ ...known, special: true });
  }
}

/** By id. */
function readDecoderList(place: Place): ListedToken[] {
  if (isAbsent(place)) return [];
  return Object.keys(objectAt(place).value as object)
    .map((key) => {
      const token = at(place, key);
      if (!/^\d{1,9}$/.test(key)) throw wrong({ ...token, value: key }, 'an id as the key');
      return readListed(token, idAt({ value: Number(key), path: token.path }));
    })
    .sort((a, b) => (a.listedId as number) - (b.listedId as number));
}
