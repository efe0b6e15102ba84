import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppError } from '../../src/core/errors.ts';
import type { JsonValue } from '../../src/core/payload.ts';
import { readEntries } from '../../src/core/splice/entries.ts';
import { sameValue } from '../../src/core/splice/equality.ts';
import { spliceEntries } from '../../src/core/splice/splice.ts';
import type { Codec, Glue, SetEntry } from '../../src/core/splice/types.ts';
import { entriesIn, type Format, harmsOf, isReadable } from '../witness/witness.ts';

/** A file of one format as people and programs leave it, by a generator that knows the format. */
interface OddFile {
  text: string;
  /** Names of entries there. */
  names: readonly string[];
}

interface Subject<T extends OddFile> {
  files: fc.Arbitrary<T>;
  codecOf(file: T): Codec;
  formatOf(file: T): Format;
  pointer: readonly string[];
  /** What entries may be called, and what may stand in them. */
  names: readonly string[];
  entry: fc.Arbitrary<JsonValue>;
  /** What is put into a file to break it; the empty text takes a character out. */
  junk: readonly string[];
  /** How many files the ordinary run looks at with each property. */
  runs: number;
  /** The part of all files, at least, that each change has to be written into; the others are refused by name. */
  written: number;
}

type Raw = Pick<SetEntry, 'name' | 'value' | 'raw'>;

/**
 * What every codec promises, told of generated files: each add, update, removal and undo leaves every byte outside the
 * entries as it was and the entries saying what is wanted, or it is refused by name. The witness of test/witness judges.
 * The ordinary run looks at about 10,000 files over all formats, as many as fit in the time it may take: 8,000 of JSON, 920
 * and 640 of TOML, 480 of YAML, whose parser takes most of a run. `PROPERTY_RUNS=20000` (`npm run test:long`) looks at as
 * many with each of the four properties of each codec, 320,000 in all. A failure prints its seed and path.
 */
export function writerProperties<T extends OddFile>(subject: Subject<T>): void {
  const { pointer } = subject;
  const numRuns = Number(process.env.PROPERTY_RUNS ?? subject.runs);
  const timeout = 60_000 + numRuns * 200;
  const newEntries = fc.uniqueArray(fc.tuple(fc.constantFrom(...subject.names), subject.entry), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 3,
  });
  const splice = (
    file: T,
    text: string,
    set: readonly Raw[],
    remove: readonly string[] = [],
    glue: Glue | null = null,
  ) => {
    const done = spliceEntries(subject.codecOf(file), text, pointer, { set, remove }, glue);
    return { text: done.text ?? '', glue: done.glue };
  };
  const entryIn = (file: T, text: string, name: string) =>
    entriesIn(Buffer.from(text), { format: subject.formatOf(file), pointer }).get(name);
  const expectOnly = (
    file: T,
    before: string,
    after: string,
    set: readonly Raw[],
    remove: readonly string[] = [],
    restored: readonly string[] = [],
  ) => {
    const of = { format: subject.formatOf(file), pointer };
    const owned = [...set.map(({ name }) => name), ...remove, ...restored];
    const bytes = { before: Buffer.from(before), after: Buffer.from(after) };
    expect(harmsOf({ ...of, ...bytes, owned }), `${before}\n--- after ---\n${after}`).toEqual([]);
    const entries = entriesIn(bytes.after, of);
    for (const { name, value } of set) expect(alike(entries.get(name), value), after).toBe(true);
    for (const name of remove) expect(entries.has(name), after).toBe(false);
  };
  /** How often something was written, of all tries. */
  const counter = () => {
    const count = { tried: 0, written: 0 };
    return {
      attempt(change: () => void) {
        count.tried += 1;
        try {
          change();
          count.written += 1;
        } catch (error) {
          refusedByName(error);
        }
      },
      /** By three standard deviations it may be less: of a few tries, as under the coverage, a share says little. */
      expectEnough() {
        const share = subject.written;
        const deviation = Math.sqrt(count.tried * share * (1 - share));
        expect(count.written).toBeGreaterThanOrEqual(Math.floor(count.tried * share - 3 * deviation));
      },
    };
  };

  test('entries that are added read back as wanted beside every byte of before, and taking them out gives that back', {
    timeout,
  }, () => {
    const adding = counter();
    fc.assert(
      fc.property(subject.files, newEntries, fc.boolean(), (file, entries, singly) => {
        const fresh = asSet(entries).filter(({ name }) => !file.names.includes(name));
        const names = fresh.map(({ name }) => name);
        adding.attempt(() => {
          let now = splice(file, file.text, fresh);
          expectOnly(file, file.text, now.text, fresh);
          expect(splice(file, now.text, fresh, [], now.glue)).toEqual(now);
          for (const remove of singly ? names.map((name) => [name]) : [names]) {
            now = splice(file, now.text, [], remove, now.glue);
          }
          expect(now).toEqual({ text: file.text, glue: null });
        });
      }),
      { numRuns },
    );
    adding.expectEnough();
  });

  test('an entry that is updated or removed leaves every other byte alone, and goes back to what it was', {
    timeout,
  }, () => {
    const changing = counter();
    fc.assert(
      fc.property(subject.files, subject.entry, fc.nat(), (file, value, pick) => {
        const [name, ...others] = file.names.filter((_, i) => (pick >> i) % 2 === 1);
        if (name === undefined) return;
        changing.attempt(() => {
          const was = readEntries(subject.codecOf(file), file.text, pointer).get(name);
          if (was === undefined) throw new Error('the generator names an entry that is not there');
          const updated = splice(file, file.text, [{ name, value }]).text;
          expectOnly(file, file.text, updated, [{ name, value }]);
          const back = splice(file, updated, [{ name, value: was.value, raw: was.raw }]).text;
          expectOnly(file, file.text, back, [], [], [name]);
          expect(entryIn(file, back, name)).toEqual(entryIn(file, file.text, name));
          const left = splice(file, file.text, [], others).text;
          expectOnly(file, file.text, left, [], others);
        });
      }),
      { numRuns },
    );
    changing.expectEnough();
  });

  test('several changes at once leave every other byte alone, and a second time they change nothing', {
    timeout,
  }, () => {
    const changing = counter();
    fc.assert(
      fc.property(subject.files, newEntries, (file, entries) => {
        const set = asSet(entries);
        const gone = file.names.filter((name) => !set.some((one) => one.name === name));
        changing.attempt(() => {
          const once = splice(file, file.text, set, gone);
          expectOnly(file, file.text, once.text, set, gone);
          expect(splice(file, once.text, set, gone, once.glue)).toEqual(once);
        });
      }),
      { numRuns },
    );
    changing.expectEnough();
  });

  test('a text that was damaged anywhere is refused by name or still spliced without loss', { timeout }, () => {
    const piece = fc.constantFrom(...subject.junk);
    fc.assert(
      fc.property(subject.files, fc.nat(900), piece, newEntries, (file, at, junk, entries) => {
        const place = at % (file.text.length + 1);
        const text = file.text.slice(0, place) + junk + file.text.slice(place + (junk === '' ? 1 : 0));
        try {
          const { text: after } = splice(file, text, asSet(entries));
          const of = { format: subject.formatOf(file), pointer };
          // What the witness takes for broken, an alias without its anchor, has no meaning that could be kept.
          if (isReadable(Buffer.from(text), of)) expectOnly(file, text, after, asSet(entries));
        } catch (error) {
          refusedAtLast(error);
        }
      }),
      { numRuns },
    );
  });
}

const asSet = (entries: readonly (readonly [string, JsonValue])[]): Raw[] =>
  entries.map(([name, value]) => ({ name, value }));

/** Equal as values: the order of members does not matter, and -0 is 0. */
const alike = (found: unknown, wanted: JsonValue): boolean =>
  found !== undefined && sameValue(found as JsonValue, JSON.parse(JSON.stringify(wanted)));

/** Layouts that are left alone say so; that is no failure of a property, but it must be by name. */
function refusedByName(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
  expect(error).toMatchObject({ code: 'CLIENT_FILE_UNPARSABLE', details: { line: expect.any(Number) } });
}

/** A text that makes no sense to anybody may also be left to the check of what came out, before anything is written. */
function refusedAtLast(error: unknown): void {
  if (!(error instanceof AppError) || error.code !== 'WRITE_FAILED') refusedByName(error);
  else expect(error.details).toMatchObject({ reason: expect.any(String) });
}
