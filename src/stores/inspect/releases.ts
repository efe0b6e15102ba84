import { artifactIdOfCanonical } from '../../core/artifact.ts';
import { canonicalJson } from '../../core/canonical-json.ts';
import { AppError } from '../../core/errors.ts';
import { importPublicKey, type KeyRecord } from '../../core/keys.ts';
import type { PointerStatement, ReleaseStatement } from '../../core/release.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import { verifyPointer, verifyRelease } from '../../core/verify.ts';
import type { Tables } from '../sql/schema.ts';
import { isRecord } from './shapes.ts';
import { byWorkspace, type Look, targetOf, walk } from './walk.ts';

/** Artifacts, releases, pointers and the keys that vouch for them. */

type Keys = Map<string, Map<string, KeyRecord>>;

export async function lookAtReleases(look: Look): Promise<void> {
  const keys = await lookAtKeys(look);
  await lookAtArtifacts(look);
  await lookAtEachRelease(look, keys);
  await lookAtPointers(look, keys);
}

async function lookAtKeys(look: Look): Promise<Keys> {
  const keys: Keys = new Map();
  const check = (table: 'keys' | 'pins') => (row: Tables['keys'] | Tables['pins']) => {
    if (row.public_key_pem === null) return;
    const algorithm = 'algorithm' in row ? row.algorithm : undefined;
    const fault = faultOfKey(row.key_id, row.public_key_pem, algorithm);
    if (fault !== undefined) look.found.add('KEY_DAMAGED', table, row, fault);
  };
  await walk(look, 'keys', (row) => {
    check('keys')(row);
    const known = keys.get(row.workspace) ?? new Map<string, KeyRecord>();
    // That a key was revoked says nothing about whether what it signed is still as it was.
    known.set(row.key_id, { ...row, status: row.status === 'revoked' ? 'retired' : row.status });
    keys.set(row.workspace, known);
  });
  await walk(look, 'pins', check('pins'));
  return keys;
}

function faultOfKey(key_id: string, pem: string, algorithm: string | undefined): string | undefined {
  try {
    const key = importPublicKey(pem);
    if (key.key_id !== key_id) return 'The public key is not the one that its id names.';
    return algorithm === undefined || key.algorithm === algorithm
      ? undefined
      : 'The public key is of another algorithm.';
  } catch (error) {
    return messageOf(error);
  }
}

const messageOf = (error: unknown): string => {
  if (error instanceof AppError) return error.message;
  throw error;
};

async function lookAtArtifacts(look: Look): Promise<void> {
  /** What releases say how many servers each has. */
  let carried = new Map<string, Set<number>>();
  await walk(
    look,
    'artifacts',
    (row) => {
      const servers = lookAtText(look, row);
      const stated = carried.get(keyFor(row));
      if (stated === undefined) look.found.add('ARTIFACT_UNUSED', 'artifacts', row, 'No release has this artifact.');
      else if (servers !== undefined && stated.symmetricDifference(new Set([servers])).size > 0) {
        const said = [...stated].join(' or ');
        look.found.add('RELEASE_ROW_DIFFERS', 'artifacts', row, `It has ${servers} servers; releases say ${said}.`);
      }
    },
    async (rows) => {
      carried = new Map();
      for (const [workspace, some] of byWorkspace(rows)) {
        const releases = await look.db
          .selectFrom('releases')
          .select(['workspace', 'artifact_id', 'server_count'])
          .distinct()
          .where('workspace', '=', workspace)
          .where(
            'artifact_id',
            'in',
            some.map(({ artifact_id }) => artifact_id),
          )
          .execute();
        for (const release of releases) {
          const known = carried.get(keyFor(release)) ?? new Set();
          carried.set(keyFor(release), known.add(release.server_count));
        }
      }
    },
  );
}

const keyFor = ({ workspace, artifact_id }: { workspace: string; artifact_id: string }) =>
  `${workspace}/${artifact_id}`;

/** How many servers the text has; undefined when it is damaged. */
function lookAtText({ found }: Look, row: Tables['artifacts']): number | undefined {
  if (artifactIdOfCanonical(row.canonical) !== row.artifact_id) {
    found.add('ARTIFACT_DAMAGED', 'artifacts', row, 'The stored text has another digest than its id.');
    return undefined;
  }
  try {
    const value = parseStrictJson(row.canonical);
    if (canonicalJson(value) === row.canonical && isRecord(value) && isRecord(value['mcpServers'])) {
      return Object.keys(value['mcpServers']).length;
    }
    found.add('ARTIFACT_NOT_CANONICAL', 'artifacts', row, 'The stored text is no payload in its canonical form.');
  } catch (error) {
    found.add('ARTIFACT_NOT_CANONICAL', 'artifacts', row, messageOf(error));
  }
  return undefined;
}

async function lookAtEachRelease(look: Look, keys: Keys): Promise<void> {
  let artifacts = new Set<string>();
  let before: Tables['releases'] | undefined;
  await walk(
    look,
    'releases',
    (row) => {
      if (!artifacts.has(keyFor(row))) {
        look.found.add('ARTIFACT_MISSING', 'releases', row, `Its artifact ${row.artifact_id} is not there.`);
      }
      lookAtSignature(look, row, keys);
      lookAtPlace(look, row, before);
      lookAtRecords(look, row);
      before = row;
    },
    async (rows, all) => {
      for (const row of all) look.releases.add(targetOf(row), Number(row.sequence));
      artifacts = new Set();
      for (const [workspace, some] of byWorkspace(rows)) {
        const there = await look.db
          .selectFrom('artifacts')
          .select(['workspace', 'artifact_id'])
          .where('workspace', '=', workspace)
          .where(
            'artifact_id',
            'in',
            some.map(({ artifact_id }) => artifact_id),
          )
          .execute();
        for (const artifact of there) artifacts.add(keyFor(artifact));
      }
    },
  );
}

function lookAtSignature({ found }: Look, row: Tables['releases'], keys: Keys): void {
  const { workspace, client_id, profile_id, sequence, artifact_id } = row;
  const expected = { workspace, client_id, profile_id, sequence, artifact_id, now: new Date(row.issued_at) };
  try {
    const { statement } = verifyRelease(row.envelope, expected, keys.get(workspace) ?? new Map());
    const differing = differencesOfRelease(row, statement);
    if (differing.length > 0) {
      found.add(
        'RELEASE_ROW_DIFFERS',
        'releases',
        row,
        `The row says something else than what is signed: ${differing}.`,
      );
    }
  } catch (error) {
    found.add('RELEASE_UNVERIFIED', 'releases', row, messageOf(error));
  }
}

function differencesOfRelease(row: Tables['releases'], { predicate }: ReleaseStatement): string {
  const columns = ['version', 'previous_artifact_id', 'changelog', 'policy_digest', 'issued_at', 'expires_at'] as const;
  const differing: string[] = columns.filter((column) => row[column] !== predicate[column]);
  if (!signersOf(row).includes(row.signing_key_id)) differing.push('signing_key_id');
  return differing.join(', ');
}

const signersOf = ({ envelope }: { envelope: string }): string[] =>
  (JSON.parse(envelope) as { signatures: { keyid: string }[] }).signatures.map(({ keyid }) => keyid);

/** Numbers go 1, 2, 3 ...; only what came from a server may leave some out. */
function lookAtPlace(look: Look, row: Tables['releases'], before: Tables['releases'] | undefined): void {
  const { found, adopted, releases } = look;
  const target = targetOf(row);
  const follows = row.sequence === 1 || releases.of(target)?.has(row.sequence - 1) === true;
  if (!follows && !adopted.of(target)?.has(row.sequence)) {
    found.add('RELEASE_MISSING', 'releases', row, `There is no release ${row.sequence - 1}.`);
  }
  const isNext = before !== undefined && targetOf(before) === target && before.sequence === row.sequence - 1;
  const previous = isNext ? before.artifact_id : row.sequence === 1 ? null : undefined;
  if (previous !== undefined && row.previous_artifact_id !== previous) {
    found.add('RELEASE_CHAIN_BROKEN', 'releases', row, 'It names another predecessor than the release before it.');
  }
}

/**
 * A release has the audit row of who published it, and the event as long as events of that time are kept. One that
 * follows another profile is in the audit as that other one; one that was pulled is told by its publisher.
 */
function lookAtRecords(look: Look, row: Tables['releases']): void {
  const { found, published, adopted, told, linked } = look;
  const firstEvent = look.first_events.get(row.workspace);
  const target = targetOf(row);
  if (adopted.of(target)?.has(row.sequence)) return;
  if (!published.of(target)?.has(row.sequence) && !linked.has(target)) {
    found.add('RELEASE_NOT_AUDITED', 'releases', row, 'The audit has no row of its publication.');
  }
  const events = told.of(target);
  if (events?.has(row.sequence)) return;
  // Events are given up from the oldest on: where an earlier one is kept, a later one has to be.
  const earlierIsKept = events?.least !== undefined && events.least < row.sequence;
  const allAreKept = firstEvent?.number === 1 && firstEvent.time <= row.issued_at;
  if (earlierIsKept || allAreKept) {
    found.add('RELEASE_NOT_TOLD', 'releases', row, 'There is no event of its publication.');
  }
}

async function lookAtPointers(look: Look, keys: Keys): Promise<void> {
  await walk(look, 'pointers', (row) => {
    const { workspace, client_id, profile_id, sequence, artifact_id } = row;
    if (!look.releases.of(targetOf(row))?.has(sequence)) {
      look.found.add('POINTER_WITHOUT_RELEASE', 'pointers', row, `There is no release ${sequence}.`);
    }
    const expected = { workspace, client_id, profile_id, sequence, artifact_id, now: new Date(row.issued_at) };
    try {
      const { statement } = verifyPointer(row.envelope, expected, keys.get(workspace) ?? new Map());
      const differing = differencesOfPointer(row, statement);
      if (differing.length > 0) {
        look.found.add('POINTER_ROW_DIFFERS', 'pointers', row, `The row says something else: ${differing}.`);
      }
    } catch (error) {
      look.found.add('POINTER_UNVERIFIED', 'pointers', row, messageOf(error));
    }
  });
}

function differencesOfPointer(row: Tables['pointers'], { predicate }: PointerStatement): string {
  const differing: string[] = (['number', 'issued_at', 'expires_at'] as const).filter(
    (column) => row[column] !== predicate[column],
  );
  if (!signersOf(row).includes(row.signing_key_id)) differing.push('signing_key_id');
  return differing.join(', ');
}
