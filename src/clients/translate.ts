import type { Finding } from '../core/finding.ts';
import { nullRecord } from '../core/null-record.ts';
import type { Bridge, JsonValue, Payload } from '../core/payload.ts';
import { jsonPointer, parseReferences, type Reference } from '../core/references.ts';
import type { ClientDefinition, Dialect, Os, TextField, Transport } from './client.ts';

/** How one string, one command and one type are said in a client's own words, and where faults are reported. */

export type NativeEntry = Record<string, JsonValue>;

/** What the rendering of one entry needs, and where its findings go. */
export interface Work {
  client: ClientDefinition;
  dialect: Dialect;
  os: Os;
  bridge: Bridge;
  server: string;
  findings: Finding[];
  /** The client would not read a text of this entry as it is meant: the launcher starts it instead. */
  launched: boolean;
  /** Inputs that the payload declares: a client that asks for them itself needs more than their names. */
  declared: Payload['inputs'];
}

export type Place = readonly (string | number)[];

export function report(
  work: Work,
  severity: Finding['severity'],
  code: string,
  place: Place,
  message: string,
  hint?: string,
) {
  const path = jsonPointer('mcpServers', work.server, ...place);
  const finding: Finding = { code, message, severity, server: work.server, path };
  work.findings.push(hint === undefined ? finding : { ...finding, hint });
}

export const lossy = (work: Work, place: Place, message: string, hint?: string) =>
  report(work, 'error', 'LOSSY_RENDERING', place, message, hint);

export const lost = (work: Work, place: Place, message: string, hint?: string) =>
  report(work, 'warning', 'LOSSY_RENDERING', place, message, hint);

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);
export const sorted = <T>(record: Readonly<Record<string, T>> | undefined) =>
  Object.entries(record ?? {}).toSorted(byName);

/** One string of the payload in the client's own spelling. What cannot be said becomes an error finding. */
export function translate(work: Work, field: TextField, text: string, place: Place): string {
  const { client, dialect } = work;
  const { parts, problems } = parseReferences(text);
  if (problems.length > 0) {
    const hint = 'References are ${env:NAME}, ${secret:NAME} and ${input:NAME}; $${ is a literal ${.';
    report(work, 'error', 'UNKNOWN_REFERENCE', place, 'This looks like a reference, but is none.', hint);
  }
  const spelled = parts.map((part) => {
    if (part.kind === 'text') {
      if (markerIn(work, part.text) !== undefined) work.launched = true;
      return part.text;
    }
    const known =
      dialect.references.includes(part.kind) && client.references?.fields.includes(field) && isDefined(work, part);
    const template = known === true ? client.references?.[part.kind] : null;
    if (typeof template === 'string') return template.replace('{name}', part.name);
    work.launched = true;
    return '';
  });
  return spelled.join('');
}

/** Can the client say what it asks for when it comes to an input of that name? */
function isDefined({ client, dialect, declared = {} }: Work, { kind, name }: Reference): boolean {
  if (kind !== 'input' || dialect.inputs_at === undefined) return true;
  const input = Object.hasOwn(declared, name) ? declared[name] : undefined;
  const said = [input?.description, input?.default];
  return (
    input !== undefined && !client.references?.markers.some((marker) => said.some((text) => text?.includes(marker)))
  );
}

/** Literal text must stay literal. `${secret:` is kept out of every file, so that finding one there is always a fault. */
function markerIn({ client }: Work, text: string): string | undefined {
  return [...(client.references?.markers ?? []), '${secret:'].find((candidate) => text.includes(candidate));
}

/** For texts that the launcher cannot keep from the client: its own command line. */
export function checkLiteral(work: Work, text: string, place: Place): void {
  const marker = markerIn(work, text);
  if (marker === undefined) return;
  lossy(work, place, `${work.client.display_name} would read the literal ${marker} here as a reference.`);
}

export function translateRecord(
  work: Work,
  field: 'env' | 'headers',
  record: Readonly<Record<string, string>>,
): NativeEntry {
  const translated = nullRecord<JsonValue>();
  for (const [name, text] of sorted(record)) {
    const place = [field, name];
    if (name.includes('${')) report(work, 'error', 'UNKNOWN_REFERENCE', place, 'A name cannot hold a reference.');
    translated[name] = translate(work, field, text, place);
  }
  return translated;
}

/** Characters that `cmd.exe` reads as its own, also in the middle of an argument (SECURITY-BAR T4). */
const CMD_OPERATORS = /[&|<>^%"\r\n]/;

/** Batch files such as npx.cmd only start through `cmd /c` in clients that start programs without a shell. */
export function onSystem(work: Work, program: string, args: string[]): { command: string; args: string[] } {
  return work.dialect.windows_shell_for.includes(program) ? asBatch(work, program, args) : { command: program, args };
}

/** The same for a program that is known to be a batch file; `windows_shell_for` says whether this client needs the shell. */
export function asBatch(work: Work, program: string, args: string[]): { command: string; args: string[] } {
  if (work.os !== 'windows' || work.dialect.windows_shell_for.length === 0) return { command: program, args };
  if (args.some((arg) => CMD_OPERATORS.test(arg))) {
    const hint = 'Move the value into env, or start the server with another program than npx.';
    lossy(work, [], 'On Windows, cmd /c would change an argument with one of & | < > ^ % " or a line end.', hint);
  }
  return { command: 'cmd', args: ['/c', program, ...args] };
}

/** A command is written as it is: it holds no reference (DESIGN 4.6). */
export function commandOf(work: Work, text: string): string {
  if (parseReferences(text).parts.some(({ kind }) => kind !== 'text')) {
    report(work, 'error', 'SECRET_NOT_RENDERABLE', ['command'], 'A command cannot hold a reference.');
  } else {
    checkLiteral(work, text, ['command']);
  }
  return text;
}

export function addType({ client, dialect }: Work, transport: Transport, native: NativeEntry): void {
  const tag = client.entry[transport]?.type;
  if (tag != null && dialect.write_type.includes(transport)) native[tag.field] = tag.value;
}
