import type { Codec } from '../../core/splice/types.ts';
import { putToml } from './toml-put.ts';
import { statementsOf } from './toml-statements.ts';
import { asToml, parseToml, tomlValueOf } from './toml-syntax.ts';
import { takeToml } from './toml-take.ts';
import { spellToml } from './toml-values.ts';

/** TOML 1.0 with one table per entry, as Codex keeps its servers. */
export const tomlCodec: Codec = {
  format: 'toml',
  parse: parseToml,
  valueOf: tomlValueOf,
  skeleton: () => '',
  put: (document, pointer, puts, glue) => putToml(asToml(document), pointer, puts, glue),
  take: (document, pointer, names, glue) => takeToml(asToml(document), pointer, names, glue),
  outline: (text, skip) => [...commentsOutside(text, skip), spellToml(text, skip)],
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
