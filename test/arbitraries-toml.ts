import fc from 'fast-check';
import type { JsonValue } from '../src/core/payload.ts';

/**
 * TOML files as people and programs leave them: comments between and inside tables, tables of one entry in several
 * places, dotted keys, inline tables, arrays of tables, strings and arrays over several lines, both line ends.
 */
export interface OddToml {
  text: string;
  /** Names of entries that are tables. */
  names: string[];
  /** Lines in file order, with the entry that they belong to; null: nobody's. */
  lines: { owner: string | null; text: string }[];
}

export const TOML_NAMES = ['one', 'two', 'thr ee', '__proto__', 'quat"tro', 'ünf', '10', 'a.b'];
export const TOML_POINTER = ['mcp_servers'];

const SCALARS = [
  '1',
  '1_000',
  '0x1F',
  '+1.50',
  'nan',
  '-inf',
  'true',
  '99999999999999999999',
  '1979-05-27T07:32:00Z',
  '07:32:00',
  '""',
  "'C:\\dir'",
  '"# no comment"',
  '"\\u00e9 [x]"',
  '"""\nfirst\n  # no comment\nlast"""',
  "'''\n[not.a.table]\n'''",
  '[]',
  '[ 1, 2, ]',
  '[\n  "a", # inside\n  # more\n  "b",\n]',
  '{ x = 1, "y z" = [ { q = 2 } ] }',
  '{}',
];
const bare = /^[A-Za-z0-9_-]+$/;
const quoted = (name: string) => (bare.test(name) ? name : JSON.stringify(name));

const comment = (words: string) => fc.constantFrom('', '', `# ${words}`, `  # ${words} "x" [y]`);
const spaced = fc.constantFrom(' = ', '=', '\t=  ');
const tail = fc.constantFrom('', '', '', '  ', ' # behind', '# behind = 1');

/** Key lines with keys of their own, comments and blanks between. */
export function pairs(keys: string[], words: string, min = 0): fc.Arbitrary<string[]> {
  const line = fc.tuple(fc.constantFrom('', '', '  '), spaced, fc.constantFrom(...SCALARS), tail, comment(words));
  return fc
    .tuple(fc.subarray(keys, { minLength: min }), fc.array(line, { minLength: keys.length, maxLength: keys.length }))
    .map(([chosen, lines]) =>
      chosen.flatMap((key, i) => {
        const [indent = '', equals = '=', value = '1', behind = '', above = ''] = lines[i] ?? [];
        return [...(above === '' ? [] : [above]), ...`${indent}${key}${equals}${value}${behind}`.split('\n')];
      }),
    );
}

export interface Piece {
  owner: string | null;
  lines: string[];
}

export const blanks = fc.constantFrom([], [''], ['', ''], ['# between'], ['', '# between', '']);
const foreign = (lines: fc.Arbitrary<string[]>): fc.Arbitrary<Piece> =>
  lines.map((all) => ({ owner: null, lines: all }));

const entry = (name: string): fc.Arbitrary<Piece[]> => {
  const head = `[mcp_servers.${quoted(name)}`;
  const main = fc
    .tuple(fc.constantFrom('', ' # ours?'), pairs(['command', 'args', '"note"', 'when', 'o.p'], 'inside'))
    .map(([behind, lines]) => ({ owner: name, lines: [`${head}]${behind}`, ...lines] }));
  const env = pairs(['A', 'B_1', '"c d"'], 'inside').map((lines) => ({
    owner: name,
    lines: [`${head}.env]`, ...lines],
  }));
  const tools = pairs(['mode'], 'inside').map((lines) => ({ owner: name, lines: [`${head}.tools.find]`, ...lines] }));
  const list = pairs(['k'], 'inside').map((lines) => ({ owner: name, lines: [`[${head}.list]]`, ...lines] }));
  const parts = fc.tuple(main, env, tools, list, fc.subarray([0, 1, 2, 3], { minLength: 1 }));
  return parts.map(([a, b, c, d, chosen]) => [a, b, c, d].filter((_, i) => chosen.includes(i)));
};

export const others = fc.tuple(
  foreign(pairs(['x', 'y', '"z z"', 'd.e', 'd.f'], 'words').map((lines) => ['[other]', ...lines])),
  foreign(pairs(['p'], 'words').map((lines) => ['[projects."/home/dev/a.b"]', ...lines])),
  foreign(pairs(['n'], 'words').map((lines) => ['[[many]] # first', ...lines, '[many.sub]', 'x = 1'])),
  foreign(pairs(['n'], 'words').map((lines) => ['[[many]]', ...lines])),
);

/** `[mcp_servers]` itself, with entries that others wrote in braces or behind dots. */
const container = fc.constantFrom<string[]>(
  [],
  [],
  ['[mcp_servers] # all of them'],
  ['[mcp_servers]', 'inline_one = { command = "x" } # theirs', 'dotted.command = "y"'],
);

export const oddToml: fc.Arbitrary<OddToml> = fc
  .record({
    top: pairs(['model', '"approval policy"', 'shell.env', 'numbers'], 'top'),
    others,
    // Most files of people hold less than all of these.
    kept: fc.subarray([0, 1, 2, 3]),
    container,
    entries: fc.subarray(TOML_NAMES.slice(0, 6), { maxLength: 3 }).chain((names) => fc.tuple(...names.map(entry))),
    order: fc.array(fc.nat(1000), { minLength: 20, maxLength: 20 }),
    gaps: fc.array(blanks, { minLength: 20, maxLength: 20 }),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    end: fc.constantFrom('', '', 'eol', 'eol eol', '# last words'),
    apart: fc.boolean(),
  })
  .map(({ top, others: all, kept, container: head, entries, order, gaps, eol, end, apart }) => {
    const tables = all.map((table, i) => (kept.includes(i) ? [table] : []));
    const groups = [
      ...entries.flatMap((parts) => (apart ? parts.map((part) => [part]) : [parts])),
      tables[0] ?? [],
      tables[1] ?? [],
    ];
    // The elements of an array of tables stay in order, and so does an entry before its own list.
    const mixed = groups
      .map((group, i) => ({ group, key: apart ? i : (order[i] ?? 0) }))
      .toSorted((a, b) => a.key - b.key);
    const pieces: Piece[] = [
      { owner: null, lines: top },
      { owner: null, lines: head },
      ...mixed.flatMap(({ group }, i) => (i === 1 ? [...group, ...(tables[2] ?? []), ...(tables[3] ?? [])] : group)),
    ];
    const lines = pieces.flatMap(({ owner, lines: own }, i) => [
      ...own.map((text) => ({ owner, text })),
      ...(gaps[i] ?? []).map((text) => ({ owner: null, text })),
    ]);
    if (end === '# last words') lines.push({ owner: null, text: end });
    const text = lines.map((line) => line.text).join(eol) + (end === 'eol' ? eol : end === 'eol eol' ? eol + eol : '');
    const names = [...new Set(lines.flatMap(({ owner }) => owner ?? []))];
    return { text, names, lines };
  });

const word = fc.constantFrom('', 'x', 'a b', 'é"\\', 'line\nbreak', '# no', '\u007f\t', '${env:A}', '日本');
const scalar = fc.oneof(word, fc.boolean(), fc.integer({ min: -9, max: 99999 }), fc.constantFrom(0.5, 1e21));

/** An entry as a dialect writes it: texts, lists, and one level of maps. */
export const tomlEntry: fc.Arbitrary<{ [key: string]: JsonValue }> = fc.record(
  {
    command: word,
    args: fc.array(word, { maxLength: 3 }),
    note: scalar,
    when: scalar,
    o: fc.dictionary(fc.constantFrom('p', 'q'), scalar),
    env: fc.dictionary(fc.constantFrom('A', 'B_1', 'c d', 'E', '__proto__'), word),
    list: fc.array(fc.dictionary(fc.constantFrom('k', 'l'), scalar), { maxLength: 2 }),
  },
  { requiredKeys: ['command'] },
);
