import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { processorMs } from '../../test/support/cpu.ts';
import {
  blankReferences,
  escapeLiteral,
  hasReference,
  isReferenceName,
  jsonPointer,
  parseReferences,
  referencesOf,
  spellReference,
} from './references.ts';

const text = (value: string) => ({ kind: 'text', text: value });

describe('parsing', () => {
  test.each([
    ['', []],
    ['plain', [text('plain')]],
    ['${env:HOME}', [{ kind: 'env', name: 'HOME' }]],
    ['Bearer ${env:T}', [text('Bearer '), { kind: 'env', name: 'T' }]],
    [
      '${secret:gh.token-1}/${input:Team_2}!',
      [{ kind: 'secret', name: 'gh.token-1' }, text('/'), { kind: 'input', name: 'Team_2' }, text('!')],
    ],
    [
      '${env:A}${env:B}',
      [
        { kind: 'env', name: 'A' },
        { kind: 'env', name: 'B' },
      ],
    ],
    ['$${env:HOME}', [text('${env:HOME}')]],
    ['a$${b$${c', [text('a${b${c')]],
    ['$$${env:HOME}', [text('$${env:HOME}')]],
    ['cost $5 {x} $', [text('cost $5 {x} $')]],
    ['${input:0a}', [{ kind: 'input', name: '0a' }]],
    ['${env:_}', [{ kind: 'env', name: '_' }]],
  ])('%j is read without a problem', (input, parts) => {
    expect(parseReferences(input)).toEqual({ parts, problems: [] });
  });

  test.each([
    ['${HOME}', 0, '${HOME}'],
    ['x ${env:1A}', 2, '${env:1A}'],
    ['${env:A-B}', 0, '${env:A-B}'],
    ['${env:}', 0, '${env:}'],
    ['${ENV:A}', 0, '${ENV:A}'],
    ['${env: A}', 0, '${env: A}'],
    ['${env:A:-x}', 0, '${env:A:-x}'],
    ['${secret:.a}', 0, '${secret:.a}'],
    ['${file:a}', 0, '${file:a}'],
    ['${env:A', 0, '${env:A'],
    ['${', 0, '${'],
    ['$${env:A}${', 9, '${'],
  ])('%j is a problem at its place and stays text', (input, at, shown) => {
    const { parts, problems } = parseReferences(input);
    expect(problems).toEqual([{ at, text: shown }]);
    expect(parts.every((part) => part.kind === 'text')).toBe(true);
  });

  test('names may have 128 characters and no more', () => {
    const longest = 'A'.repeat(128);
    expect(parseReferences(`\${env:${longest}}`).parts).toEqual([{ kind: 'env', name: longest }]);
    expect(parseReferences(`\${env:${longest}A}`).problems).toHaveLength(1);
    expect(isReferenceName('env', longest)).toBe(true);
    expect(isReferenceName('env', `${longest}A`)).toBe(false);
    expect(isReferenceName('env', 'a.b')).toBe(false);
    expect(isReferenceName('secret', 'a.b')).toBe(true);
  });

  test('a problem does not hide the reference behind it, and its text is cut', () => {
    const { parts, problems } = parseReferences(`\${x\${env:A} \${${'y'.repeat(100)}`);
    expect(parts).toContainEqual({ kind: 'env', name: 'A' });
    expect(problems.map((problem) => problem.text.length)).toEqual([11, 64]);
  });

  test('a mebibyte of openings is read in linear time', () => {
    for (const hostile of ['${', '$${', '$', '${env:', '${env:A}', `\${env:${'A'.repeat(128)}`]) {
      const input = hostile.repeat(Math.ceil(1_048_576 / hostile.length));
      const took = processorMs(() => {
        parseReferences(input);
        blankReferences(input);
      });
      expect(took).toBeLessThan(1000);
    }
  });
});

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,20}$/);
const reference = fc.record({ kind: fc.constantFrom('env' as const, 'secret' as const, 'input' as const), name });
const dollars = fc.string({ unit: fc.constantFrom('$', '{', '}', 'a', ':', 'env', '\0'), maxLength: 30 });

describe('properties', () => {
  test('an escaped text means itself', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), dollars), (literal) => {
        const parts = literal === '' ? [] : [text(literal)];
        expect(parseReferences(escapeLiteral(literal))).toEqual({ parts, problems: [] });
        expect(hasReference(escapeLiteral(literal))).toBe(false);
      }),
    );
  });

  test('a spelt reference is read back between any texts that end without a dollar', () => {
    fc.assert(
      fc.property(dollars, reference, dollars, (before, wanted, after) => {
        fc.pre(!before.endsWith('$'));
        const spelt = `${escapeLiteral(before)}${spellReference(wanted)}${escapeLiteral(after)}`;
        expect(parseReferences(spelt).parts).toContainEqual(wanted);
        expect(hasReference(spelt)).toBe(true);
      }),
    );
  });

  test('blanking keeps the length and leaves no reference', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(dollars, reference.map(spellReference))), (pieces) => {
        const input = pieces.join('');
        const blank = blankReferences(input);
        expect(blank).toHaveLength(input.length);
        expect(hasReference(blank)).toBe(false);
      }),
    );
  });
});

test('references of a payload come in order with server and escaped pointer, from the fields that resolve them', () => {
  const payload = {
    mcpServers: {
      'a/b~c': {
        command: '${env:NEVER}',
        args: ['--t=${secret:s}', 7, '$${env:NOT}'],
        env: { 'X/Y': '${env:A}${env:A}', N: 1 },
        cwd: '${env:HOME}',
        'x-client': { vscode: { note: '${env:NOT}' } },
      },
      r: { type: 'http', url: 'https://h/${input:team}', headers: { Authorization: 'Bearer ${env:T}' }, env: null },
    },
  };
  expect(referencesOf(payload)).toEqual([
    { kind: 'secret', name: 's', path: '/mcpServers/a~1b~0c/args/0', server: 'a/b~c' },
    { kind: 'env', name: 'A', path: '/mcpServers/a~1b~0c/env/X~1Y', server: 'a/b~c' },
    { kind: 'env', name: 'A', path: '/mcpServers/a~1b~0c/env/X~1Y', server: 'a/b~c' },
    { kind: 'env', name: 'HOME', path: '/mcpServers/a~1b~0c/cwd', server: 'a/b~c' },
    { kind: 'input', name: 'team', path: '/mcpServers/r/url', server: 'r' },
    { kind: 'env', name: 'T', path: '/mcpServers/r/headers/Authorization', server: 'r' },
  ]);
});

test('a pointer escapes tilde and slash as RFC 6901 says', () => {
  expect(jsonPointer('a~/b', 0, '')).toBe('/a~0~1b/0/');
  expect(jsonPointer()).toBe('');
});
