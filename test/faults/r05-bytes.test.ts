import { expect } from 'vitest';
import { corpus } from '../support/corpus.ts';
import { promise } from './support/promise.ts';
import { passing } from './support/suites.ts';

/** Each with the four properties of test/support/writer-properties.ts. */
const CODECS = ['json', 'toml', 'toml-list', 'yaml'];
const PROPERTIES = 4;

promise(
  'R5',
  {
    promise: 'bytes outside owned entries never change',
    asked: '100 % of a corpus of at least 60 files; 100,000 property runs',
    // Files for each property of each codec.
    rounds: { short: 100, long: 6250 },
  },
  async ({ rounds, long }) => {
    const suites = CODECS.map((codec) => `src/clients/codecs/${codec}.property.test.ts`);
    const passed = await passing('r05', suites, { PROPERTY_RUNS: String(rounds) });
    expect(passed).toBe(PROPERTIES * CODECS.length);
    const generated = `${rounds * passed} generated files, no byte of others changed`;
    // The short form is part of CI, whose ordinary tests have been through the corpus already.
    if (!long) return `${generated}; the corpus: see npm test`;
    await passing('r05', ['test/corpus.test.ts'], {});
    return `${corpus().length} files of the corpus and ${generated}`;
  },
);
