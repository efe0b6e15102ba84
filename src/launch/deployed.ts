import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../core/errors.ts';
import type { Entry, Payload } from '../core/payload.ts';
import { verifyRelease } from '../core/verify.ts';
import { type LaunchPlace, type LaunchReader, type LaunchRow, openLaunchReader } from '../stores/launch.ts';

/** Which of the machine's deployments an entry belongs to, and which entry it is. */
export interface Wanted extends Omit<LaunchPlace, 'machine_id'> {
  server_name: string;
}

export interface Found {
  entry: Entry;
  payload: Payload;
  /** Values that were given when it was deployed. */
  inputs: Readonly<Record<string, string>>;
}

/**
 * The entry of the release that this machine's ledger says is in the file: never the latest, and not started unless it
 * passes every check of a verifier.
 */
export function findDeployed(data_dir: string, database: string, wanted: Wanted, now: Date): Found {
  const machine_id = readMachineId(data_dir);
  if (machine_id === undefined || !existsSync(database)) throw notDeployed(wanted);
  const reader = open(database);
  try {
    const row = deploymentOf(reader, { ...wanted, machine_id });
    const payload = verifiedPayload(reader, row, now);
    if (!Object.hasOwn(payload.mcpServers, wanted.server_name)) {
      throw new AppError(
        'SERVER_NOT_FOUND',
        `Release ${row.sequence} of ${row.client_id}/${row.profile_id} has no server "${wanted.server_name}".`,
        { server_name: wanted.server_name },
        { hint: 'Deploy again, and restart the client: it still has the entry of an earlier release.' },
      );
    }
    const { inputs } = JSON.parse(row.ledger) as { inputs?: Record<string, string> };
    return { entry: payload.mcpServers[wanted.server_name] as Entry, payload, inputs: inputs ?? {} };
  } finally {
    reader.close();
  }
}

function open(database: string): LaunchReader {
  try {
    return openLaunchReader(database);
  } catch (cause) {
    throw new AppError('UNAVAILABLE', 'The store cannot be opened.', { reason: 'store', path: database }, { cause });
  }
}

function readMachineId(data_dir: string): string | undefined {
  try {
    return readFileSync(join(data_dir, 'machine-id'), 'utf8').trim();
  } catch {
    return undefined; // nothing was ever deployed from here
  }
}

function deploymentOf(reader: LaunchReader, place: LaunchPlace): LaunchRow {
  const done = reader.newest(place, 'done');
  // Killed between the file and its outcome in the ledger: what is in the file decides.
  const begun = reader.newest(place, 'intent');
  if (begun && begun.number > (done?.number ?? 0) && isInFile(begun)) return begun;
  if (done === undefined) throw notDeployed(place);
  const owner = reader.owner(place.machine_id, done);
  if (owner !== undefined && owner.client_id === done.client_id && owner.profile_id === done.profile_id) return owner;
  const what = owner ? `${owner.client_id}/${owner.profile_id} took its place` : 'it was undone';
  throw new AppError(
    'DEPLOYMENT_NOT_FOUND',
    `${place.client_id}/${place.profile_id} is not in ${done.config_path} any more: ${what}.`,
    {
      client_id: place.client_id,
      profile_id: place.profile_id,
    },
  );
}

function isInFile({ target_path, after_sha256, ledger }: LaunchRow): boolean {
  if ('undoes' in JSON.parse(ledger)) return false;
  try {
    return createHash('sha256').update(readFileSync(target_path)).digest('hex') === after_sha256;
  } catch {
    return false; // a file that cannot be read has arrived nowhere
  }
}

function notDeployed({ client_id, profile_id, config_scope }: Omit<LaunchPlace, 'machine_id'>): AppError {
  const message = `Profile ${profile_id} of ${client_id} is not deployed into the scope ${config_scope} on this machine.`;
  const hint = `Deploy it here: mcp-orchestration deploy-config --client ${client_id} --profile ${profile_id}`;
  return new AppError('DEPLOYMENT_NOT_FOUND', message, { client_id, profile_id }, { hint });
}

function verifiedPayload(reader: LaunchReader, row: LaunchRow, now: Date): Payload {
  const release = reader.release(row);
  if (release === undefined) {
    throw new AppError(
      'ARTIFACT_NOT_FOUND',
      `The store has no release ${row.sequence} of ${row.client_id}/${row.profile_id}.`,
      {
        artifact_id: row.artifact_id,
      },
    );
  }
  const keys = new Map(reader.keys().map((key) => [key.key_id, key]));
  const { client_id, profile_id, artifact_id, sequence } = row;
  const { canonical } = release;
  const expected = {
    workspace: 'default',
    client_id,
    profile_id,
    artifact_id,
    sequence,
    canonical_payload: canonical,
    now,
  };
  verifyRelease(release.envelope, expected, keys);
  return JSON.parse(canonical) as Payload;
}
