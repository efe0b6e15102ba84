import { entryValue, NAMES, oddDocument, POINTER } from '../../../test/arbitraries.ts';
import { writerProperties } from '../../../test/support/writer-properties.ts';
import { jsonCodec, jsoncCodec } from './json.ts';

writerProperties({
  files: oddDocument,
  codecOf: ({ flavour }) => (flavour === 'json' ? jsonCodec : jsoncCodec),
  formatOf: ({ flavour }) => flavour,
  pointer: POINTER,
  names: NAMES,
  entry: entryValue,
  junk: ['', ',', '{', '}', '"', ':', '/', '0', '\0', '// x', '"inner":{},'],
  runs: 2000,
  written: 1,
});
