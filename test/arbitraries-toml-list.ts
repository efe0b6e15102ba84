import fc from 'fast-check';
import { blanks, type OddToml, others, type Piece, pairs, TOML_NAMES } from './arbitraries-toml.ts';

/**
 * TOML files whose servers are an array of tables, as people and programs leave them: items without a name, with a number
 * for one, with the same name twice, tables of others between an item and its own sub-tables. Or they stand in brackets,
 * as programs leave them.
 */

const spelled = (name: string) =>
  fc.constantFrom(
    `name = ${JSON.stringify(name)}`,
    `"name"=${JSON.stringify(name)} # who`,
    `  name = '${name}'`,
    `name = """${name.replaceAll('"', '\\"')}"""`,
  );

/** The tables of one item, in the order in which they may stand. `owner` null: an item that nobody may touch. */
function item(owner: string | null, nameLine: fc.Arbitrary<string | null>): fc.Arbitrary<Piece[]> {
  const main = fc
    .tuple(
      fc.constantFrom('', ' # ours?'),
      pairs(['command', 'args', '"note"', 'when', 'o.p'], 'inside'),
      nameLine,
      fc.boolean(),
    )
    .map(([behind, lines, name, first]) => ({
      owner,
      lines: [`[[mcp_servers]]${behind}`, ...(name === null ? lines : first ? [name, ...lines] : [...lines, name])],
    }));
  const below = (header: string, keys: string[]) =>
    pairs(keys, 'inside').map((lines) => ({ owner, lines: [header, ...lines] }));
  const parts = fc.tuple(
    below('[mcp_servers.env]', ['A', 'B_1', '"c d"']),
    below('[mcp_servers.tools.find]', ['mode']),
    below('[[mcp_servers.list]]', ['k']),
  );
  return fc
    .tuple(main, parts, fc.subarray([0, 1, 2]))
    .map(([head, rest, chosen]) => [head, ...rest.filter((_, i) => chosen.includes(i))]);
}

const nobodys = fc.oneof(
  item(null, fc.constant(null)),
  item(null, fc.constantFrom('name = 7', 'name = []', 'name.x = "one"')),
);
const twice = fc.tuple(item(null, spelled('dup')), item(null, spelled('dup')));

const items = fc
  .record({
    named: fc
      .subarray(TOML_NAMES.slice(0, 6), { maxLength: 3 })
      .chain((names) => fc.tuple(...names.map((name) => item(name, spelled(name))))),
    odd: fc.array(nobodys, { maxLength: 2 }),
    pair: fc.option(twice, { nil: null }),
    order: fc.array(fc.nat(1000), { minLength: 10, maxLength: 10 }),
  })
  .map(({ named, odd, pair, order }) =>
    [...named, ...odd, ...(pair ?? [])]
      .map((pieces, i) => ({ pieces, key: order[i] ?? 0 }))
      .toSorted((a, b) => a.key - b.key)
      .map(({ pieces }) => pieces),
  );

const inBraces = fc.constantFrom(
  'command = "a"',
  'url="https://x.example/#1"',
  'args = [\'b\', "c # d"]',
  'env = { A = "1" }',
  'when = 2026-01-02',
);
const braced = (name: fc.Arbitrary<string | null>) =>
  fc.tuple(name, fc.uniqueArray(inBraces, { maxLength: 3 }), fc.constantFrom(' ', '')).map(([own, said, pad]) => {
    const members = [...(own === null ? [] : [`name = ${JSON.stringify(own)}`]), ...said];
    return `{${pad}${members.join(', ')}${pad}}`;
  });

/** A list in one value. Lines that hold more than one item, or a bracket, are nobody's: they change with any entry. */
const brackets = fc
  .record({
    named: fc
      .subarray(TOML_NAMES.slice(0, 6), { maxLength: 3 })
      .chain((names) =>
        fc.tuple(
          ...names.map((name) => braced(fc.constant(name)).map((text) => ({ owner: name as string | null, text }))),
        ),
      ),
    odd: fc.array(
      fc.oneof(braced(fc.constant(null)), fc.constantFrom('7', '"x"', '[]')).map((text) => ({ owner: null, text })),
      { maxLength: 2 },
    ),
    order: fc.array(fc.nat(1000), { minLength: 5, maxLength: 5 }),
    style: fc.constantFrom('lines', 'line', 'packed', 'no last comma'),
  })
  .map(({ named, odd, order, style }) => {
    const listed = [...named, ...odd]
      .map((item, i) => ({ ...item, key: order[i] ?? 0 }))
      .toSorted((a, b) => a.key - b.key);
    const names = listed.flatMap(({ owner }) => owner ?? []);
    const texts = listed.map(({ text }) => text);
    if (style === 'line') return { names, lines: [], texts: [`mcp_servers = [${texts.join(', ')}]`] };
    if (style === 'packed') return { names, lines: [], texts: [`mcp_servers=[ ${texts.join(',')} ] # all of them`] };
    if (style === 'no last comma') {
      return { names, lines: [], texts: ['mcp_servers = [', ...texts.join(',\n').split('\n').filter(Boolean), ']'] };
    }
    const lines = listed.map(({ owner, text }) => ({ owner, text: `    ${text},` }));
    return { names, lines, texts: ['mcp_servers = [', ...lines.map(({ text }) => text), ']'] };
  });

const inBrackets: fc.Arbitrary<OddToml> = fc
  .record({
    top: pairs(['model', '"approval policy"', 'shell.env'], 'top'),
    list: brackets,
    others,
    kept: fc.subarray([0, 1, 2, 3]),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    end: fc.constantFrom('', '\n', '\n\n'),
  })
  .map(({ top, list, others: all, kept, eol, end }) => {
    const nobodys = (lines: readonly string[]) => lines.map((text) => ({ owner: null, text }));
    const below = all.flatMap(({ lines }, i) => (kept.includes(i) ? ['', ...lines] : []));
    const text = [...top, ...list.texts, ...below].join(eol) + end.replaceAll('\n', eol);
    return { text, names: list.names, lines: [...nobodys(top), ...list.lines, ...nobodys(below)] };
  });

const inTables: fc.Arbitrary<OddToml> = fc
  .record({
    top: pairs(['model', '"approval policy"', 'shell.env'], 'top'),
    others,
    kept: fc.subarray([0, 1, 2, 3]),
    items,
    places: fc.array(fc.nat(1000), { minLength: 4, maxLength: 4 }),
    gaps: fc.array(blanks, { minLength: 40, maxLength: 40 }),
    eol: fc.constantFrom('\n', '\n', '\r\n'),
    end: fc.constantFrom('', '', 'eol', 'eol eol', '# last words'),
  })
  .map(({ top, others: all, kept, items: listed, places, gaps, eol, end }) => {
    const pieces = listed.flat();
    // Between any two tables, those of one item included. The elements of their own list stay in order.
    const at = places.map((place) => place % (pieces.length + 1)).toSorted((a, b) => a - b);
    const mixed = [...pieces.keys(), pieces.length].flatMap((i) => [
      ...all.filter((_, j) => kept.includes(j) && at[j] === i),
      ...pieces.slice(i, i + 1),
    ]);
    const lines = [{ owner: null, lines: top }, ...mixed].flatMap(({ owner, lines: own }: Piece, i) => [
      ...own.map((text) => ({ owner, text })),
      ...(gaps[i] ?? []).map((text) => ({ owner: null, text })),
    ]);
    if (end === '# last words') lines.push({ owner: null, text: end });
    const text = lines.map((line) => line.text).join(eol) + (end === 'eol' ? eol : end === 'eol eol' ? eol + eol : '');
    return { text, names: [...new Set(lines.flatMap(({ owner }) => owner ?? []))], lines };
  });

export const oddTomlList = fc.oneof({ weight: 3, arbitrary: inTables }, { weight: 1, arbitrary: inBrackets });
