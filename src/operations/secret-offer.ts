import { spellReference } from '../core/references.ts';
import type { Asker } from './asker.ts';
import { type Context, invoke } from './operation.ts';
import { setSecret } from './secrets.ts';

/** A literal secret that somebody gave, and that has no place in a configuration. */
export interface LiteralSecret {
  /** Names it is proposed to be stored under are made of these: server and variable. */
  server_name: string;
  field: string;
  value: string;
}

/** Room is left for a number at the end: a name has at most 128 characters. */
const LONGEST = 120;

/** `github` and `GITHUB_TOKEN` -> `github.GITHUB_TOKEN`: always a legal name. */
export function secretName({ server_name, field }: Pick<LiteralSecret, 'server_name' | 'field'>): string {
  const legal = `${server_name}.${field}`.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return (legal || 'secret').slice(0, LONGEST);
}

interface Place {
  name: string;
  value: string;
  /** What is under the name now: nothing, the same value, or another one that the person lets go. */
  holds: 'nothing' | 'same' | 'other';
}

/** The places of one offer, by name. */
type Places = Map<string, Place>;

async function heldBy(name: string, value: string, places: Places, context: Context): Promise<Place['holds']> {
  const before = places.get(name)?.value ?? (await context.services.secrets.get(name));
  return before === undefined ? 'nothing' : before === value ? 'same' : 'other';
}

/** The name, or the name with the first number behind it, under which no other value is kept. */
async function freePlace(name: string, value: string, places: Places, context: Context): Promise<Place> {
  for (let number = 1; ; number++) {
    const numbered = number === 1 ? name : `${name}-${number}`;
    const holds = await heldBy(numbered, value, places, context);
    if (holds !== 'other') return { name: numbered, value, holds };
  }
}

async function placeFor(secret: LiteralSecret, places: Places, ask: Asker, context: Context): Promise<Place> {
  const name = secretName(secret);
  const { value } = secret;
  const free = await freePlace(name, value, places, context);
  if (free.name === name || places.has(name) || !ask.attended) return free;
  const answer = await ask.choose(`There is a secret ${name} already, and it has another value.`, [
    { value: free.name, label: `Keep it, and store this one as ${free.name}` },
    { value: name, label: 'Replace it', hint: 'everything that refers to it gets the new value' },
  ]);
  return answer === name ? { name, value, holds: 'other' } : free;
}

const question = (names: readonly string[]) =>
  names.length === 1
    ? `This is a secret. Store it on this machine as ${names[0]}, and write a reference to it instead?`
    : `These are secrets: ${names.join(', ')}. Store them on this machine, and write references to them instead?`;

/**
 * Offers to store secrets on this machine. Returns the references to write in their places, in the same order, or
 * undefined when the offer was declined. A stored secret with another value is only replaced when the person says so;
 * in a script the new one goes by a name with a number.
 */
export async function offerToStore(
  secrets: readonly LiteralSecret[],
  ask: Asker,
  context: Context,
): Promise<string[] | undefined> {
  if (secrets.length === 0) return [];
  if (!(await ask.confirm(question([...new Set(secrets.map(secretName))]), false))) return undefined;
  const places: Places = new Map();
  const names: string[] = [];
  for (const secret of secrets) {
    const place = await placeFor(secret, places, ask, context);
    if (!places.has(place.name)) places.set(place.name, place);
    names.push(place.name);
  }
  for (const place of places.values()) await store(place, ask, context);
  return names.map((name) => spellReference({ kind: 'secret', name }));
}

async function store({ name, value, holds }: Place, ask: Asker, context: Context): Promise<void> {
  if (holds === 'same') return ask.tell(`The secret ${name} is stored already.`);
  await invoke(setSecret, context, { name, value });
  await ask.tell(`Stored the secret ${name}. To change it: mcp-orchestration set-secret ${name}`);
}
