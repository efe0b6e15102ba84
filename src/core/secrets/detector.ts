import { AppError } from '../errors.ts';
import type { Finding } from '../finding.ts';
import type { DraftPayload, JsonValue } from '../payload.ts';
import { isReferenceName, jsonPointer, spellReference } from '../references.ts';
import { type FoundSecret, findSecrets, maskSecret, type SecretContext, type SecretPosition } from './text.ts';

export { findSecrets, maskSecret } from './text.ts';

/** A literal secret of a payload. `text` is never to leave this process. */
export interface PlacedSecret {
  keys: (string | number)[];
  server?: string;
  kind: string;
  /** What a message may show. */
  shown: string;
  /** The reference to write in its place. */
  reference: string;
  /** False where references are not resolved: the value must move first. */
  referable: boolean;
}

/** What `AppError('SECRET_IN_CONFIG')` carries in its details. */
export interface FirstSecret {
  /** Dotted: `mcpServers.github.env.GITHUB_TOKEN`. */
  field: string;
  /** JSON Pointer from the payload root. */
  path: string;
  reference: string;
  kind: string;
}

type Keys = (string | number)[];
interface TextAt {
  keys: Keys;
  text: string;
  /** The element before it, inside an array. */
  before?: unknown;
  isKey: boolean;
}

/** Nothing shorter is a secret; skipping it early keeps a payload of a million empty strings cheap. */
const SHORTEST = 6;

/** Every string of a JSON value and every key, in order. Own stack: the depth of the value is not trusted. */
function* textsOf(root: unknown): Generator<TextAt> {
  const stack: { keys: Keys; value: unknown; before?: unknown; key?: string }[] = [{ keys: [], value: root }];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    const { keys, value } = node;
    if (node.key !== undefined && node.key.length >= SHORTEST) {
      yield { keys: keys.slice(0, -1), text: node.key, isKey: true };
    }
    if (typeof value === 'string') yield { keys, text: value, before: node.before, isKey: false };
    else if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index--) {
        const item: unknown = value[index];
        if (isWorthwhile(item)) stack.push({ keys: [...keys, index], value: item, before: value[index - 1] });
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, member] of Object.entries(value).reverse()) {
        if (isWorthwhile(member) || key.length >= SHORTEST) stack.push({ keys: [...keys, key], value: member, key });
      }
    }
  }
}

const isWorthwhile = (value: unknown): boolean =>
  typeof value === 'string' ? value.length >= SHORTEST : typeof value === 'object' && value !== null;

const POSITIONS: Readonly<Record<string, SecretPosition>> = {
  env: 'env',
  headers: 'header',
  args: 'arg',
  url: 'url',
  cwd: 'cwd',
  command: 'command',
  'x-client': 'x-client',
};
const RESOLVED_IN: ReadonlySet<SecretPosition> = new Set<SecretPosition>(['env', 'header', 'arg', 'url', 'cwd']);

/** The flag an argument is the value of: `--token` before it. */
function flagBefore(before: unknown): string {
  return typeof before === 'string' && /^--?[A-Za-z][A-Za-z0-9_.-]{0,127}$/.test(before)
    ? before.replace(/^-+/, '')
    : '';
}

function contextOf({ keys, before, isKey }: TextAt): SecretContext {
  if (isKey) return { field: '', position: 'name' };
  if (keys[0] === 'inputs') return { field: String(keys[1] ?? ''), position: 'input' };
  const section = keys[0] === 'mcpServers' ? String(keys[2] ?? '') : '';
  const position = (Object.hasOwn(POSITIONS, section) ? POSITIONS[section] : undefined) ?? 'other';
  if (position === 'arg') return { field: flagBefore(before), position };
  const last = keys.findLast((key) => typeof key === 'string');
  return { field: String(last ?? ''), position };
}

/** `my-server`, `apiKey` -> `MY_SERVER_API_KEY`: always a legal name of a variable. */
function variableName(server: string | undefined, field: string): string {
  const snake = (text: string) =>
    text
      .slice(0, 128)
      .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, '_')
      .replaceAll(/^_|_$/g, '');
  const prefix = snake(server ?? '');
  const suffix = snake(field) || 'SECRET';
  const joined = prefix === '' || suffix.startsWith(`${prefix}_`) ? suffix : `${prefix}_${suffix}`;
  return (/^[0-9]/.test(joined) ? `_${joined}` : joined).slice(0, 128);
}

function referenceFor(
  at: TextAt,
  { position }: SecretContext,
  secret: FoundSecret,
  server: string | undefined,
): string {
  const isEnv = position === 'env';
  const own = isEnv ? String(at.keys[3] ?? '') : secret.field;
  const keepsName = isEnv || (position === 'arg' && /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(own));
  if (keepsName && isReferenceName('env', own)) return spellReference({ kind: 'env', name: own });
  const place = position === 'arg' ? `ARG_${Number(at.keys[3] ?? 0) + 1}` : String(at.keys[2] ?? '');
  return spellReference({ kind: 'env', name: variableName(server, own || place) });
}

/** The literal secrets of a payload, at most one per string, in payload order. A secret used as a key counts too. */
export function* secretsOf(payload: DraftPayload): Generator<PlacedSecret> {
  for (const at of textsOf(payload)) {
    const context = contextOf(at);
    const secret = findSecrets(at.text, context)[0];
    if (secret === undefined) continue;
    const server = at.keys[0] === 'mcpServers' && at.keys.length > 1 ? String(at.keys[1]) : undefined;
    yield {
      keys: at.keys,
      ...(server === undefined ? {} : { server }),
      kind: secret.kind,
      shown: maskSecret(at.text.slice(secret.start, secret.end), secret.kind),
      reference: referenceFor(at, context, secret, server),
      referable: RESOLVED_IN.has(context.position),
    };
  }
}

/** One SECRET_IN_CONFIG per literal secret; the hint holds the exact reference to write. */
export function secretFindings(payload: DraftPayload): Finding[] {
  return Array.from(secretsOf(payload), ({ keys, server, shown, reference, referable }) => ({
    code: 'SECRET_IN_CONFIG',
    message: `\`${keys.slice(server === undefined ? 0 : 2).join('.')}\` holds a literal secret (${shown}).`,
    severity: 'error' as const,
    ...(server === undefined ? {} : { server }),
    path: jsonPointer(...keys),
    hint: referable
      ? `Write \`${reference}\` in its place and set the value in the environment of the client.`
      : `No reference is resolved here: take the value out, and where the server needs it, hand it over as \`${reference}\` in \`env\`.`,
  }));
}

/** The first literal secret, or undefined: the check before anything is stored. */
export function firstSecret(payload: DraftPayload): FirstSecret | undefined {
  const [first] = secretsOf(payload).take(1);
  if (first === undefined) return undefined;
  const { keys, reference, kind } = first;
  return { field: keys.join('.'), path: jsonPointer(...keys), reference, kind };
}

/** SECRET_IN_CONFIG for the first literal secret. To be called before a payload is stored, hashed or signed. */
export function assertNoSecret(payload: DraftPayload): void {
  const first = firstSecret(payload);
  if (first === undefined) return;
  throw new AppError('SECRET_IN_CONFIG', `\`${first.field}\` holds a literal secret (${first.kind}).`, { ...first });
}

/** The text with each literal secret written as what a message may show of it. */
function maskText(text: string, context: SecretContext): string {
  const pieces: string[] = [];
  let from = 0;
  for (const { kind, start, end } of findSecrets(text, context)) {
    pieces.push(text.slice(from, start), `[${maskSecret(text.slice(start, end), kind)}]`);
    from = end;
  }
  return pieces.join('') + text.slice(from);
}

/**
 * A value with every literal secret in it masked, keys included: for showing what others wrote, such as an entry of a
 * client's file, in whatever dialect. The items of a list are read as arguments, members as fields of their name.
 */
export function maskSecrets(value: JsonValue, field = ''): JsonValue {
  if (typeof value === 'string') return maskText(value, { field, position: field === '' ? 'arg' : 'env' });
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      typeof item === 'string'
        ? maskText(item, { field: flagBefore(value[index - 1]), position: 'arg' })
        : maskSecrets(item),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      maskText(key, { field: '', position: 'name' }),
      maskSecrets(member, key),
    ]),
  );
}
