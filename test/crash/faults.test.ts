import { describe, it } from 'vitest';
import { hasStrace } from '../support/strace.ts';
import { fillDisk, STRUCK, strikeAll } from './strikes.ts';

/** All places in the long form; a sample that a seed chooses otherwise. */
const ALL = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const MOST = ALL ? Number.POSITIVE_INFINITY : 16;

describe('a disk that refuses one call of', () => {
  it.each(STRUCK.map((verb) => [verb]))('%s leaves the file whole and the ledger right', async (verb) => {
    if (!hasStrace()) return;
    await strikeAll(verb, MOST, Number(process.env['FAULT_SEED'] ?? Date.now() % 1_000_000));
  });
});

it('a disk that gets full in the middle of a write keeps the old file, and with room the same command works', async () => {
  await fillDisk();
});
