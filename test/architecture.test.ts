import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Which folders of ours a folder may import from; the adapters may not know each other. */
const ARROWS: Record<string, string[]> = {
  core: [],
  clients: ['core'],
  catalog: ['core'],
  stores: ['core'],
  io: ['core'],
  operations: ['core', 'clients', 'catalog', 'stores', 'io'],
  launch: ['core', 'clients', 'stores', 'io'],
  'adapters/cli': ['operations', 'core'],
  'adapters/mcp': ['operations', 'core'],
  'adapters/rest': ['operations', 'core', 'stores'],
  /** For programs of others: it has the types of the operations, and nothing of theirs. */
  sdk: [],
  main: [
    'adapters/cli',
    'adapters/mcp',
    'adapters/rest',
    'operations',
    'clients',
    'catalog',
    'stores',
    'io',
    'core',
    'launch',
    'sdk',
  ],
};

/** What core must not import from Node: everything that has a clock, randomness, files or a network. */
const PURE = new Set(['node:crypto', 'node:zlib', 'node:buffer']);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => join(SRC, name));

const folderOf = (file: string) => {
  const parts = relative(SRC, file).split('/');
  return parts[0] === 'adapters' ? `adapters/${parts[1]}` : (parts[0] ?? '');
};

function importsOf(file: string): { name: string; typeOnly: boolean }[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s(type\s)?[^;]*?from '([^']+)'|import\('([^']+)'\)/gm);
  return [...statements].map((match) => ({ name: match[2] ?? match[3] ?? '', typeOnly: match[1] !== undefined }));
}

describe('architecture', () => {
  it('knows every folder of src', () => {
    expect([...new Set(files.map(folderOf))].sort()).toEqual(Object.keys(ARROWS).sort());
  });

  it.each(files.map((file) => [relative(SRC, file), file]))('%s imports only along the arrows', (_name, file) => {
    const from = folderOf(file);
    const wrong = importsOf(file)
      .filter(({ name }) => name.startsWith('.') && !name.endsWith('.json'))
      .map(({ name }) => folderOf(resolve(dirname(file), name)))
      .filter((to) => to !== from && !(ARROWS[from] ?? []).includes(to));
    expect(wrong).toEqual([]);
  });

  it('keeps the core free of clock, randomness, files and network', () => {
    const impure = files
      .filter((file) => folderOf(file) === 'core')
      .flatMap((file) => {
        const modules = importsOf(file).filter(
          ({ name, typeOnly }) => name.startsWith('node:') && !typeOnly && !PURE.has(name),
        );
        const calls =
          readFileSync(file, 'utf8').match(
            /\b(Date\.now|new Date\(\)|Math\.random|randomBytes|randomUUID|process\.env)\b/g,
          ) ?? [];
        return [...modules.map(({ name }) => name), ...calls].map((what) => `${relative(SRC, file)}: ${what}`);
      });
    expect(impure).toEqual([]);
  });

  it('loads no package for the launcher but the one that spells canonical JSON', () => {
    const seen = new Set<string>();
    const visit = (file: string): string[] => {
      if (seen.has(file)) return [];
      seen.add(file);
      const loaded = importsOf(file).filter(({ typeOnly }) => !typeOnly);
      return loaded.flatMap(({ name }) => (name.startsWith('.') ? visit(resolve(dirname(file), name)) : [name]));
    };
    const packages = visit(join(SRC, 'launch/main.ts')).filter((name) => !name.startsWith('node:'));
    expect([...new Set(packages)].toSorted()).toEqual(['@napi-rs/keyring', 'canonicalize']);
  });

  it('lets no door know an operation by name', () => {
    const doors = files.filter((file) => folderOf(file).startsWith('adapters/') && !file.includes('/cli/local/'));
    const nouns =
      /operations\/(clients|servers|drafts|validation|releases|comparison|deployments|deployed|keys|tokens|capabilities|index)\.ts$/;
    const found = doors.flatMap((file) =>
      importsOf(file)
        .filter(({ name }) => nouns.test(name))
        .map(({ name }) => `${relative(SRC, file)}: ${name}`),
    );
    expect(found).toEqual([]);
  });

  it('reads the environment in one place', () => {
    const readers = files
      .filter((file) => /process\.env\b/.test(readFileSync(file, 'utf8')))
      .map((file) => relative(SRC, file));
    expect(readers).toEqual([]);
  });

  it('reads what comes from outside where no value can make the reader throw', () => {
    const direct = files.filter((file) => /\.safeParse\(/.test(readFileSync(file, 'utf8')));
    expect(direct.map((file) => relative(SRC, file))).toEqual(['core/safe-parse.ts']);
  });
});
