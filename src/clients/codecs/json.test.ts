import { describe, expect, test } from 'vitest';
import { processorMs } from '../../../test/support/cpu.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { spliceEntries } from '../../core/splice/splice.ts';
import { jsonCodec, jsoncCodec } from './json.ts';

const AT = ['mcpServers'];
const put = (codec: typeof jsonCodec, text: string | null, value: unknown = { command: 'x' }, pointer = AT) =>
  spliceEntries(
    codec,
    text,
    pointer,
    { set: [{ name: 'new', value: JSON.parse(JSON.stringify(value)) }], remove: [] },
    null,
  );
const take = (codec: typeof jsonCodec, text: string, names: string[], pointer = AT) =>
  spliceEntries(codec, text, pointer, { set: [], remove: names }, null).text;

describe('a new entry looks like the file it goes into', () => {
  const cases: [string, string | null, string][] = [
    ['no file', null, '{\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}\n'],
    ['an empty file', '', '{\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}\n'],
    [
      'blanks only',
      ' \r\n\r\n',
      '{\r\n  "mcpServers": {\r\n    "new": {\r\n      "command": "x"\r\n    }\r\n  }\r\n}\r\n',
    ],
    ['comments only', '// c', '// c\n{\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}\n'],
    ['a byte-order mark', '\uFEFF{}', '\uFEFF{\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}'],
    [
      'a minified file',
      '{"mcpServers":{"a":1,"b":2},"z":1}',
      '{"mcpServers":{"a":1,"b":2,"new":{"command":"x"}},"z":1}',
    ],
    ['an empty container in a minified file', '{"mcpServers":{}}', '{"mcpServers":{"new":{"command":"x"}}}'],
    ['one line with blanks', '{ "mcpServers": { "a": 1 } }', '{ "mcpServers": { "a": 1, "new": { "command": "x" } } }'],
    ['tabs', '{\n\t"mcpServers": {}\n}', '{\n\t"mcpServers": {\n\t\t"new": {\n\t\t\t"command": "x"\n\t\t}\n\t}\n}'],
    [
      'four blanks and CRLF',
      '{\r\n    "mcpServers": {\r\n        "a": 1\r\n    }\r\n}\r\n',
      '{\r\n    "mcpServers": {\r\n        "a": 1,\r\n        "new": {\r\n            "command": "x"\r\n        }\r\n    }\r\n}\r\n',
    ],
    [
      'a trailing comma',
      '{\n  "mcpServers": {\n    "a": 1,\n  },\n}',
      '{\n  "mcpServers": {\n    "a": 1,\n    "new": {\n      "command": "x"\n    },\n  },\n}',
    ],
    [
      'comments behind the last entry',
      '{\n  "mcpServers": {\n    "a": 1 // one\n    // two\n  }\n}',
      '{\n  "mcpServers": {\n    "a": 1, // one\n    // two\n    "new": {\n      "command": "x"\n    }\n  }\n}',
    ],
    [
      'a comment behind a trailing comma',
      '{\n  "mcpServers": {\n    "a": 1, /* one */\n  }\n}',
      '{\n  "mcpServers": {\n    "a": 1, /* one */\n    "new": {\n      "command": "x"\n    },\n  }\n}',
    ],
    [
      'a container that holds only a comment',
      '{\n  "mcpServers": {\n    // none yet\n  }\n}',
      '{\n  "mcpServers": {\n    // none yet\n    "new": {\n      "command": "x"\n    }\n  }\n}',
    ],
    [
      'a missing container',
      '{\n  "theme": "dark"\n}\n',
      '{\n  "theme": "dark",\n  "mcpServers": {\n    "new": {\n      "command": "x"\n    }\n  }\n}\n',
    ],
    [
      'a line comment on one line',
      '{"mcpServers":{ // c\n}}',
      '{"mcpServers":{ // c\n  "new":{\n    "command":"x"\n  }\n}}',
    ],
  ];
  test.each(cases)('%s', (_, before, after) => {
    const { text, glue } = put(jsoncCodec, before);
    expect(text).toBe(after);
    const undone = spliceEntries(jsoncCodec, text, AT, { set: [], remove: ['new'] }, JSON.parse(JSON.stringify(glue)));
    expect(undone).toEqual({ text: before ?? '{\n  "mcpServers": {}\n}\n', glue: null });
  });

  test('a pointer is made of segments, so a dot in a key is only a dot', () => {
    expect(put(jsonCodec, '{"amp.mcpServers":{}}', 1, ['amp.mcpServers']).text).toBe('{"amp.mcpServers":{"new":1}}');
  });
  test('two missing levels are made, and go again', () => {
    const { text, glue } = put(jsonCodec, '{"projects":{}}', 1, ['projects', '/home/ü', 'mcpServers']);
    expect(text).toBe('{"projects":{"/home/ü":{"mcpServers":{"new":1}}}}');
    const change = { set: [], remove: ['new'] };
    expect(spliceEntries(jsonCodec, text, ['projects', '/home/ü', 'mcpServers'], change, glue).text).toBe(
      '{"projects":{}}',
    );
  });
  test('entries may stand at the root', () => {
    const { text, glue } = put(jsonCodec, '', { command: 'x' }, []);
    expect(text).toBe('{\n  "new": {\n    "command": "x"\n  }\n}\n');
    expect(spliceEntries(jsonCodec, text, [], { set: [], remove: ['new'] }, glue).text).toBe('');
  });
});

describe('what we put into a file is ours only as long as nobody else uses it', () => {
  test('a container that we made stays when a stranger put an entry into it', () => {
    const { text, glue } = put(jsonCodec, '{}', 1);
    const shared = (text ?? '').replace('"new": 1', '"new": 1,\n    "theirs": 2');
    const left = spliceEntries(jsonCodec, shared, AT, { set: [], remove: ['new'] }, glue);
    expect(left.text).toBe('{\n  "mcpServers": {\n    "theirs": 2\n  }\n}');
  });
  test('a container that we made stays when somebody wrote a comment into it', () => {
    const { text, glue } = put(jsoncCodec, '{}', 1);
    const noted = (text ?? '').replace('"new": 1', '// mine\n    "new": 1');
    const left = spliceEntries(jsoncCodec, noted, AT, { set: [], remove: ['new'] }, glue);
    expect(left.text).toBe('{\n  "mcpServers": {\n    // mine\n  }\n}');
  });
  test('a file that we filled keeps a comment that was written meanwhile', () => {
    const { text, glue } = put(jsoncCodec, '', 1);
    const left = spliceEntries(jsoncCodec, `// mine\n${text}`, AT, { set: [], remove: ['new'] }, glue);
    expect(left.text).toBe('// mine\n{\n}\n');
  });
  test('a root that a stranger wrote meanwhile stays, whatever stood there at first', () => {
    const first = put(jsonCodec, '', 1);
    const second = spliceEntries(
      jsonCodec,
      '{"x":1}',
      AT,
      { set: [{ name: 'new', value: 1 }], remove: [] },
      first.glue,
    );
    const alone = (second.text ?? '').replace('"x":1,', '');
    expect(spliceEntries(jsonCodec, alone, AT, { set: [], remove: ['new'] }, second.glue).text).toBe('{}');
  });
  test('swapping one owned entry for another keeps the container in its place', () => {
    const { text, glue } = put(jsonCodec, '{"mcpServers":{},"z":1}', 1);
    const change = { set: [{ name: 'other', value: 2 }], remove: ['new'] };
    const swapped = spliceEntries(jsonCodec, text, AT, change, glue);
    expect(swapped.text).toBe('{"mcpServers":{"other":2},"z":1}');
    const undone = spliceEntries(jsonCodec, swapped.text, AT, { set: [], remove: ['other'] }, swapped.glue);
    expect(undone).toEqual({ text: '{"mcpServers":{},"z":1}', glue: null });
  });
});

describe('taking an entry out', () => {
  const cases: [string, string, string[], string][] = [
    ['the first', '{"mcpServers":{"a":1,"b":2}}', ['a'], '{"mcpServers":{"b":2}}'],
    ['the last takes the comma before it', '{"mcpServers":{"a":1, "b":2}}', ['b'], '{"mcpServers":{"a":1}}'],
    ['the last takes its own comma', '{"mcpServers":{"a":1,"b":2,}}', ['b'], '{"mcpServers":{"a":1,}}'],
    ['the last two', '{"mcpServers":{"a":1,"b":2,"c":3}}', ['b', 'c'], '{"mcpServers":{"a":1}}'],
    ['the outer two', '{"mcpServers":{"a":1,"b":2,"c":3}}', ['a', 'c'], '{"mcpServers":{"b":2}}'],
    ['all', '{"mcpServers":{"a":1,"b":2}}', ['a', 'b'], '{"mcpServers":{}}'],
    [
      'a comment above it stays',
      '{\n"mcpServers":{\n  // about a\n  "a":1,\n  "b":2\n}}',
      ['a'],
      '{\n"mcpServers":{\n  // about a\n  "b":2\n}}',
    ],
    [
      'a comment beside it gets the line',
      '{"mcpServers":{\n  "a":1, // about a\n  "b":2\n}}',
      ['a'],
      '{"mcpServers":{\n  // about a\n  "b":2\n}}',
    ],
    [
      'a comment before its comma stays',
      '{"mcpServers":{"a":1 /* c */ , "b":2}}',
      ['a'],
      '{"mcpServers":{ /* c */  "b":2}}',
    ],
    [
      'a line comment does not swallow what follows',
      '{"mcpServers":{ // c\n  "a":1,\n "b":2, "x":3 }}',
      ['a', 'b'],
      '{"mcpServers":{ // c\n "x":3 }}',
    ],
  ];
  test.each(cases)('%s', (_, before, names, after) => expect(take(jsoncCodec, before, names)).toBe(after));

  test('names that are not there, and files that are not there, change nothing', () => {
    expect(take(jsonCodec, '{ "x" : 1.0 }', ['a'])).toBe('{ "x" : 1.0 }');
    expect(spliceEntries(jsonCodec, null, AT, { set: [], remove: ['a'] }, null)).toEqual({ text: null, glue: null });
  });
});

describe('an update', () => {
  const update = (text: string, value: unknown, preserve_fields: string[] = []) => {
    const set = [{ name: 'a', value: JSON.parse(JSON.stringify(value)), preserve_fields }];
    return spliceEntries(jsoncCodec, text, AT, { set, remove: [] }, null).text;
  };
  test('replaces the value only, and one line stays one line', () => {
    const before = '{\n  "mcpServers": {\n    /* a */ "a" : {"x": 1}, // end\n    "b": {}\n  }\n}';
    expect(update(before, { y: [1, {}] })).toBe(before.replace('{"x": 1}', '{"y": [1, {}]}'));
  });
  test('keeps lines where there were lines', () => {
    const before = '{\n\t"mcpServers": {\n\t\t"a": {\n\t\t\t"x": 1\n\t\t}\n\t}\n}';
    expect(update(before, { y: 2 })).toBe(before.replace('"x": 1', '"y": 2'));
  });
  test('does not touch a value that is equal once parsed', () => {
    const before = '{"mcpServers":{"a":{ "x" : 1.0, "y":"\\u00e9" }}}';
    expect(update(before, { y: 'é', x: 1 })).toBe(before);
  });
  test('keeps what the client wrote into the entry, letter for letter', () => {
    const before = '{"mcpServers":{"a":{"command":"x","oauth":{ "n" : 1e3 /* c */ },"tools":[ ]}}}';
    const after = '{"mcpServers":{"a":{"command":"y","oauth":{ "n" : 1e3 /* c */ },"tools":[ ]}}}';
    expect(update(before, { command: 'y', tools: ['ignored'] }, ['oauth', 'tools'])).toBe(after);
    expect(update(before, { command: 'x' }, ['oauth', 'tools'])).toBe(before);
  });
  test('replaces a value that is no object, even when fields were to be kept', () => {
    expect(update('{"mcpServers":{"a":null}}', { b: 1 }, ['oauth'])).toBe('{"mcpServers":{"a":{"b":1}}}');
    expect(update('{"mcpServers":{"a":{"oauth":1}}}', 'text', ['oauth'])).toBe('{"mcpServers":{"a":"text"}}');
  });
});

describe('a file that cannot be changed safely is refused with its place', () => {
  const cases: [string, typeof jsonCodec, string, string, number, number][] = [
    ['a comment in strict JSON', jsonCodec, '{\n  // c\n}', 'comment', 2, 3],
    ['only a comment in strict JSON', jsonCodec, '/* c */', 'comment', 1, 1],
    ['a trailing comma in strict JSON', jsonCodec, '{\r\n  "a": 1,\r\n}', 'trailing_comma', 2, 9],
    ['a missing comma', jsoncCodec, '{"a":1 "b":2}', 'syntax', 1, 8],
    ['two commas', jsoncCodec, '{"a":1,,}', 'syntax', 1, 8],
    ['a lonely comma', jsoncCodec, '[,]', 'syntax', 1, 2],
    ['a missing colon', jsoncCodec, '{"a" 1}', 'syntax', 1, 6],
    ['a key without quotes', jsoncCodec, '{a:1}', 'syntax', 1, 2],
    ['an end too early', jsoncCodec, '{"a":', 'syntax', 1, 6],
    ['an open comment', jsoncCodec, '{} /* c', 'syntax', 1, 4],
    ['a malformed number', jsoncCodec, '{"a":1.}', 'syntax', 1, 6],
    ['a second value', jsonCodec, '{}\n{}', 'syntax', 2, 1],
    ['a byte-order mark inside', jsonCodec, '\uFEFF\uFEFF{}', 'syntax', 1, 1],
    ['an array at the root', jsonCodec, '[]', 'not_an_object', 1, 1],
    ['null where the servers belong', jsonCodec, '{"mcpServers": null}', 'not_an_object', 1, 16],
    ['two containers', jsonCodec, '{"mcpServers":{},\n"mcpServers":{}}', 'duplicate_key', 2, 1],
    ['two containers, one with escapes', jsonCodec, '{"mcpServers":{},"\\u006dcpServers":{}}', 'duplicate_key', 1, 18],
    ['two entries of the name', jsonCodec, '{"mcpServers":{"new":1,"new":2}}', 'duplicate_key', 1, 24],
    ['65 levels', jsonCodec, `{"mcpServers":${'['.repeat(64)}${']'.repeat(64)}}`, 'depth', 1, 78],
  ];
  test.each(cases)('%s', (_, codec, text, reason, line, column) => {
    const details = { reason, line, column };
    expect(() => put(codec, text)).toThrow(expect.objectContaining({ code: 'CLIENT_FILE_UNPARSABLE', details }));
  });
  test('the message says where, and that a strict reader ignores the file', () => {
    expect(() => put(jsonCodec, '{"a": 1, // x\n}')).toThrow(
      'The client file cannot be changed safely (line 1:column 10): a comment stands in a strict JSON file; the application itself would ignore such a file.',
    );
  });
  test('bombs are refused at once, however deep', () => {
    for (const text of ['['.repeat(1_000_000), '{"a":'.repeat(200_000), ' '.repeat(17 * 1024 * 1024)]) {
      const refused = () =>
        expect(() => put(jsoncCodec, text)).toThrow(expect.objectContaining({ code: 'CLIENT_FILE_UNPARSABLE' }));
      expect(processorMs(refused)).toBeLessThan(500);
    }
  });
  test('64 levels are still fine', () => {
    const text = `{"mcpServers":{},"x":${'['.repeat(63)}${']'.repeat(63)}}`;
    expect(put(jsonCodec, text, 1).text).toBe(text.replace('{}', '{"new":1}'));
  });
});

describe('odd but legal foreign content stays', () => {
  const odd =
    '{"__proto__":{"polluted":1},"mcpServers":{"__proto__":{"a":1},"x":"\\ud800","x":1.0,"constructor":1e3},"n":9007199254740993,"n":-0}';
  test('it is read without touching a prototype', () => {
    const entries = readEntries(jsonCodec, odd, AT, ['__proto__']);
    expect([...entries].map(([name, { raw }]) => [name, raw])).toEqual([
      ['__proto__', '{"a":1}'],
      ['x', '1.0'],
      ['constructor', '1e3'],
    ]);
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    expect(entries.get('toString')).toBeUndefined();
  });
  test('it survives a splice', () => {
    expect(put(jsonCodec, odd, 1).text).toBe(odd.replace('1e3}', '1e3,"new":1}'));
  });
  test('a duplicate is refused only when it is asked about', () => {
    expect(() => readEntries(jsonCodec, odd, AT, ['x'])).toThrow(
      expect.objectContaining({ code: 'CLIENT_FILE_UNPARSABLE' }),
    );
  });
  test('no file and no container mean no entries', () => {
    expect(readEntries(jsonCodec, null, AT).size).toBe(0);
    expect(readEntries(jsonCodec, '{"a":{}}', ['a', 'b', 'c']).size).toBe(0);
  });
});

describe('the earlier bytes of an entry', () => {
  const raw = '{"n":1.0, /* why */ "args": [ "1e3" ],\n}';
  const set = [{ name: 'a', value: { n: 1, args: ['1e3'] }, raw }];
  const restore = (text: string, change = set) =>
    spliceEntries(jsoncCodec, text, AT, { set: change, remove: [] }, null).text;

  test.each([
    [
      'in place of another value',
      '{"mcpServers": {"a": {"command": "x"}, "b": 1}}',
      `{"mcpServers": {"a": ${raw}, "b": 1}}`,
    ],
    [
      'in place of the same value in other words',
      '{"mcpServers": {"a": {"n": 1, "args": ["1e3"]}}}',
      `{"mcpServers": {"a": ${raw}}}`,
    ],
    ['where it is gone', '{"mcpServers": {"b": 1}}', `{"mcpServers": {"b": 1, "a": ${raw}}}`],
    ['where its container is gone', '{"other": 1}', `{"other": 1, "mcpServers": {"a": ${raw}}}`],
  ])('are written as they are %s', (_where, before, after) => {
    expect(restore(before)).toBe(after);
    expect(restore(after)).toBe(after);
  });

  test.each([
    ['say something else', '{"n": 2, "args": ["1e3"]}'],
    ['are no value', '{"n": 1'],
    ['would break out of their entry', '{"n": 1, "args": ["1e3"]}, "b": {}'],
  ])('are refused when they %s', (_what, wrong) => {
    const change = [{ name: 'a', value: { n: 1, args: ['1e3'] }, raw: wrong }];
    expect(() => restore('{"mcpServers": {"a": 1}}', change)).toThrow(
      expect.objectContaining({ code: 'WRITE_FAILED' }),
    );
  });
});
