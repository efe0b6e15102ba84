import { describe, expect, test } from 'vitest';
import { spliceEntries } from '../../core/splice/splice.ts';
import type { Codec, Edit } from '../../core/splice/types.ts';
import { jsoncCodec } from './json.ts';

const TEXT = '{"keep":1,/* c */"servers":{"a":{"x":1,"state":[1 ]},"b":2}}';
const SET = [{ name: 'a', value: { x: 2 }, preserve_fields: ['state'] }];
const run = (codec: Codec, change = { set: SET, remove: ['b'] }) =>
  spliceEntries(codec, TEXT, ['servers'], change, null);

/** The real codec with one more edit in a step. */
const withEdit = (edit: Edit): Codec => ({
  ...jsoncCodec,
  put: (...input) => {
    const step = jsoncCodec.put(...input);
    return { ...step, edits: [...step.edits, edit] };
  },
});
const at = (part: string, text: string): Edit => ({
  start: TEXT.indexOf(part),
  end: TEXT.indexOf(part) + part.length,
  text,
});

describe('a codec that errs is caught before anything leaves the engine', () => {
  test('the honest one passes', () => {
    expect(run(jsoncCodec).text).toBe('{"keep":1,/* c */"servers":{"a":{"x":2,"state":[1 ]}}}');
  });
  const cases: [string, Codec, string][] = [
    ['an unreadable result', withEdit(at('1,/', ',,/')), 'reparse'],
    ['a changed foreign value', withEdit(at('"keep":1', '"keep":1.0')), 'foreign_content'],
    ['a lost comment', withEdit(at('/* c */', '')), 'foreign_content'],
    ['a comment that is new', withEdit(at('/* c */', '/* c *//* d */')), 'foreign_content'],
    [
      'an entry that is not written',
      { ...jsoncCodec, put: (_d, _p, _n, glue) => ({ edits: [], glue, touched: null }) },
      'entry_differs',
    ],
    [
      'an entry that stays',
      { ...jsoncCodec, take: (_d, _p, _n, glue) => ({ edits: [], glue, touched: null }) },
      'entry_remains',
    ],
    [
      'a kept field that is lost',
      {
        ...jsoncCodec,
        put: (d, p, puts, glue) =>
          jsoncCodec.put(
            d,
            p,
            puts.map((put) => ({ ...put, value: { x: 2, state: [1] }, keep: [] })),
            glue,
          ),
      },
      'field_lost',
    ],
    ['overlapping edits', withEdit({ start: 0, end: TEXT.length - 1, text: TEXT.slice(0, -1) }), 'reparse'],
    [
      'an entry that vanishes',
      { ...jsoncCodec, take: (d, p, _n, glue) => jsoncCodec.take(d, p, new Set(['a', 'b']), glue) },
      'entry_missing',
    ],
    [
      'a container that goes with a stranger inside',
      { ...jsoncCodec, take: (d, p, names, glue) => ({ ...jsoncCodec.take(d, p, names, glue), touched: ['servers'] }) },
      'foreign_content',
    ],
  ];
  test.each(cases)('%s', (_, codec, reason) => {
    expect(() => run(codec)).toThrow(expect.objectContaining({ code: 'WRITE_FAILED', details: { reason } }));
  });
  test('an edit that claims other bytes than it moved', () => {
    const blind: Codec = {
      ...jsoncCodec,
      put: (...input) => {
        const step = jsoncCodec.put(...input);
        const [edit] = step.edits;
        return edit === undefined ? step : { ...step, edits: [edit, { ...edit, text: '' }] };
      },
    };
    expect(() => run(blind, { set: SET, remove: [] })).toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED', details: { reason: 'bytes_outside' } }),
    );
  });
});
