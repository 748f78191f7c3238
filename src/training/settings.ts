/** Settings of single keys, as `--set optimizer.lr=0.001`, put into a configuration. */
import { quote, UsageError } from '../base/errors.ts';

type Json = { readonly [key: string]: unknown };

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The configuration with these changes. Each is KEY=VALUE: the key's path with dots; the value in JSON, or else a text; null takes the key
 * away. Throws UsageError for a setting of another form, and for a configuration that is no object. The result is not checked.
 */
export function withSettings(config: unknown, settings: readonly string[]): Json {
  if (!isObject(config)) throw new UsageError(`the configuration came as ${quote(config)}, wanted an object.`);
  return settings.reduce<Json>((changed, setting) => {
    const at = setting.indexOf('=');
    if (at < 1) throw new UsageError(`--set came as '${setting}', wanted KEY=VALUE, such as optimizer.lr=0.001.`);
    return put(changed, setting.slice(0, at).split('.'), parsed(setting.slice(at + 1)), setting);
  }, config);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function put(config: Json, [key = '', ...rest]: readonly string[], value: unknown, setting: string): Json {
  const { [key]: before, ...others } = config;
  if (rest.length === 0) return value === null ? others : { ...config, [key]: value };
  if (before !== undefined && !isObject(before)) throw new UsageError(`--set ${setting}: '${key}' is no object.`);
  return { ...config, [key]: put(before ?? {}, rest, value, setting) };
}
