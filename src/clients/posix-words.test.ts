import { expect, test } from 'vitest';
import { quoteWord, splitWords } from './posix-words.ts';

test.each([
  ['npx', ['npx']],
  ['npx -y  "a b"', ['npx', '-y', 'a b']],
  ["'/opt/my tools/x' --flag=a\\ b", ['/opt/my tools/x', '--flag=a b']],
  ['"a \\"b\\" \\n"', ['a "b" \\n']],
  ['C:\\dir\\x.exe', ['C:dirx.exe']],
  ['a\'b\'"c"', ['abc']],
  ["''", ['']],
  ['', []],
  ["it's", undefined],
  ['a "b', undefined],
  ['a\\', undefined],
])('%j are the words %j', (text, words) => expect(splitWords(text)).toEqual(words));

test.each(['npx', '/opt/my tools/x', 'C:\\Users\\dev\\l.cmd', "it's", 'a"b', '', 'ü'])(
  '%j is one word when it is quoted',
  (word) => expect(splitWords(quoteWord(word))).toEqual([word]),
);
