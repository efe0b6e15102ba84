import { z } from 'zod';
import { artifactIdOfCanonical } from '../core/artifact.ts';
import { canonicalJson } from '../core/canonical-json.ts';
import {
  type Change,
  DiffStatus,
  DiffSummary,
  diffPayloads,
  diffStatus,
  diffSummary,
  PayloadDiff,
  recommendation,
} from '../core/diff.ts';
import { invalidInput } from '../core/errors.ts';
import { ArtifactId } from '../core/ids.ts';
import { jsonPointer, pointerKeys } from '../core/json-value.ts';
import { type DraftPayload, EMPTY_PAYLOAD, type JsonValue } from '../core/payload.ts';
import { maskKey, maskSecrets } from '../core/secrets/detector.ts';
import { assertDraftShape } from '../core/validation/shape.ts';
import { loadPayload, visibleArtifact } from './current.ts';
import { type Context, defineOperation } from './operation.ts';
import { findTarget, PayloadInput, TargetInput } from './shapes.ts';

/** One side of a comparison; no payload: it is not known what it holds. */
interface Side {
  artifact_id: string | null;
  payload: DraftPayload | null;
}

const sideOf = (payload: DraftPayload): Side => ({
  artifact_id: artifactIdOfCanonical(canonicalJson(payload)),
  payload,
});

/** A side that is known by its address only. */
async function stored(context: Context, artifact_id: string): Promise<Side> {
  const row = await visibleArtifact(context, artifact_id);
  return { artifact_id, payload: row ? ((await loadPayload(context, artifact_id)) as unknown as DraftPayload) : null };
}

async function remoteSide(context: Context, target: { client_id: string; profile_id: string }): Promise<Side> {
  const latest = await context.store.releases.latest(context.workspace, target.client_id, target.profile_id);
  return latest ? stored(context, latest.artifact_id) : { artifact_id: null, payload: null };
}

/** The bridge is fixed at publish: a local payload that never named one does not differ because of it. */
function comparable(local: DraftPayload, remote: DraftPayload): DraftPayload {
  if ('bridge' in local || !('bridge' in remote)) return remote;
  const { bridge: _fixedAtPublish, ...rest } = remote;
  return rest as DraftPayload;
}

/** Whoever compares a file of theirs may send a literal secret along: it is compared, and never sent back. */
function masked(diff: PayloadDiff, local: DraftPayload, remote: DraftPayload): PayloadDiff {
  const before = maskSecrets(local as unknown as JsonValue);
  const after = maskSecrets(remote as unknown as JsonValue);
  const below = (parents: readonly string[]) => (change: Change) => {
    const keys = pointerKeys(change.path).map(maskKey);
    const path = [...parents, ...keys];
    return {
      ...change,
      path: jsonPointer(keys),
      old_value: valueAt(before, path),
      new_value: valueAt(after, path),
    };
  };
  return {
    servers_added: diff.servers_added.map(maskKey),
    servers_removed: diff.servers_removed.map(maskKey),
    servers_modified: diff.servers_modified.map(({ server_id: name, changes }) => {
      const server_id = maskKey(name);
      return { server_id, changes: changes.map(below(['mcpServers', server_id])) };
    }),
    servers_unchanged: diff.servers_unchanged.map(maskKey),
    payload_changes: diff.payload_changes.map(below([])),
  };
}

function valueAt(value: JsonValue, keys: readonly string[]): JsonValue {
  let at: unknown = value;
  for (const key of keys)
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : null;
  return (at ?? null) as JsonValue;
}

export const diffConfig = defineOperation({
  id: 'releases.diff',
  summary: 'Compare a local configuration with the latest release, or two payloads with each other',
  effect: 'read',
  input: TargetInput.extend({
    local_artifact_id: ArtifactId.optional(),
    local_payload: PayloadInput.optional(),
    config_a: PayloadInput.optional(),
    config_b: PayloadInput.optional(),
  }),
  example: { client_id: 'cursor', profile_id: 'default', local_payload: { mcpServers: {} } },
  output: z.object({
    status: DiffStatus,
    local_artifact_id: ArtifactId.nullable(),
    remote_artifact_id: ArtifactId.nullable(),
    diff: PayloadDiff,
    summary: DiffSummary,
    recommendation: z.string(),
  }),
  errors: ['CLIENT_NOT_FOUND', 'PROFILE_NOT_FOUND', 'SIGNATURE_INVALID'],
  permission: { needs: 'config:read' },
  rest: { method: 'POST', path: '/v1/config/diff' },
  mcp: { tool: 'diff_config' },
  cli: {
    verb: 'diff-config',
    flags: { client_id: 'client', profile_id: 'profile', local_payload: 'file', local_artifact_id: 'artifact' },
    text: ({ status, diff, recommendation: advice }, style) => ({
      out: [
        style.bold(status),
        ...diff.servers_added.map((name) => style.good(`+ ${name}`)),
        ...diff.servers_removed.map((name) => style.bad(`- ${name}`)),
        ...diff.servers_modified.flatMap(({ server_id, changes }) => [
          style.warn(`~ ${server_id}`),
          ...changes.map(
            (change) =>
              `    ${change.path}: ${JSON.stringify(change.old_value)} -> ${JSON.stringify(change.new_value)}`,
          ),
        ]),
        ...diff.payload_changes.map(
          (change) => `~ ${change.path}: ${JSON.stringify(change.old_value)} -> ${JSON.stringify(change.new_value)}`,
        ),
      ].join('\n'),
      note: advice,
    }),
  },
  async run(context, input) {
    const { config_a, config_b, local_payload, local_artifact_id } = input;
    let local: Side;
    let remote: Side;
    if (config_a !== undefined && config_b !== undefined) {
      [local, remote] = [sideOf(assertDraftShape(config_a)), sideOf(assertDraftShape(config_b))];
    } else {
      await findTarget(context, input);
      remote = await remoteSide(context, input);
      if (local_payload !== undefined) local = sideOf(assertDraftShape(local_payload));
      else if (local_artifact_id !== undefined) local = await stored(context, local_artifact_id);
      else throw nothingToCompare();
    }
    const known = local.payload !== null && remote.payload !== null;
    const a = known ? (local.payload ?? EMPTY_PAYLOAD) : EMPTY_PAYLOAD;
    const b = known ? comparable(a, remote.payload ?? EMPTY_PAYLOAD) : EMPTY_PAYLOAD;
    const diff = diffPayloads(a, b);
    const status = diffStatus(known ? diff : null);
    return {
      status,
      local_artifact_id: local_artifact_id ?? local.artifact_id,
      remote_artifact_id: remote.artifact_id,
      diff: masked(diff, a, b),
      summary: diffSummary(diff),
      recommendation: recommendation(status),
    };
  },
});

const nothingToCompare = () =>
  invalidInput('local_payload', 'give local_payload or local_artifact_id, or config_a and config_b');
