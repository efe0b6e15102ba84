import fc from 'fast-check';
import { type Node, parseTree } from 'jsonc-parser';
import { expect, test } from 'vitest';
import { entryValue, NAMES, type OddDocument, oddDocument, POINTER } from '../../../test/arbitraries.ts';
import { AppError } from '../../core/errors.ts';
import type { JsonValue } from '../../core/payload.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import { jsonCodec, jsoncCodec } from './json.ts';

const numRuns = Number(process.env.PROPERTY_RUNS ?? 2000);
const timeout = 10_000 + numRuns * 10;
const codecOf = ({ flavour }: OddDocument) => (flavour === 'json' ? jsonCodec : jsoncCodec);

const newEntries = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), entryValue), {
  selector: ([name]) => name,
  minLength: 1,
  maxLength: 3,
});
type New = [string, JsonValue][];
const asSet = (entries: readonly (readonly [string, JsonValue])[]) => entries.map(([name, value]) => ({ name, value }));

/** A reading that keeps order, duplicates and the spelling of scalars, by other code than the product's. */
type Model = string | Model[] | { pairs: [string, Model][] };
function modelOf(text: string): Model | null {
  const body = text.replace(/^\uFEFF/, '');
  const tree = parseTree(body, [], { allowTrailingComma: true, allowEmptyContent: true });
  const model = (node: Node): Model => {
    const children = node.children ?? [];
    if (node.type === 'array') return children.map(model);
    if (node.type !== 'object') return body.slice(node.offset, node.offset + node.length);
    const pairs = children.map(({ children: pair = [] }): [string, Model] => {
      const [key, value] = pair;
      return [String(key?.value), value === undefined ? '' : model(value)];
    });
    return { pairs };
  };
  return tree === undefined ? null : model(tree);
}
const plain = (model: Model): unknown => {
  if (typeof model === 'string') return JSON.parse(model);
  if (Array.isArray(model)) return model.map(plain);
  return Object.assign(Object.create(null), Object.fromEntries(model.pairs.map(([key, value]) => [key, plain(value)])));
};
const pairsOf = (model: Model | null | undefined) =>
  model !== null && model !== undefined && typeof model === 'object' && 'pairs' in model ? model.pairs : [];
const child = (model: Model | null, key: string) => pairsOf(model).find(([name]) => name === key)?.[1];
const serversOf = (model: Model | null) => pairsOf(child(child(model, 'mcp.servers') ?? null, 'inner'));

/** The model without the servers, and without containers that hold nothing else. */
function foreignOf(model: Model | null, path: readonly string[], names: ReadonlySet<string>): unknown {
  const [segment, ...rest] = path;
  const pairs = pairsOf(model);
  if (segment === undefined) return pairs.filter(([name]) => !names.has(name));
  return pairs.flatMap(([name, value]) => {
    if (name !== segment) return [[name, value]];
    const inner = foreignOf(value, rest, names);
    return Array.isArray(inner) && inner.length === 0 ? [] : [[name, inner]];
  });
}
const commentsOf = (text: string) =>
  text.match(/"(?:[^"\\]|\\.)*"|\/\*[\s\S]*?\*\/|\/\/[^\r\n]*/g)?.filter((token) => token.startsWith('/')) ?? [];

function expectForeignUntouched(before: string, after: string, names: ReadonlySet<string>): void {
  expect(foreignOf(modelOf(after), POINTER, names)).toEqual(foreignOf(modelOf(before), POINTER, names));
}

test('new entries read back as wanted, all else reads as before, and no comment is lost', { timeout }, () => {
  fc.assert(
    fc.property(oddDocument, newEntries, (document, entries: New) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      const { text } = spliceEntries(
        codecOf(document),
        document.text,
        POINTER,
        { set: asSet(fresh), remove: [] },
        null,
      );
      const after = text ?? '';
      const servers = serversOf(modelOf(after)).map(([name, value]): [string, unknown] => [name, plain(value)]);
      const old = serversOf(modelOf(document.text)).map(([name, value]): [string, unknown] => [name, plain(value)]);
      expect(servers).toEqual([...old, ...fresh]);
      expectForeignUntouched(document.text, after, new Set(fresh.map(([name]) => name)));
      expect(commentsOf(after)).toEqual(commentsOf(document.text));
    }),
    { numRuns },
  );
});

test('taking out what was put in gives back the original bytes', { timeout }, () => {
  fc.assert(
    fc.property(oddDocument, newEntries, fc.boolean(), (document, entries: New, singly) => {
      const fresh = entries.filter(([name]) => !document.names.includes(name));
      const codec = codecOf(document);
      const put = spliceEntries(codec, document.text, POINTER, { set: asSet(fresh), remove: [] }, null);
      let now = put;
      const names = fresh.map(([name]) => name);
      for (const remove of singly ? names.map((name) => [name]) : [names]) {
        now = spliceEntries(codec, now.text, POINTER, { set: [], remove }, now.glue);
      }
      expect(now).toEqual({ text: document.text, glue: null });
    }),
    { numRuns },
  );
});

test('a second splice of the same change alters nothing', { timeout }, () => {
  fc.assert(
    fc.property(oddDocument, newEntries, (document, entries: New) => {
      const change = {
        set: asSet(entries),
        remove: document.names.filter((name) => !entries.some(([n]) => n === name)),
      };
      const once = spliceEntries(codecOf(document), document.text, POINTER, change, null);
      expect(spliceEntries(codecOf(document), once.text, POINTER, change, once.glue)).toEqual(once);
      expect([...readEntries(codecOf(document), once.text, POINTER).keys()].toSorted()).toEqual(
        entries.map(([name]) => name).toSorted(),
      );
    }),
    { numRuns },
  );
});

test('updates and removals leave all foreign content and its comments alone', { timeout }, () => {
  fc.assert(
    fc.property(oddDocument, entryValue, fc.nat(), (document, value: JsonValue, pick) => {
      const chosen = document.names.filter((_, i) => (pick >> i) % 2 === 1);
      const [updated, ...removed] = chosen;
      const set = updated === undefined ? [] : [{ name: updated, value }];
      const codec = codecOf(document);
      const { text } = spliceEntries(codec, document.text, POINTER, { set, remove: removed }, null);
      const after = text ?? '';
      expectForeignUntouched(document.text, after, new Set(chosen));
      const left = document.names.filter((name) => !removed.includes(name));
      expect(serversOf(modelOf(after)).map(([name]) => name)).toEqual(left);
      const open = document.text.slice(0, document.text.indexOf('"inner"'));
      if (chosen.length > 0 && document.text.split('"inner"').length === 2) expect(after.startsWith(open)).toBe(true);
    }),
    { numRuns },
  );
});

test('a text that was damaged anywhere is refused by name or still spliced without loss', { timeout }, () => {
  const damage = fc.tuple(
    fc.nat(400),
    fc.constantFrom('', ',', '{', '}', '"', ':', '/', '0', '\0', '// x', '"inner":{},'),
  );
  fc.assert(
    fc.property(oddDocument, damage, newEntries, (document, [at, junk], entries: New) => {
      const place = at % (document.text.length + 1);
      const text = document.text.slice(0, place) + junk + document.text.slice(place + (junk === '' ? 1 : 0));
      try {
        const put = spliceEntries(codecOf(document), text, POINTER, { set: asSet(entries), remove: [] }, null);
        expectForeignUntouched(text, put.text ?? '', new Set(entries.map(([name]) => name)));
      } catch (error) {
        expect(error).toBeInstanceOf(AppError);
        expect(error).toMatchObject({ code: 'CLIENT_FILE_UNPARSABLE', details: { line: expect.any(Number) } });
      }
    }),
    { numRuns },
  );
});
