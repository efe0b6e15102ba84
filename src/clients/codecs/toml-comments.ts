import type { Statement } from './toml-statements.ts';

type Skipped = readonly string[];
/** A statement with its way through the file; null stands for an item that has no name. */
export type Addressed = Omit<Statement, 'path'> & { path: readonly (string | null)[] };

/** Every comment that is not inside an entry: behind its last line a table has ended. */
export function commentsOutside(statements: Iterable<Addressed>, skip: readonly Skipped[]): string[] {
  const seen: string[] = [];
  let ours = false;
  let table: Addressed['path'] = [];
  let pending: string[] = [];
  for (const { kind, path, comments } of statements) {
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

const isSkipped = (path: Addressed['path'], skip: readonly Skipped[]) =>
  skip.some((gone) => gone.length <= path.length && gone.every((segment, i) => segment === path[i]));
