import { afterEach, expect, test } from 'vitest';
import { enableFailpoints, failpoint } from './failpoint.ts';

afterEach(() => enableFailpoints(''));

test('nothing happens unless it was enabled by name', () => {
  enableFailpoints('a.b=throw, c=kill');
  expect(() => failpoint('a')).not.toThrow();
  expect(() => failpoint('a.b')).toThrow('failpoint a.b');
  enableFailpoints('');
  expect(() => failpoint('a.b')).not.toThrow();
});

test.each(['a', 'a=', 'a=stop', '=kill', 'a=kill=b'])('the setting %j is refused and changes nothing', (spec) => {
  enableFailpoints('x=throw');
  expect(() => enableFailpoints(spec)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  expect(() => failpoint('x')).toThrow('failpoint x');
});
