import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { DIGEST, TIMESTAMP } from '../../core/id-rules.ts';
import { safeParse } from '../../core/safe-parse.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { codeOf } from '../../io/client-files/faults.ts';
import { textOfFile } from '../../io/own-file.ts';
import { type FileRecord, isOfBackup, measured, STATE, writeDurably } from './files.ts';

/** What a backup says of itself. A program that does not know the number of the format does not guess. */
const FORMAT = 1;
const MANIFEST = 'manifest.json';
/** As `sha256sum --check` reads it: nothing else tells when a byte of the manifest itself has changed. */
const DIGEST_OF_MANIFEST = 'manifest.json.sha256';

const Count = z.int().min(0);

const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  product: z.literal('mcp-orchestration'),
  product_version: z.string(),
  created_at: z.string().regex(TIMESTAMP),
  migrations: z.array(z.string()),
  with_keys: z.boolean(),
  /** Whether the data directory had a launcher, which is made anew where it is restored. */
  launcher: z.boolean(),
  files: z.array(z.strictObject({ path: z.string(), size: Count, sha256: z.string().regex(DIGEST) })),
  tables: z.array(z.strictObject({ table: z.string(), rows: Count })),
  counters: z.record(z.string(), Count),
  highest_sequence: z.record(z.string(), Count),
  /** What was wrong with the store already when it was backed up. */
  problems: z.array(z.strictObject({ code: z.string(), table: z.string().nullable(), key: z.string().nullable() })),
});
export type Manifest = z.infer<typeof Manifest>;

export async function writeManifest(directory: string, manifest: Omit<Manifest, 'format' | 'product'>): Promise<void> {
  const whole: Manifest = { format: FORMAT, product: 'mcp-orchestration', ...manifest };
  await writeDurably(join(directory, MANIFEST), `${JSON.stringify(whole, null, 2)}\n`);
  const { sha256 } = await measured(join(directory, MANIFEST));
  await writeDurably(join(directory, DIGEST_OF_MANIFEST), lineOf(sha256));
}

const lineOf = (sha256: string) => `${sha256}  ${MANIFEST}\n`;

/** The manifest of a backup that is, byte for byte, what was written. Throws BACKUP_DAMAGED for every other one. */
export async function readBackup(directory: string, progress: (doing: string) => void): Promise<Manifest> {
  const manifest = await readManifest(directory);
  for (const file of manifest.files) {
    progress(`Comparing ${file.path} with its digest`);
    await assertWhole(directory, file);
  }
  return manifest;
}

async function readManifest(directory: string): Promise<Manifest> {
  const text = await textOfFile(join(directory, MANIFEST)).catch((error: unknown) => {
    throw damaged(MANIFEST, `cannot be read (${codeOf(error)})`, error);
  });
  if (text === null) {
    const hint = 'Name the directory that `backup` has made; it has a manifest.json.';
    throw new AppError('BACKUP_DAMAGED', `${directory} is no backup.`, { file: MANIFEST, reason: 'missing' }, { hint });
  }
  const { sha256 } = await measured(join(directory, MANIFEST));
  const stated = await textOfFile(join(directory, DIGEST_OF_MANIFEST)).catch(() => null);
  if (stated === null) throw damaged(DIGEST_OF_MANIFEST, 'is missing or cannot be read');
  if (stated !== lineOf(sha256)) throw damaged(MANIFEST, `has another digest than ${DIGEST_OF_MANIFEST} says`);
  const parsed = safeParse(Manifest, parsedJson(text));
  if (!parsed.success) throw damaged(MANIFEST, 'was not written by a version that this one understands', parsed.error);
  const { files } = parsed.data;
  const paths = new Set(files.map(({ path }) => path));
  if (!paths.has(STATE) || paths.size !== files.length || ![...paths].every(isOfBackup)) {
    throw damaged(MANIFEST, 'names other files than a backup has');
  }
  return parsed.data;
}

function parsedJson(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (cause) {
    throw damaged(MANIFEST, 'is no JSON', cause);
  }
}

async function assertWhole(directory: string, { path, size, sha256 }: FileRecord): Promise<void> {
  const found = await measured(join(directory, path)).catch((error: unknown) => {
    throw damaged(path, codeOf(error) === 'ENOENT' ? 'is missing' : `cannot be read (${codeOf(error)})`, error);
  });
  if (found.size !== size || found.sha256 !== sha256) throw damaged(path, 'is not what was written');
}

export const damaged = (file: string, what: string, cause?: unknown): AppError =>
  new AppError('BACKUP_DAMAGED', `The backup is damaged: ${file} ${what}.`, { file, reason: what }, { cause });
