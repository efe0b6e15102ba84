import { AppError } from '../errors.ts';
import type { Finding } from '../finding.ts';
import type { DraftPayload, JsonValue } from '../payload.ts';
import { isReferenceName, jsonPointer, spellReference } from '../references.ts';
import { visible } from '../validation/invisible.ts';
import { type FoundSecret, findSecrets, maskSecret, type SecretContext, type SecretPosition } from './text.ts';

export { findSecrets } from './text.ts';

/** A literal secret of a payload, without the secret. */
export interface PlacedSecret {
  /** From the payload root; of a secret that is itself a key, to the object that has it. */
  keys: (string | number)[];
  server?: string;
  kind: string;
  /** What a message may show. */
  shown: string;
  /** The reference to write in its place. */
  reference: string;
  position: SecretPosition;
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

type Key = string | number;
/** A place in the payload. The way up is a chain, so that a deep value costs no more than a flat one. */
interface Place {
  key: Key;
  parent: Place | undefined;
  value: unknown;
  /** The first four keys: what the contract gives a meaning to. */
  head: readonly Key[];
  /** The nearest key that is a name and no index. */
  name: string;
  /** The element before it, inside an array. */
  before?: unknown;
}
interface TextAt {
  place: Place;
  text: string;
  isKey: boolean;
}

/** Nothing shorter is a secret; skipping it early keeps a payload of a million empty strings cheap. */
const SHORTEST = 6;
/** A key is a secret by its shape alone, and no shape is shorter. */
const SHORTEST_KEY = 15;
const HEAD_LENGTH = 4;

function inside(parent: Place | undefined, key: Key, value: unknown, before?: unknown): Place {
  const above = parent?.head ?? [];
  const head = above.length < HEAD_LENGTH ? [...above, key] : above;
  return { key, parent, value, head, name: typeof key === 'string' ? key : (parent?.name ?? ''), before };
}

/** The members of a value that can hold a secret, last one first. */
function membersOf(place: Place | undefined, value: unknown): Place[] {
  if (Array.isArray(value)) {
    const items = value.flatMap((item: unknown, index) =>
      isWorthwhile(item) ? [inside(place, index, item, value[index - 1])] : [],
    );
    return items.reverse();
  }
  if (typeof value !== 'object' || value === null) return [];
  const members: Place[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (isWorthwhile(member) || key.length >= SHORTEST_KEY) members.push(inside(place, key, member));
  }
  return members.reverse();
}

/** Every string of a JSON value and every key, in order. Own stack: the depth of the value is not trusted. */
function* textsOf(root: unknown): Generator<TextAt> {
  const stack = membersOf(undefined, root);
  for (let place = stack.pop(); place !== undefined; place = stack.pop()) {
    const { key, value } = place;
    if (typeof key === 'string' && key.length >= SHORTEST_KEY) yield { place, text: key, isKey: true };
    if (typeof value === 'string') yield { place, text: value, isKey: false };
    else for (const member of membersOf(place, value)) stack.push(member);
  }
}

/** The keys from the root to a place. */
function keysTo(place: Place | undefined): Key[] {
  const keys: Key[] = [];
  for (let at = place; at !== undefined; at = at.parent) keys.push(at.key);
  return keys.reverse();
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

function contextOf({ place, isKey }: TextAt): SecretContext {
  if (isKey) return { field: '', position: 'name' };
  const [root, owner, member] = place.head;
  if (root === 'inputs') return { field: String(owner ?? ''), position: 'input' };
  const section = root === 'mcpServers' ? String(member ?? '') : '';
  const position = (Object.hasOwn(POSITIONS, section) ? POSITIONS[section] : undefined) ?? 'other';
  return { field: position === 'arg' ? flagBefore(place.before) : place.name, position };
}

/** `my-server`, `apiKey` -> `MY_SERVER_API_KEY`: always a legal name of a variable. */
function variableName(server: Key | undefined, field: string): string {
  const snake = (text: string) =>
    text
      .slice(0, 128)
      .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]+/g, '_')
      .replaceAll(/^_|_$/g, '');
  const prefix = snake(String(server ?? ''));
  const suffix = snake(field) || 'SECRET';
  const joined = prefix === '' || suffix.startsWith(`${prefix}_`) ? suffix : `${prefix}_${suffix}`;
  return (/^[0-9]/.test(joined) ? `_${joined}` : joined).slice(0, 128);
}

function referenceFor({ place, isKey }: TextAt, { position }: SecretContext, { kind, field }: FoundSecret): string {
  const [root, server, section, member] = isKey ? (place.parent?.head ?? []) : place.head;
  const isEnv = position === 'env';
  const own = isEnv ? String(member ?? '') : field;
  const keepsName = isEnv || (position === 'arg' && /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$/.test(own));
  if (keepsName && isReferenceName('env', own)) return spellReference({ kind: 'env', name: own });
  const index = position === 'arg' ? `ARG_${Number(member ?? 0) + 1}` : String(section ?? '');
  const name = kind === 'url_credentials' ? 'PASSWORD' : own || index;
  return spellReference({ kind: 'env', name: variableName(root === 'mcpServers' ? server : undefined, name) });
}

/** A text with literal secrets in it, and where they are. */
interface Spotted {
  at: TextAt;
  context: SecretContext;
  keys: Key[];
  found: [FoundSecret, ...FoundSecret[]];
}

function* spottedIn(payload: DraftPayload): Generator<Spotted> {
  for (const at of textsOf(payload)) {
    const context = contextOf(at);
    const [first, ...more] = findSecrets(at.text, context);
    if (first === undefined) continue;
    yield { at, context, keys: keysTo(at.isKey ? at.place.parent : at.place), found: [first, ...more] };
  }
}

/** A text in which references are resolved, with the stretches of it that are literal secrets. */
export interface SecretText {
  /** From the payload root. */
  keys: (string | number)[];
  text: string;
  spans: readonly Pick<FoundSecret, 'start' | 'end' | 'field'>[];
}

/** The texts of a payload whose secrets a reference can take the place of. */
export function* replaceableSecrets(payload: DraftPayload): Generator<SecretText> {
  for (const { at, context, keys, found } of spottedIn(payload)) {
    if (!at.isKey && RESOLVED_IN.has(context.position)) yield { keys, text: at.text, spans: found };
  }
}

/** The literal secrets of a payload, at most one per string, in payload order. A secret used as a key counts too. */
export function* secretsOf(payload: DraftPayload): Generator<PlacedSecret> {
  for (const { at, context, keys, found } of spottedIn(payload)) {
    const [secret] = found;
    yield {
      keys,
      ...(keys[0] === 'mcpServers' && keys.length > 1 ? { server: String(keys[1]) } : {}),
      kind: secret.kind,
      shown: maskSecret(at.text.slice(secret.start, secret.end), secret.kind),
      reference: referenceFor(at, context, secret),
      position: context.position,
    };
  }
}

function hintFor({ reference, position }: PlacedSecret): string {
  if (position === 'env') return `Write \`${reference}\` as its value and set it in the environment of the client.`;
  return RESOLVED_IN.has(position)
    ? `Write \`${reference}\` in its place and set it in the environment of the client.`
    : `No reference is resolved here: take the value out; where the server needs it, write \`${reference}\` under \`env\`.`;
}

/** One SECRET_IN_CONFIG per literal secret, up to `limit`; the hint holds the exact reference to write. */
export function secretFindings(payload: DraftPayload, limit = Number.POSITIVE_INFINITY): Finding[] {
  return Array.from(secretsOf(payload).take(limit), (secret) => {
    const { keys, server, shown } = secret;
    const where = visible(keys.slice(server === undefined || keys.length < 3 ? 0 : 2).join('.'));
    return {
      code: 'SECRET_IN_CONFIG',
      message: `\`${where}\` holds a literal secret (${shown}).`,
      severity: 'error',
      ...(server === undefined ? {} : { server }),
      path: jsonPointer(...keys),
      hint: hintFor(secret),
    };
  });
}

/** The first literal secret, or undefined: the check before anything is stored. */
export function firstSecret(payload: DraftPayload): FirstSecret | undefined {
  const [first] = secretsOf(payload).take(1);
  if (first === undefined) return undefined;
  const { keys, reference, kind } = first;
  return { field: keys.join('.'), path: jsonPointer(...keys), reference, kind };
}

/** SECRET_IN_CONFIG for words that people write beside a configuration (a changelog, a name) and paste a token into. */
export function assertNoSecretText(texts: Readonly<Record<string, string | undefined>>): void {
  for (const [field, text] of Object.entries(texts)) {
    const secret = text === undefined ? undefined : findSecrets(text, { field: '', position: 'other' })[0];
    if (secret === undefined) continue;
    const hint = 'Take it out, and consider it known to others: make a new one.';
    throw new AppError(
      'SECRET_IN_CONFIG',
      `\`${field}\` holds a literal secret (${secret.kind}).`,
      { field, kind: secret.kind },
      { hint },
    );
  }
}

/** SECRET_IN_CONFIG for the first literal secret. To be called before a payload is stored, hashed or signed. */
export function assertNoSecret(payload: DraftPayload): void {
  const first = firstSecret(payload);
  if (first === undefined) return;
  throw new AppError(
    'SECRET_IN_CONFIG',
    `\`${first.field}\` holds a literal secret (${first.kind}). Write ${first.reference} instead.`,
    { ...first },
  );
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

/** A key, or a name, with every literal secret in it masked, as `maskSecrets` has it. */
export const maskKey = (key: string): string => maskText(key, { field: '', position: 'name' });

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
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [maskKey(key), maskSecrets(member, key)]));
}
