import { parse as readValues, TomlDate } from 'smol-toml';
import type { Codec } from '../../core/splice/types.ts';
import { putToml } from './toml-put.ts';
import { statementsOf } from './toml-statements.ts';
import { asToml, parseToml, tomlValueOf } from './toml-syntax.ts';
import { takeToml } from './toml-take.ts';

/** TOML 1.0 with one table per entry, as Codex keeps its servers. */
export const tomlCodec: Codec = {
  format: 'toml',
  parse: parseToml,
  valueOf: tomlValueOf,
  skeleton: () => '',
  put: (document, pointer, puts, glue) => putToml(asToml(document), pointer, puts, glue),
  take: (document, pointer, names, glue) => takeToml(asToml(document), pointer, names, glue),
  outline: (text, skip) => [...commentsOutside(text, skip), valuesOutside(text, skip)],
};

type Path = readonly string[];

/** Every comment that is not inside an entry: behind its last line a table has ended. */
function commentsOutside(text: string, skip: readonly Path[]): string[] {
  const seen: string[] = [];
  let ours = false;
  let table: Path = [];
  let pending: string[] = [];
  for (const { kind, path, comments } of statementsOf(text)) {
    if (kind === 'blank') {
      (ours ? pending : seen).push(...comments);
      continue;
    }
    if (kind === 'header') {
      seen.push(...pending);
      table = path;
      ours = isSkipped(table, skip);
    }
    pending = [];
    if (!isSkipped(kind === 'header' ? table : [...table, ...path], skip)) seen.push(...comments);
  }
  return [...seen, ...pending];
}

const isSkipped = (path: Path, skip: readonly Path[]) =>
  skip.some((gone) => gone.length <= path.length && gone.every((segment, i) => segment === path[i]));

/** All values by the second parser, keys in order of their names: where a table stands does not matter. */
function valuesOutside(text: string, skip: readonly Path[]): string {
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
