import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';
import { parseStrictJson } from './strict-json.ts';

const refusal = (reason: string, line = 1, column?: number) => ({
  code: 'INVALID_JSON',
  details: { reason, line, column: column ?? expect.any(Number) },
});

/** Run by a plain node process, because the test runner's coverage counters would be what is measured. */
const STOPWATCH = `
  const [reader, folder, runs] = process.argv.slice(1);
  const { parseStrictJson } = await import(reader);
  const { readdirSync, readFileSync } = await import('node:fs');
  const timed = (work) => {
    const started = performance.now();
    try { work(); } catch (error) { if (error.code !== 'INVALID_JSON' && error.name !== 'SyntaxError') throw error; }
    return performance.now() - started;
  };
  // The best of some runs, so that a busy machine does not speak for the reader.
  const fastest = (work) => Math.min(...Array.from({ length: Number(runs) }, () => timed(work)));
  const result = {};
  for (const name of readdirSync(folder)) {
    const bytes = readFileSync(folder + '/' + name);
    result[name] = [fastest(() => parseStrictJson(bytes)), fastest(() => JSON.parse(bytes.toString()))];
  }
  console.log(JSON.stringify(result));
`;

/** Per source the milliseconds that reading takes, here and in JSON.parse. */
function measure(sources: Record<string, string | Uint8Array>, runs: number): Record<string, [number, number]> {
  const folder = mkdtempSync(join(tmpdir(), 'strict-json-'));
  try {
    for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, name), source);
    const reader = new URL('./strict-json.ts', import.meta.url).href;
    const args = ['--input-type=module', '--eval', STOPWATCH, reader, folder, String(runs)];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('what the strict reader accepts', () => {
  test.each([
    ['null'],
    ['true'],
    ['false'],
    ['0'],
    ['-0'],
    ['-12.5e-3'],
    ['1E+2'],
    ['9007199254740991'],
    ['-9007199254740991'],
    ['1e-400'],
    ['""'],
    ['"plain"'],
    [String.raw`"\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"`],
    ['"😀 é \u2028 \u007f"'],
    ['[]'],
    ['{}'],
    [' \t\r\n[ 1 , "a" , [ ] , { } ] \n'],
    ['{"a":1,"b":{"a":[null]},"":"empty","toString":"fine","hasOwnProperty":1}'],
    ['{"4294967295":1,"1":2,"0":3}'],
  ])('%s means what JSON.parse says', (text) => {
    expect(parseStrictJson(text)).toStrictEqual(JSON.parse(text));
    expect(parseStrictJson(Buffer.from(text))).toStrictEqual(JSON.parse(text));
  });

  test('objects are plain, so that every library takes them', () => {
    expect(Object.getPrototypeOf(parseStrictJson('{"a":1}'))).toBe(Object.prototype);
  });
});

describe('what the strict reader refuses, and where', () => {
  test.each([
    ['', 'unexpected_end', 1, 1],
    ['  ', 'unexpected_end', 1, 3],
    ['[1,', 'unexpected_end', 1, 4],
    ['{"a"', 'unexpected_end', 1, 5],
    ['"abc', 'unexpected_end', 1, 5],
    ['"abc\\', 'unexpected_end', 1, 6],
    ['-', 'unexpected_end', 1, 2],
    ['1.', 'unexpected_end', 1, 3],
    ['1e+', 'unexpected_end', 1, 4],
    ['[1,]', 'syntax', 1, 4],
    ['[1 2]', 'syntax', 1, 4],
    ['{"a":1,}', 'syntax', 1, 8],
    ['{a:1}', 'syntax', 1, 2],
    ["{'a':1}", 'syntax', 1, 2],
    ['{"a" 1}', 'syntax', 1, 6],
    ['{"a":1]', 'syntax', 1, 7],
    ['[1}', 'syntax', 1, 3],
    ['nul', 'syntax', 1, 1],
    ['NaN', 'syntax', 1, 1],
    ['+1', 'syntax', 1, 1],
    ['.5', 'syntax', 1, 1],
    ['[01]', 'syntax', 1, 3],
    ['1.e5', 'syntax', 1, 3],
    ['// comment\n1', 'syntax', 1, 1],
    ['"a\tb"', 'syntax', 1, 3],
    ['"a\nb"', 'syntax', 1, 3],
    [String.raw`"\x41"`, 'syntax', 1, 1],
    [String.raw`"\u12g4"`, 'syntax', 1, 1],
    ['\u00a01', 'syntax', 1, 1],
    ['1 2', 'trailing_content', 1, 3],
    ['{}\n  {}', 'trailing_content', 2, 3],
    ['{"a":1,\n "a":2}', 'duplicate_key', 2, 2],
    [String.raw`{"a":1,"\u0061":2}`, 'duplicate_key', 1, 8],
    ['[{"b":{"x":1,"x":1}}]', 'duplicate_key', 1, 14],
    ['{"__proto__":{"polluted":true}}', 'forbidden_key', 1, 2],
    [String.raw`{"\u005f_proto__":1}`, 'forbidden_key', 1, 2],
    ['[{"a":{"constructor":1}}]', 'forbidden_key', 1, 8],
    ['{"a":[{"prototype":1}]}', 'forbidden_key', 1, 8],
    ['9007199254740992', 'number_out_of_range', 1, 1],
    ['[-9007199254740993]', 'number_out_of_range', 1, 2],
    ['1e400', 'number_out_of_range', 1, 1],
    ['-1e400', 'number_out_of_range', 1, 1],
    [String.raw`["\ud83d"]`, 'lone_surrogate', 1, 2],
    [String.raw`"\ude00\ud83d"`, 'lone_surrogate', 1, 1],
    [String.raw`{"\ud800":1}`, 'lone_surrogate', 1, 2],
    ['"a\ud83d"', 'lone_surrogate', 1, 3],
    ['"😀\udc00"', 'lone_surrogate', 1, 4],
    ['\ufeff{}', 'byte_order_mark', 1, 1],
    [`${'['.repeat(65)}${']'.repeat(65)}`, 'too_deep', 1, 65],
  ])('%j is refused: %s', (text, reason, line, column) => {
    expect(() => parseStrictJson(text)).toThrow(expect.objectContaining(refusal(reason, line, column)));
  });

  test.each([
    ['a stray continuation byte', '22 61 80 22', 1, 3],
    ['a cut sequence', '22 e2 82', 1, 2],
    ['an overlong slash', '22 c0 af 22', 1, 2],
    ['a surrogate written as UTF-8', '0a 22 ed a0 80 22', 2, 2],
    ['a code point beyond Unicode', '22 f4 90 80 80 22', 1, 2],
    ['UTF-16', 'ff fe 31 00', 1, 1],
  ])('%s is invalid UTF-8', (_, hex, line, column) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(() => parseStrictJson(bytes)).toThrow(expect.objectContaining(refusal('invalid_utf8', line, column)));
  });

  test('a byte order mark in bytes is refused, not swallowed', () => {
    const bytes = Buffer.from('efbbbf7b7d', 'hex');
    expect(() => parseStrictJson(bytes)).toThrow(expect.objectContaining(refusal('byte_order_mark', 1, 1)));
  });

  test('nothing reaches the prototype, whatever was tried', () => {
    for (const text of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}']) {
      expect(() => parseStrictJson(text)).toThrow();
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('the error shows neither the value nor the key', () => {
    const read = () => parseStrictJson('{"hunter2":1,"hunter2":"swordfish"}');
    expect(read).toThrow('A key occurs twice in the same object (line 1, column 14).');
    expect(read).not.toThrow(/hunter2|swordfish/);
  });
});

describe('limits', () => {
  test('depth 64 is read and depth 65 is not', () => {
    const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;
    expect(parseStrictJson(nested(64))).toStrictEqual(JSON.parse(nested(64)));
    expect(() => parseStrictJson(nested(65))).toThrow(expect.objectContaining(refusal('too_deep')));
    expect(parseStrictJson('[[1]]', { maxDepth: 2 })).toEqual([[1]]);
    expect(() => parseStrictJson('[[1]]', { maxDepth: 1 })).toThrow(expect.objectContaining(refusal('too_deep', 1, 2)));
  });

  test('bytes are counted, not characters, and before the text is looked at', () => {
    const tooLarge = { code: 'PAYLOAD_TOO_LARGE', details: { limit_bytes: 4 } };
    expect(parseStrictJson('"é"', { maxBytes: 4 })).toBe('é');
    expect(() => parseStrictJson('"éé"', { maxBytes: 4 })).toThrow(expect.objectContaining(tooLarge));
    expect(() => parseStrictJson(Buffer.alloc(5, 0xff), { maxBytes: 4 })).toThrow(expect.objectContaining(tooLarge));
    expect(() => parseStrictJson(' '.repeat(1_048_577))).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', details: { limit_bytes: 1_048_576 } }),
    );
  });

  test('bombs are answered within 100 ms', () => {
    const MIB = 1_048_576;
    const bombs = {
      '100,000 arrays': '['.repeat(100_000),
      '100,000 objects': '{"a":'.repeat(100_000),
      '1 MiB of opening brackets': '['.repeat(MIB),
      '1 MiB of opening braces': '{'.repeat(MIB),
      '1 MiB of digits': '1'.repeat(MIB),
      '1 MiB of fraction': `0.${'1'.repeat(MIB - 2)}`,
      '1 MiB of backslashes': `"${'\\'.repeat(MIB - 2)}"`,
      '1 MiB of open string': `"${'a'.repeat(MIB - 1)}`,
      '1 MiB of spaces': ' '.repeat(MIB),
      '1 MiB of line ends before a fault': `${'\n'.repeat(MIB - 1)}x`,
      '1 MiB with a bad last byte': Buffer.concat([Buffer.alloc(MIB - 1, 0x20), Buffer.from([0xff])]),
    };
    const times = Object.entries(measure(bombs, 10));
    expect(times).toHaveLength(11);
    expect(times.filter(([, [strict]]) => strict >= 100)).toEqual([]);
  });

  test('reading costs at most four times what JSON.parse needs', () => {
    const entry = { command: 'npx', args: ['-y', 'some-server@1.2.3'], env: { KEY: '${env:KEY}' }, timeout_ms: 30_000 };
    const servers = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`server-${i}`, entry]));
    const times = measure(
      {
        'a payload of 108 KiB': JSON.stringify({ mcpServers: servers }),
        'an object of 40,000 keys': `{${Array.from({ length: 40_000 }, (_, i) => `"k${i}":0`).join(',')}}`,
      },
      60,
    );
    for (const [name, [strict, native]] of Object.entries(times)) expect(strict, name).toBeLessThan(native * 4);
  });
});

describe('properties', () => {
  /** Texts near JSON: real ones with a few characters cut, doubled or replaced. */
  const nearlyJson = fc
    .tuple(
      fc.json({ noUnicodeString: false }),
      fc.nat(),
      fc.nat(3),
      fc.constantFrom('', '"', '\\', ',', '0', '\\u0', '\ud800', ' '),
    )
    .map(([text, at, cut, put]) => {
      const start = at % (text.length + 1);
      return text.slice(0, start) + put + text.slice(start + cut);
    });

  test('the reader agrees with JSON.parse on every text it accepts', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), nearlyJson, fc.string({ unit: 'binary' })), (text) => {
        let value: unknown;
        try {
          value = parseStrictJson(text);
        } catch {
          return;
        }
        expect(value).toStrictEqual(JSON.parse(text));
      }),
      { numRuns: 2000 },
    );
  });

  test('what JSON.parse refuses is refused here', () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        try {
          JSON.parse(text);
        } catch {
          expect(() => parseStrictJson(text)).toThrow(expect.objectContaining({ code: 'INVALID_JSON' }));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('every ordinary JSON text is accepted', () => {
    const leaf = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean(), fc.constant(null));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        leaf,
        fc.array(tie('tree')),
        fc.dictionary(fc.stringMatching(/^k[a-z]{0,8}$/), tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        expect(parseStrictJson(JSON.stringify(value, null, indent))).toEqual(value);
      }),
    );
  });

  test('an accepted text has a canonical form that survives a round trip', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        let canonical: string;
        try {
          canonical = canonicalJson(parseStrictJson(text));
        } catch {
          return;
        }
        expect(canonicalJson(parseStrictJson(canonical))).toBe(canonical);
        expect(canonicalJson(parseStrictJson(Buffer.from(canonical)))).toBe(canonical);
      }),
      { numRuns: 1000 },
    );
  });
});
