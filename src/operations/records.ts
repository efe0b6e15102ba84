import type { AuditRow, EventRow } from '../stores/rows.ts';
import type { Context, Happening, Operation } from './operation.ts';

/** What is kept of a call: its row of the audit, and the events that it tells. */

/** Fields of an output that say what happened without saying what is in it. */
const FACTS = [
  'status',
  'revision',
  'artifact_id',
  'sequence',
  'key_id',
  'token_id',
  'deployment_id',
  'webhook_id',
  'delivery_id',
  'workspace',
  'server_count',
];

export function factsOf(output: Record<string, unknown>): AuditRow['facts'] {
  const facts: AuditRow['facts'] = {};
  for (const name of FACTS) {
    const value = output[name];
    if (typeof value === 'string' || typeof value === 'number') facts[name] = value;
  }
  return facts;
}

export function auditRowOf(
  operation: Operation,
  context: Context,
  input: Record<string, unknown>,
  facts: AuditRow['facts'],
): AuditRow {
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    at: context.now().toISOString(),
    operation: operation.id,
    effect: operation.effect === 'delete' ? 'delete' : 'write',
    actor: context.principal.actor,
    door: context.door,
    client_id: text(input['client_id']),
    profile_id: text(input['profile_id']),
    request_id: context.request_id,
    facts,
  };
}

export function eventRowOf(
  context: Context,
  { type, target, artifact_id, sequence, data }: Happening,
): Omit<EventRow, 'number'> {
  return {
    type,
    time: context.now().toISOString(),
    client_id: target?.client_id ?? null,
    profile_id: target?.profile_id ?? null,
    artifact_id: artifact_id ?? null,
    sequence: sequence ?? null,
    actor: context.principal.actor,
    data: data ?? {},
  };
}
