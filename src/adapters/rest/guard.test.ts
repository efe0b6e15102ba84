import { expect, test } from 'vitest';
import { hostName } from './guard.ts';

test.each([
  ['Example.org:8000', 'example.org'],
  ['127.0.0.1', '127.0.0.1'],
  ['[::1]:8000', '[::1]'],
  ['[::1]', '[::1]'],
  ['localhost:', ''],
  ['localhost:123456', ''],
  ['localhost:80:80', ''],
  ['::1', ''],
  ['', ''],
])('the name in %j is %j', (host, name) => {
  expect(hostName(host)).toBe(name);
});
