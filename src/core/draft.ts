import { AppError } from './errors.ts';
import { nearest } from './nearest.ts';
import { type DraftPayload, type Entry, ServerName } from './payload.ts';
import { safeParse } from './safe-parse.ts';

/** Names that mean something to JavaScript; the strict reader refuses them as keys, so nothing of ours may write them. */
const REFUSED_NAMES = new Set(['__proto__', 'constructor', 'prototype']);

/** The names of the entries, in payload order. */
export const serverNames = (draft: DraftPayload): string[] => Object.keys(draft.mcpServers);

function assertServerName(name: string): void {
  const parsed = safeParse(ServerName, name);
  if (parsed.success && !REFUSED_NAMES.has(name)) return;
  const message = parsed.error?.issues[0]?.message ?? 'this name is reserved';
  throw new AppError('INVALID_INPUT', `server_name: ${message}`, {
    field: 'server_name',
    reason: message,
    issues: [{ path: 'server_name', message }],
  });
}

/**
 * The draft with one more entry, at the end. With `replace` an entry of that name is overwritten where it stands;
 * without it, it is SERVER_ALREADY_IN_DRAFT. The draft that came in is not touched.
 */
export function addEntry(
  draft: DraftPayload,
  name: string,
  entry: Entry | Readonly<Record<string, unknown>>,
  { replace = false }: { replace?: boolean | undefined } = {},
): DraftPayload {
  assertServerName(name);
  if (Object.hasOwn(draft.mcpServers, name) && !replace) {
    throw new AppError('SERVER_ALREADY_IN_DRAFT', `The draft has a server named \`${name}\` already.`, {
      server_name: name,
    });
  }
  return { ...draft, mcpServers: { ...draft.mcpServers, [name]: entry as DraftPayload['mcpServers'][string] } };
}

/** The draft without that entry; the rest keeps its order. */
export function removeEntry(draft: DraftPayload, name: string): DraftPayload {
  if (!Object.hasOwn(draft.mcpServers, name)) throw notInDraft(draft, name);
  const kept = Object.entries(draft.mcpServers).filter(([server]) => server !== name);
  return { ...draft, mcpServers: Object.fromEntries(kept) };
}

function notInDraft(draft: DraftPayload, name: string): AppError {
  const near = nearest(name, serverNames(draft));
  const suggestion = near.length === 0 ? '' : ` Did you mean ${near.map((one) => `\`${one}\``).join(', ')}?`;
  return new AppError('SERVER_NOT_IN_DRAFT', `The draft has no server named \`${name}\`.${suggestion}`, {
    server_name: name,
    nearest: near,
  });
}
