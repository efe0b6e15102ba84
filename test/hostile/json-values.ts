import fc from 'fast-check';

/** JSON that is well-formed and means harm: what some code further down takes for something else than data. */

/** Own keys that libraries ask for, or that readers take for something else; half of all keys shadow what every object has. */
const KEYS = [
  'length',
  'size',
  'toJSON',
  'then',
  'prototype',
  'message',
  'code',
  'name',
  'stack',
  'cause',
  'status',
  'error',
  'issues',
  'path',
  'get',
  'has',
  'keys',
  'entries',
  'map',
  'split',
  'startsWith',
  'trim',
  '$ref',
  '',
  '0',
  '-1',
  '4294967295',
  'a/b~c',
  '\u0000',
  '\u{1f600}',
  '\ud800',
];
const key = fc.oneof(fc.constantFrom(...Object.getOwnPropertyNames(Object.prototype)), fc.constantFrom(...KEYS));

/** Its depth counts from here; every door refuses what is deeper than 64. */
const nest = (depth: number, innermost: unknown, inArrays: boolean): unknown =>
  Array.from({ length: depth }).reduce((inner) => (inArrays ? [inner] : { a: inner }), innermost);

const scalar: fc.Arbitrary<unknown> = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.1,
  1e-7,
  1e21,
  1e308,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  '',
  ' ',
  '0',
  'null',
  '__proto__',
  'constructor',
  'toString',
  'length',
  '\u0000',
  '\ud800',
  'a\udc00b',
  '\u202e\u2066',
  '\ufeff',
  '\r\n',
  '${env:A}',
  '${secret:',
  '$${',
  '${input:__proto__}',
  'x'.repeat(300),
  '\u{1f600}'.repeat(300),
  '%s%d%n',
  '../../x',
);
/** Few: each costs as much as a hundred of the others. */
const large: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(60, 63, 64, 65, 500).chain((depth) => fc.boolean().map((inArrays) => nest(depth, 1, inArrays))),
  fc.constantFrom(1, 'x', {}, [], { length: { toString: 1 } }).map((one) => Array(10_000).fill(one)),
  fc.constant('x'.repeat(100_000)),
  fc.constant(Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, at]))),
);

/** An own `__proto__` stays one: it is defined, not assigned. */
const objectOf = (values: fc.Arbitrary<unknown>, maxLength: number) =>
  fc.array(fc.tuple(key, values), { minLength: 1, maxLength }).map((entries) => Object.fromEntries(entries));

const leaf = fc.oneof(scalar, objectOf(scalar, 2));
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 8, arbitrary: objectOf(fc.oneof(scalar, objectOf(leaf, 2)), 4) },
  { weight: 4, arbitrary: fc.constantFrom('length', 'size').map((name) => ({ [name]: { toString: 1 } })) },
  { weight: 2, arbitrary: fc.constantFrom({}, [], [[]], [{}], [null]) },
  { weight: 2, arbitrary: fc.array(leaf, { maxLength: 3 }) },
  { weight: 1, arbitrary: large },
);

export interface Damage {
  /** Which of the nodes, in the order of a walk. */
  at: number;
  how: 'replace' | 'add' | 'rename' | 'wrap';
  key: string;
  value: unknown;
}
export const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(400),
  how: fc.constantFrom('replace', 'replace', 'replace', 'add', 'rename', 'wrap'),
  key,
  value: hostileValue,
});

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const countOf = (value: unknown): number =>
  1 + (isObject(value) ? Object.values(value).reduce((sum, one) => sum + countOf(one), 0) : 0);

/** The object with one node below it made hostile, or with one more where nothing is below it. */
export function damaged(whole: object, { at, how, key, value: hostile }: Damage): object {
  const below = countOf(whole) - 1;
  let left = below > 0 ? 1 + (at % below) : 0;
  const hit = (node: unknown): unknown => {
    if (how === 'replace' && node !== whole) return hostile;
    if (how === 'wrap') return { [key]: node };
    if (Array.isArray(node)) return [...node, hostile];
    return isObject(node) ? Object.fromEntries([...Object.entries(node), [key, hostile]]) : hostile;
  };
  const walk = (node: unknown): unknown => {
    if (left-- === 0) return hit(node);
    if (left < 0 || !isObject(node)) return node;
    if (Array.isArray(node)) return node.map(walk);
    const entries = Object.entries(node).map(([name, one]): [string, unknown] => {
      const renamed = how === 'rename' && left === 0 ? key : name;
      return [renamed, walk(one)];
    });
    return Object.fromEntries(entries);
  };
  return walk(whole) as object;
}

const SHADOWS = Object.getOwnPropertyNames(Object.prototype).filter((name) => !/^(__proto__|constructor)$/.test(name));
const NO_LENGTH = { length: { toString: 1 } };
const SHADOWED = Object.fromEntries(SHADOWS.map((name) => [name, NO_LENGTH]));

/** The object with harm at each node below it in turn: a length that is none, or all that every object has, as data. */
export function* damagedEverywhere(whole: object): Generator<object> {
  for (const [name, node] of Object.entries(whole)) {
    const put = (value: unknown) =>
      Array.isArray(whole)
        ? whole.with(Number(name), value)
        : Object.fromEntries([...Object.entries(whole), [name, value]]);
    yield put(NO_LENGTH);
    if (!isObject(node)) continue;
    if (!Array.isArray(node)) yield put({ ...node, ...SHADOWED });
    for (const below of damagedEverywhere(node)) yield put(below);
  }
}
