import { AppError } from '../errors.ts';
import type { DraftPayload } from '../payload.ts';
import { visible } from './invisible.ts';

/** An object as JSON means it: no array, no null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(field: string, message: string): never {
  throw new AppError('INVALID_INPUT', `${field}: ${message}`, {
    field,
    reason: message,
    issues: [{ path: field, message }],
  });
}

/**
 * The least a payload must be to be stored as a draft (DESIGN 4.8): an object with an object `mcpServers` whose members
 * are objects. Everything below comes out of the strict JSON reader and is reported as findings, never refused here.
 */
export function assertDraftShape(value: unknown): DraftPayload {
  if (!isObject(value)) refuse('payload', 'a payload is an object');
  const servers = Object.hasOwn(value, 'mcpServers') ? value.mcpServers : undefined;
  if (!isObject(servers)) refuse('payload.mcpServers', '`mcpServers` is an object of servers by name');
  for (const [name, entry] of Object.entries(servers)) {
    if (!isObject(entry)) refuse(`payload.mcpServers.${visible(name)}`, 'the entry of a server is an object');
  }
  return value as DraftPayload;
}
