import { expect, test } from 'vitest';
import { Finding } from './finding.ts';

const finding = { code: 'LOSSY_RENDERING', message: 'Lost.', severity: 'warning', server: 'a', path: '/mcpServers/a' };

test('a finding is what the contract says, with server and hint optional', () => {
  expect(Finding.parse(finding)).toEqual(finding);
  expect(Finding.parse({ code: 'EMPTY_CONFIG', message: 'Empty.', severity: 'error', path: '' })).toBeDefined();
});

test('a finding has no third severity, no lower-case code and no extra field', () => {
  expect(Finding.safeParse({ ...finding, severity: 'info' }).success).toBe(false);
  expect(Finding.safeParse({ ...finding, code: 'lossy' }).success).toBe(false);
  expect(Finding.safeParse({ ...finding, value: 'x' }).success).toBe(false);
});
