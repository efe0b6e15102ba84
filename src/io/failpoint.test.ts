import { afterEach, expect, test } from 'vitest';
import { enableFailpoints, failpoint, holdpoint } from './failpoint.ts';

afterEach(() => enableFailpoints(''));

test('nothing happens unless it was enabled by name', () => {
  enableFailpoints('a.b=throw, c=kill');
  expect(() => failpoint('a')).not.toThrow();
  expect(() => failpoint('a.b')).toThrow('failpoint a.b');
  enableFailpoints('');
  expect(() => failpoint('a.b')).not.toThrow();
});

test('it strikes the time that was named, and from then on', () => {
  enableFailpoints('a=throw@3');
  for (const time of [1, 2, 3, 4]) {
    const pass = () => failpoint('a');
    if (time < 3) expect(pass).not.toThrow();
    else expect(pass).toThrow('failpoint a');
  }
});

test('what is held there does not go on, and everybody else does', async () => {
  enableFailpoints('a=hold');
  const passed: string[] = [];
  void holdpoint('a').then(() => passed.push('a'));
  await holdpoint('b').then(() => passed.push('b'));
  await new Promise(setImmediate);
  expect(passed).toEqual(['b']);
});

test.each(['a', 'a=', 'a=kill@', 'a=kill@0', 'a=kill@x', 'a=stop', '=kill', 'a=kill=b'])(
  'the setting %j is refused and changes nothing',
  (spec) => {
    enableFailpoints('x=throw');
    expect(() => enableFailpoints(spec)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
    expect(() => failpoint('x')).toThrow('failpoint x');
  },
);
