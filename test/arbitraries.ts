import fc from 'fast-check';

/**
 * JSON and JSONC files as people and programs leave them: odd blanks, comments in any gap, CRLF, byte-order marks,
 * tabs, trailing commas, duplicate keys, numbers that do not survive parsing. Texts, not values: formatting is the point.
 */
export interface OddDocument {
  flavour: 'json' | 'jsonc';
  text: string;
  pointer: string[];
  /** Names of entries under the pointer, each once. */
  names: string[];
}

export const POINTER = ['mcp.servers', 'inner'];

const SCALARS = [
  '1.0',
  '1e3',
  '-0',
  '0.10',
  '9007199254740993',
  '1E+2',
  'true',
  'false',
  'null',
  '""',
  '"é"',
  '"\\u00e9"',
  '"\\ud800"',
  '"// no comment"',
  '"/* no comment */"',
  '"a,b}"',
  '"\\"}"',
  '"日本"',
  '"tab\\t"',
  '[]',
  '{}',
  '[ ]',
  '{ }',
];
const FOREIGN_KEYS = ['a', 'b', 'a', '__proto__', 'constructor', 'é', '\\u0061', '//', ' ', '', 'x,y', 'inner', 'mcp'];
export const NAMES = ['one', 'two', 'thr ee', '__proto__', 'quattro"', 'ünf', '0', '10'];

interface Style {
  jsonc: boolean;
  eol: string;
}

const styleOf = (flavour: 'json' | 'jsonc'): fc.Arbitrary<Style> =>
  fc.record({ jsonc: fc.constant(flavour === 'jsonc'), eol: fc.constantFrom('\n', '\r\n') });

/** Blanks and, in JSONC, comments. */
function gap({ jsonc, eol }: Style): fc.Arbitrary<string> {
  const blanks = ['', '', ' ', '\t', eol, `${eol}  `, `${eol}\t`, `  ${eol}${eol}    `];
  const comments = ['/* c */', `// c${eol}`, `/* two${eol} lines */`, `// "key": {}, ]${eol}  `, '/**/'];
  const piece = jsonc
    ? fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom(...blanks) },
        { weight: 1, arbitrary: fc.constantFrom(...comments) },
      )
    : fc.constantFrom(...blanks);
  return fc.array(piece, { maxLength: 2 }).map((pieces) => pieces.join(''));
}

interface RawMember {
  key: string;
  value: string;
}

/** Writes the members between braces, with a fresh gap wherever one may stand. */
function object(style: Style, members: fc.Arbitrary<RawMember[]>): fc.Arbitrary<string> {
  const gaps = fc.array(gap(style), { minLength: 41, maxLength: 41 });
  return fc.tuple(members, gaps, fc.boolean(), fc.boolean()).map(([list, blanks, trailing, plain]) => {
    const blank = (i: number) => (plain ? `${style.eol}    ` : (blanks[i % blanks.length] ?? ''));
    const parts = list.map(
      ({ key, value }, i) =>
        `${blank(4 * i)}${key}${plain ? '' : blank(4 * i + 1)}:${plain ? ' ' : blank(4 * i + 2)}${value}`,
    );
    const spaced = parts.map((part, i) => (plain || i === parts.length - 1 ? part : part + blank(4 * i + 3)));
    const comma = trailing && style.jsonc && parts.length > 0 ? `${blanks[39] ?? ''},` : '';
    return `{${spaced.join(',')}${comma}${plain ? `${style.eol}  ` : (blanks[40] ?? '')}}`;
  });
}

function value(style: Style): fc.Arbitrary<string> {
  const scalar = fc.constantFrom(...SCALARS);
  const list = fc.tuple(scalar, gap(style), scalar).map(([a, blank, b]) => `[${a}${blank},${b}]`);
  const flat = object(style, fc.array(foreignMember(scalar), { maxLength: 3 }));
  return fc.oneof({ weight: 4, arbitrary: scalar }, list, flat);
}

const foreignMember = (content: fc.Arbitrary<string>): fc.Arbitrary<RawMember> =>
  fc.record({ key: fc.constantFrom(...FOREIGN_KEYS).map((key) => `"${key}"`), value: content });

/** Foreign members, with the wanted one somewhere between them. */
const around = (style: Style, key: string, content: fc.Arbitrary<string>, taken: string[]): fc.Arbitrary<RawMember[]> =>
  fc
    .tuple(fc.array(foreignMember(value(style)), { maxLength: 3 }), fc.nat(3), content)
    .map(([foreign, at, text]) =>
      foreign
        .filter(({ key: name }) => !taken.includes(name))
        .toSpliced(at, 0, { key: JSON.stringify(key), value: text }),
    );

function documentOf(flavour: 'json' | 'jsonc'): fc.Arbitrary<OddDocument> {
  return styleOf(flavour).chain((style) => {
    const depth = fc.constantFrom(0, 1, 1, 2, 2, 2, 2);
    const bom = fc.constantFrom('', '', '\uFEFF');
    const names = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 4 });
    return fc.tuple(bom, names, depth, gap(style), gap(style)).chain(([mark, listed, levels, head, tail]) => {
      const entries = fc
        .array(value(style), { minLength: listed.length, maxLength: listed.length })
        .map((values) => listed.map((name, i) => ({ key: JSON.stringify(name), value: values[i] ?? 'null' })));
      const foreign = fc.array(foreignMember(value(style)), { maxLength: 3 });
      const avoid = (taken: string[]) => foreign.map((list) => list.filter(({ key }) => !taken.includes(key)));
      const inner = object(style, entries);
      const middle = object(style, levels > 1 ? around(style, 'inner', inner, ['"inner"']) : avoid(['"inner"']));
      const root = object(style, levels > 0 ? around(style, 'mcp.servers', middle, []) : avoid([]));
      const known = levels > 1 ? listed : [];
      return root.map((text) => ({ flavour, text: mark + head + text + tail, pointer: POINTER, names: known }));
    });
  });
}

/** A file without a value: empty, blanks, or, in JSONC, comments. */
function hollow(flavour: 'json' | 'jsonc'): fc.Arbitrary<OddDocument> {
  return styleOf(flavour)
    .chain((style) => fc.tuple(fc.constantFrom('', '\uFEFF'), gap(style), gap(style)))
    .map(([mark, a, b]) => ({ flavour, text: mark + a + b, pointer: POINTER, names: [] }));
}

export const oddDocument: fc.Arbitrary<OddDocument> = fc.oneof(
  { weight: 6, arbitrary: documentOf('jsonc') },
  { weight: 4, arbitrary: documentOf('json') },
  { weight: 1, arbitrary: hollow('jsonc') },
  { weight: 1, arbitrary: hollow('json') },
);

/** A value as we write entries. */
export const entryValue = fc.record(
  {
    command: fc.constantFrom('npx', 'uvx', '/opt/ü/bin'),
    args: fc.array(fc.constantFrom('-y', 'pkg@1.0.0', '//x', '"', '\\'), { maxLength: 3 }),
    env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('', '${env:X}', 'é')),
    disabled: fc.boolean(),
    timeout: fc.constantFrom(1, 1000, 0.5),
  },
  { requiredKeys: ['command', 'args'], noNullPrototype: true },
);
