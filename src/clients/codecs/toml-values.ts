import { parse as readValues, TomlDate } from 'smol-toml';

type Path = readonly string[];

/** All values by the second parser, keys in order of their names: where a table stands does not matter. */
export function spellToml(text: string, skip: readonly Path[] = []): string {
  const values = valuesOf(text);
  for (const path of skip) prune(values, path);
  return spell(values);
}

/** The same, where each path to be left out ends with the name of an item of an array. */
export function spellTomlList(text: string, skip: readonly Path[]): string {
  const values = valuesOf(text);
  for (const path of skip) pruneItem(values, path.slice(0, -1), path.at(-1));
  return spell(values);
}

/** The names of the items of an array, in their order; null for an item without one. */
export function itemNames(text: string, pointer: Path): (string | null)[] {
  let at: unknown = valuesOf(text);
  for (const segment of pointer) at = isTables(at) && Object.hasOwn(at, segment) ? at[segment] : undefined;
  return Array.isArray(at) ? at.map(nameOf) : [];
}

const nameOf = (item: unknown): string | null =>
  isTables(item) && Object.hasOwn(item, 'name') && typeof item['name'] === 'string' ? item['name'] : null;

const valuesOf = (text: string): Tables => readValues(text, { integersAsBigInt: true });

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

/** An array without items is the same as none: it comes and goes with them. */
function pruneItem(values: Tables, [segment, ...deeper]: Path, name: string | undefined): void {
  if (segment === undefined || !Object.hasOwn(values, segment)) return;
  const below = values[segment];
  if (deeper.length > 0) {
    if (!isTables(below)) return;
    pruneItem(below, deeper, name);
    if (Object.keys(below).length === 0) delete values[segment];
    return;
  }
  if (!Array.isArray(below)) return;
  const left = below.filter((item) => nameOf(item) !== name);
  if (left.length === 0) delete values[segment];
  else values[segment] = left;
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
