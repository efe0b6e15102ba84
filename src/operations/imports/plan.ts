import { isDeclaredSecret, type Recognised, recognise } from '../../catalog/recognise.ts';
import type { CatalogServer } from '../../catalog/server.ts';
import type { ClientDefinition } from '../../clients/client.ts';
import { readEntry } from '../../clients/read-entry.ts';
import { Inexpressible } from '../../clients/read-text.ts';
import { renderPayload } from '../../clients/render.ts';
import { serverNames } from '../../core/draft.ts';
import { AppError } from '../../core/errors.ts';
import { nullRecord } from '../../core/ids.ts';
import type { DraftPayload, Entry, JsonValue, Payload } from '../../core/payload.ts';
import { ServerName } from '../../core/payload.ts';
import { isReferenceName, referencesOf } from '../../core/references.ts';
import { safeParse } from '../../core/safe-parse.ts';
import { secretsOf } from '../../core/secrets/detector.ts';
import { replaceSecrets, type TakenSecret } from '../../core/secrets/replace.ts';
import { readEntries } from '../../core/splice/entries.ts';
import { isObject } from '../../core/splice/equality.ts';
import { readClientFile } from '../../io/client-files/read.ts';
import { catalogOf } from '../added-servers.ts';
import { type CurrentDraft, currentDraft } from '../current.ts';
import type { Context, Target } from '../operation.ts';
import { ledgerOf } from '../rollout/ledger.ts';
import { findPlace, type Place, type Wanted } from '../rollout/place.ts';
import { secretName } from '../secret-offer.ts';

/** A secret of the file: under which name a reference to it stands in the draft. The value goes into the store or nowhere. */
export interface FoundSecret {
  server_name: string;
  name: string;
  value: string;
}

/** An import as decided, before anything is stored. */
export interface ImportPlan {
  place: Place;
  from: CurrentDraft;
  payload: DraftPayload;
  imported: string[];
  skipped: { server_name: string; reason: string }[];
  secrets: FoundSecret[];
  catalog_matches: { server_name: string; server_id: string }[];
}

interface Work {
  context: Context;
  client: ClientDefinition;
  place: Place;
  /** Every name that was given out, with its value. */
  names: Map<string, string>;
  declared: Payload['inputs'];
  catalog: readonly CatalogServer[];
}

/** Reads the file and decides about each of its entries. Changes nothing. */
export async function planImport(
  context: Context,
  client: ClientDefinition,
  input: Target & Wanted & { replace: boolean },
): Promise<ImportPlan> {
  const place = await findPlace(context, client, input);
  const file = await readClientFile(place.target);
  if (file === null) {
    const { config_path } = place;
    const hint = 'Is the client installed here? `list-clients` says it, and `add-server` begins with an empty draft.';
    const message = `There is no file ${config_path}: nothing can be imported.`;
    throw new AppError('NOT_FOUND', message, { config_path }, { hint });
  }
  const entries = readEntries(place.codec, file.text, place.pointer);
  const { ledger } = await ledgerOf(context, place);
  const owned = new Set(ledger.entries.map(([name]) => name));
  const from = await currentDraft(context, input);
  const plan: ImportPlan = {
    place,
    from,
    payload: from.payload,
    imported: [],
    skipped: [],
    secrets: [],
    catalog_matches: [],
  };
  const work: Work = {
    context,
    client,
    place,
    names: new Map(),
    declared: declaredIn(client, place, file.text),
    catalog: await catalogOf(context),
  };
  for (const [name, { value }] of entries) {
    const reason = reasonAgainst(name, value, { owned, draft: plan.payload, replace: input.replace });
    const failed = reason ?? (await takeIn(work, plan, name, value));
    if (failed !== undefined) plan.skipped.push({ server_name: name, reason: failed });
  }
  return plan;
}

/** Why an entry stays out before anybody looks into it. */
function reasonAgainst(
  name: string,
  value: JsonValue,
  { owned, draft, replace }: { owned: ReadonlySet<string>; draft: DraftPayload; replace: boolean },
): string | undefined {
  if (owned.has(name)) return 'it was deployed from here, and is in a release already';
  if (startsLauncher(value)) return 'it starts the launcher of this program: it belongs to a release';
  if (!safeParse(ServerName, name).success || ['__proto__', 'constructor', 'prototype'].includes(name)) {
    return 'its name cannot be a server name here';
  }
  if (!replace && serverNames(draft).includes(name))
    return 'the draft has a server of that name: say --replace to take this one';
  return undefined;
}

function startsLauncher(value: JsonValue): boolean {
  if (!isObject(value)) return false;
  // goose calls its command `cmd`.
  const words = [value['command'], value['cmd'], value['args']].flat();
  return (
    words.includes('exec-server') && words.some((word) => /(?:^|[\\/])mcp-orchestration(?:\.cmd)?$/.test(String(word)))
  );
}

/** Takes one entry into the plan; gives the reason when that cannot be. */
async function takeIn(work: Work, plan: ImportPlan, name: string, value: JsonValue): Promise<string | undefined> {
  const { client, place } = work;
  try {
    const read = readEntry(client, value, { os: place.machine.os, pointer: place.scope.pointer, server: name });
    const known = recognise(read, work.catalog);
    const { entry, secrets } = await withoutSecrets(work, name, read, known);
    const payload = withEntry(plan.payload, name, entry, work.declared);
    assertExpressible(work, name, entry);
    plan.payload = payload;
    plan.imported.push(name);
    plan.secrets.push(...secrets);
    if (known !== undefined) plan.catalog_matches.push({ server_name: name, server_id: known.server.server_id });
    return undefined;
  } catch (error) {
    if (error instanceof Inexpressible) return error.message;
    throw error;
  }
}

async function withoutSecrets(
  work: Work,
  server_name: string,
  read: Entry,
  known: Recognised | undefined,
): Promise<{ entry: Entry; secrets: FoundSecret[] }> {
  const taken: TakenSecret[] = [];
  const isSecret = (kind: 'env' | 'headers', name: string) =>
    known !== undefined && isDeclaredSecret(known, kind, name);
  const probe = (secret: TakenSecret) => {
    taken.push(secret);
    return `probe-${taken.length}`;
  };
  replaceSecrets(read, probe, isSecret);
  const secrets: FoundSecret[] = [];
  for (const { field, value } of taken) {
    secrets.push({ server_name, value, name: await freeName(work, secretName({ server_name, field }), value) });
  }
  const names = secrets.map(({ name }) => name);
  const entry = replaceSecrets(read, () => names.shift() ?? '', isSecret);
  const [left] = secretsOf({ mcpServers: { [server_name]: entry } } as unknown as DraftPayload);
  if (left === undefined) return { entry, secrets };
  throw new Inexpressible('it holds a secret where no reference can stand: move it into its environment or a header');
}

/** The name, or the name with the first number behind it, under which no other value is kept. */
async function freeName({ context, names }: Work, wanted: string, value: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    const held = names.get(name) ?? (await context.services.secrets.get(name));
    if (held !== undefined && held !== value) continue;
    names.set(name, value);
    return name;
  }
}

/** What the client could not be given back is not taken in: the deployment of the draft would only fail later. */
function assertExpressible({ client, place }: Work, name: string, entry: Entry): void {
  const payload = { mcpServers: nullRecord([[name, entry]]) };
  const target = { os: place.machine.os, scope: place.scope.scope, pointer: place.scope.pointer };
  const { findings } = renderPayload(payload, client, {
    ...target,
    ...(place.project !== null && { project: place.project }),
  });
  const fault = findings.find(({ severity }) => severity === 'error');
  if (fault !== undefined) throw new Inexpressible(fault.message);
}

/** The inputs of the file itself, for a client that has such a thing (VS Code asks for their values). */
function declaredIn({ references }: ClientDefinition, { codec }: Place, text: string): Payload['inputs'] {
  if (references?.input == null) return undefined;
  const list = readEntries(codec, text, []).get('inputs')?.value;
  if (!Array.isArray(list)) return undefined;
  const declared = list.flatMap((item): [string, NonNullable<Payload['inputs']>[string]][] => {
    if (!isObject(item) || typeof item['id'] !== 'string' || !isReferenceName('input', item['id'])) return [];
    const { id, description, default: fallback, password } = item;
    const stands = typeof fallback === 'string' && password !== true;
    return [
      [id as string, { description: String(description ?? id), required: true, ...(stands && { default: fallback }) }],
    ];
  });
  return nullRecord(declared);
}

function withEntry(draft: DraftPayload, name: string, entry: Entry, declared: Payload['inputs'] = {}): DraftPayload {
  const mcpServers = { ...draft.mcpServers, [name]: entry as unknown as DraftPayload['mcpServers'][string] };
  const wanted = referencesOf({ mcpServers: { [name]: entry } } as unknown as DraftPayload)
    .filter(({ kind }) => kind === 'input')
    .map((reference) => reference.name);
  if (wanted.length === 0) return { ...draft, mcpServers };
  const unknown = wanted.find((input) => !Object.hasOwn(declared, input));
  if (unknown !== undefined) throw new Inexpressible('it asks for an input that the file does not declare');
  const inputs = nullRecord(wanted.map((input): [string, unknown] => [input, declared[input]]));
  return { ...draft, mcpServers, inputs: { ...inputs, ...(draft['inputs'] as object | undefined) } };
}
