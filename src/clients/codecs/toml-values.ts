import { parse as readValues, TomlDate } from 'smol-toml';

type Path = readonly string[];

/** All values by the second parser, keys in order of their names: where a table stands does not matter. */
export function spellToml(text: string, skip: readonly Path[] = []): string {
  const values: Tables = readValues(text, { integersAsBigInt: true });
  for (const path of skip) prune(values, path);
  return spell(values);
}

type Tables = { [key: string]: unknown };
const isTables = (value: unknown): value is Tables =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof TomlDate);

/** Takes a value out, and the tables on the way to it that are empty then: they were only part of its header. */
function prune(values: Tables, [segment, ...deeper]: Path): void {
  if (segment === undefined || !Object.hasOwn(values, segment)) return;
  const below = values[segment];
  if (deeper.length > 0) {
    if (!isTables(below)) return;
    prune(below, deeper);
    if (Object.keys(below).length > 0) return;
  }
  delete values[segment];
}

function spell(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spell).join(',')}]`;
  if (isTables(value)) {
    const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${spell(member)}`).join(',')}}`;
  }
  if (value instanceof TomlDate) return value.toISOString();
  if (typeof value === 'number') return `float ${Object.is(value, -0) ? '-0' : value}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
