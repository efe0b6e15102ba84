import fc from 'fast-check';
import type { JsonValue } from '../src/core/payload.ts';

/**
 * YAML files as people and programs leave them: every style of text, comments and blank lines in any place, flow and
 * block, anchors, aliases, tags, merge keys and complex keys, several indentations, both line ends, with and without a
 * last one, and containers that are full, empty, in braces or not there.
 */
export interface OddYaml {
  text: string;
  list: boolean;
  /** Names of entries. */
  names: string[];
  /** The text in order, with the entry that a piece belongs to; null: nobody's. The text is all pieces in a row. */
  pieces: { owner: string | null; text: string }[];
}

export const YAML_NAMES = ['one', 'two', 'thr ee', '__proto__', 'quat"tro', 'ünf', '10', 'yes', 'a: b', '- x', ''];
export const YAML_POINTER = ['mcp', 'servers'];

const SCALARS = [
  '1',
  '0x1F',
  '1_000',
  '.inf',
  '99999999999999999999',
  '2026-11-28',
  '12:30',
  'true',
  'yes',
  'null',
  '~',
  '',
  "''",
  '""',
  "'# no comment'",
  '"\\u00e9 [x]"',
  'a#b',
  'plain text:with no space#',
  '[]',
  '{}',
  '[ 1, "2", {a: b} ]',
  '{ x: 1, "y z": [ { q: 2 } ], }',
  '日本',
];

/** Values over several lines, each relative to the column of its key. */
const BLOCKS: ((key: string) => string[])[] = [
  (key) => [`${key}: |`, '  first', '    # no comment', '', '  last'],
  (key) => [`${key}: |+ # keeps`, '  first', '', ''],
  (key) => [`${key}: >-`, '  folded', '  text'],
  (key) => [`${key}: |2`, '    indented', '  text'],
  (key) => [`${key}: "two`, '  lines"'],
  (key) => [`${key}: plain`, '  goes on'],
  (key) => [`${key}: [1, # one`, '  2,', '  # two', '  3]'],
  (key) => [`${key}: {`, '  a: 1, # one', '  }'],
  (key) => [`${key}: # below`, '  sub: 1 # c', '  # inside', '', '  more:', '  - x', '  - y: 1', '    z: 2'],
  (key) => [`${key}:`, '- a', '# between', '- b'],
  (key) => [`${key}:`, '  - - a', '    - b', '  -', '  - {c: d}'],
  (key) => [`${key}:`, '   three: 1', '   "two": 2'],
];
const ODD: ((key: string) => string[])[] = [
  (key) => [`${key}: *base`],
  (key) => [`${key}: &other`, '  x: 1'],
  (key) => [`${key}: !custom 5`],
  (key) => [`${key}: !!map`, '  x: 1'],
  (key) => [`${key}:`, '  <<: *base', '  q: 1'],
  (key) => [`? ${key}`, ': value'],
  (key) => [`? [${key}, b]`, ': value'],
  (key) => [`${key}: 1`, `${key}: 2`],
];

const field = (key: string, odd: boolean): fc.Arbitrary<string[]> => {
  const line = fc
    .tuple(fc.constantFrom(...SCALARS), fc.constantFrom(' ', '  ', ' '), fc.constantFrom('', '', ' # behind', '  '))
    .map(([scalar, space, tail]) => [`${key}:${scalar === '' ? '' : space}${scalar}${tail}`]);
  const block = fc.constantFrom(...BLOCKS).map((make) => make(key));
  const strange = fc.constantFrom(...ODD).map((make) => make(key));
  return fc.oneof(
    { weight: 5, arbitrary: line },
    { weight: 3, arbitrary: block },
    { weight: odd ? 2 : 0, arbitrary: strange },
  );
};

const between = fc.constantFrom<string[]>([], [], [], [''], ['# comment'], ['', '  # deeper "x": [y]', '']);
const fields = (keys: string[], odd: boolean, min = 0): fc.Arbitrary<string[]> =>
  fc
    .subarray(keys, { minLength: min })
    .chain((chosen) => fc.tuple(...chosen.map((key) => fc.tuple(field(key, odd), between))))
    .map((all) => all.flatMap(([lines, gap], i) => (i === all.length - 1 ? lines : [...lines, ...gap])));

const indent = (lines: string[], by: number) => lines.map((line) => (line === '' ? '' : ' '.repeat(by) + line));
const bare = /^[a-z]+$/;
const spelled = (name: string) => (bare.test(name) && name !== 'yes' ? name : JSON.stringify(name));

const KEYS = ['cmd', 'args', '"note"', 'env', 'timeout'];
const block = (unit: number, odd: boolean) => fields(KEYS, odd, 1).map((lines) => indent(lines, unit));

/** An entry of a map, from its key to its last line. */
const mapEntry = (name: string, unit: number): fc.Arbitrary<string[]> => {
  const key = spelled(name);
  const head = fc.constantFrom(`${key}:`, `${key}: # ours?`, `${key}:  `);
  const full = fc.boolean().chain((odd) => fc.tuple(head, block(unit, odd)).map(([first, rest]) => [first, ...rest]));
  const short = fc.constantFrom<string[]>(
    [`${key}: {cmd: x, "args": [a, 'b'], }`],
    [`${key}: { cmd: x, # c`, `    timeout: 1 }`],
    [`${key}:`],
    [`${key}: null`],
    [`${key}: text # no map`],
    [`${key}: &mine {cmd: x}`],
    [`${key}: *base`],
  );
  return fc.oneof({ weight: 4, arbitrary: full }, { weight: 1, arbitrary: short });
};

/** An item of a list, its name anywhere in it. */
const listEntry = (name: string): fc.Arbitrary<string[]> => {
  const full = fc
    .tuple(fields(KEYS, false), fc.boolean(), fc.constantFrom('', ' # ours?'))
    .map(([rest, first, tail]) => {
      const named = `name: ${JSON.stringify(name)}${tail}`;
      const lines = first ? [named, ...rest] : [...rest, named];
      return [`- ${lines[0] ?? ''}`, ...indent(lines.slice(1), 2)];
    });
  const short = fc.constantFrom<string[]>(
    [`- {name: ${JSON.stringify(name)}, cmd: x}`],
    ['-', `  name: ${JSON.stringify(name)}`],
  );
  return fc.oneof({ weight: 4, arbitrary: full }, { weight: 1, arbitrary: short });
};
const strangers = fc.constantFrom<string[]>(
  [],
  [],
  ['- text'],
  ['- cmd: nameless'],
  ['- name: 5', '  x: 1'],
  ['- *base'],
);

type Piece = { owner: string | null; lines: string[] };
interface Style {
  list: boolean;
  unit: number;
  dash: number;
}
const styles: fc.Arbitrary<Style> = fc.record({
  list: fc.boolean(),
  unit: fc.constantFrom(1, 2, 2, 3, 4),
  dash: fc.constantFrom(0, 2),
});

/** The container at its column, with what may stand for an empty one. */
function container({ list, unit, dash }: Style): fc.Arbitrary<Piece[]> {
  const names = fc.uniqueArray(fc.constantFrom(...YAML_NAMES.slice(0, 8)), { minLength: 1, maxLength: 3 });
  const below = list ? dash : unit;
  const at = (lines: string[]) => indent(lines, unit + below);
  const full = names.chain((chosen) =>
    fc
      .tuple(
        fc.tuple(...chosen.map((name) => fc.tuple(list ? listEntry(name) : mapEntry(name, unit), between))),
        list ? strangers : fc.constant<string[]>([]),
        fc.constantFrom('servers:', 'servers: # all', '"servers":'),
      )
      .map(([entries, strange, head]): Piece[] => [
        { owner: null, lines: [...indent([head], unit), ...at(strange)] },
        ...entries.flatMap(([lines, gap], i) => [
          { owner: chosen[i] ?? '', lines: at(lines) },
          { owner: null, lines: at(gap) },
        ]),
      ]),
  );
  const empty = fc
    .constantFrom(
      'servers:',
      'servers: # none',
      list ? 'servers: []' : 'servers: {}',
      list ? 'servers: [ ] # x' : 'servers: {  }',
    )
    .map((head): Piece[] => [{ owner: null, lines: indent([head], unit) }]);
  return fc.oneof({ weight: 6, arbitrary: full }, { weight: 2, arbitrary: empty });
}

const comments = fc.constantFrom<string[]>([], [], ['# words'], ['', '# words', '']);
const FOREIGN = ['model', '"a b"', 'rules', 'ext', 'base2'];

function root(style: Style): fc.Arbitrary<Piece[]> {
  const foreign = (keys: string[]) =>
    fc
      .tuple(comments, fields(keys, true), comments)
      .map(([a, lines, b]): Piece => ({ owner: null, lines: [...a, ...lines, ...b] }));
  const inner = fields(['prompts', 'other'], true).map(
    (lines): Piece => ({ owner: null, lines: indent(lines, style.unit) }),
  );
  const mcp = fc
    .tuple(fc.constantFrom('mcp:', 'mcp:', 'mcp: # c', "'mcp':"), inner, container(style), inner, fc.nat(9))
    .map(([head, before, own, after, pick]): Piece[] => [
      { owner: null, lines: [head] },
      ...(pick < 3 ? [before] : []),
      ...(pick === 9 && before.lines.length > 0 ? [] : own),
      ...(pick > 6 ? [after] : []),
    ]);
  const absent = fc.constantFrom<Piece[]>(
    [],
    [{ owner: null, lines: ['mcp:'] }],
    [{ owner: null, lines: ['mcp: {}'] }],
  );
  const base: Piece = { owner: null, lines: ['base: &base', '  x: 1'] };
  return fc
    .tuple(
      fc.constantFrom<string[]>([], [], ['---'], ['%YAML 1.2', '---'], ['# top', '']),
      foreign(FOREIGN.slice(0, 2)),
      fc.oneof({ weight: 8, arbitrary: mcp }, { weight: 1, arbitrary: absent }),
      foreign(FOREIGN.slice(2)),
      fc.constantFrom<string[]>([], [], [], ['...']),
    )
    .map(([head, a, own, b, end]) => [{ owner: null, lines: head }, base, a, ...own, b, { owner: null, lines: end }]);
}

const full: fc.Arbitrary<OddYaml> = styles.chain((style) =>
  fc
    .tuple(root(style), fc.constantFrom('\n', '\n', '\r\n'), fc.boolean(), fc.constantFrom('', '', '\uFEFF'))
    .map(([raw, eol, end, bom]) => {
      const pieces = raw
        .filter(({ lines }) => lines.length > 0)
        .map(({ owner, lines }) => ({ owner, text: lines.join(eol) + eol }));
      const last = pieces.at(-1);
      if (last !== undefined && !end) last.text = last.text.slice(0, -eol.length);
      pieces.unshift({ owner: null, text: bom });
      const names = [...new Set(pieces.flatMap(({ owner }) => owner ?? []))];
      return { text: pieces.map(({ text }) => text).join(''), list: style.list, names, pieces };
    }),
);

const hollow: fc.Arbitrary<OddYaml> = fc
  .tuple(
    fc.constantFrom(
      '',
      '\n',
      ' \n\n',
      '# c',
      '# c\r\n\r\n',
      '---\n',
      '--- # c\n# d',
      '{}',
      '{}\n',
      '# c\n{ }\n',
      '\uFEFF',
    ),
    fc.boolean(),
  )
  .map(([text, list]) => ({ text, list, names: [], pieces: [{ owner: null, text }] }));

export const oddYaml: fc.Arbitrary<OddYaml> = fc.oneof(
  { weight: 12, arbitrary: full },
  { weight: 1, arbitrary: hollow },
);

const WORDS = [
  '',
  'x',
  'a b',
  'yes',
  'Off',
  'null',
  '~',
  '1',
  '012',
  '0x1f',
  '1e3',
  '.5',
  '12:30:45',
  '2026-11-28',
  ' lead',
  'tail ',
  'a: b',
  'a:',
  ':a',
  'a #b',
  '#b',
  '- x',
  '-y',
  '? q',
  '*star',
  '&amp',
  '!bang',
  '%pct',
  '@scope/pkg',
  '`tick`',
  '{a',
  '[b',
  'a, b',
  "it's",
  '"q"',
  'é"\\',
  'line\nbreak\n',
  'tab\t',
  '\u0000\u007f\u0085\u2028\u2029\ufeff\ufffe',
  '日本😀',
  '${{ secrets.A }}',
  'https://example.com/a?b=c#d',
  '<<',
  '=',
  '---',
  '...',
  'C:\\dir',
];
const word = fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 6 }));
const scalar = fc.oneof(
  word,
  fc.boolean(),
  fc.integer({ min: -9, max: 99999 }),
  fc.constantFrom(0.5, 1e21, 1e-7, null),
);

/** An entry as a dialect writes it, and with what a client's own fields may hold. */
export const yamlEntry: fc.Arbitrary<{ [key: string]: JsonValue }> = fc.record(
  {
    cmd: word,
    args: fc.array(word, { maxLength: 3 }),
    note: scalar,
    timeout: scalar,
    env: fc.dictionary(fc.constantFrom('A', 'B_1', 'c d', 'yes', '__proto__', '1'), word),
    list: fc.array(fc.oneof(fc.dictionary(fc.constantFrom('k', 'l'), scalar), fc.array(scalar, { maxLength: 2 })), {
      maxLength: 2,
    }),
  },
  { requiredKeys: ['cmd'] },
);
