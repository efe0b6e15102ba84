import { createHash } from 'node:crypto';
import { AppError } from '../core/errors.ts';
import type { Finding } from '../core/finding.ts';
import { nullRecord } from '../core/null-record.ts';
import type { Bridge, DraftPayload, Entry, JsonValue, Payload, RemoteEntry, StdioEntry } from '../core/payload.ts';
import { isRemote, PORTABLE_SERVER_NAME } from '../core/payload.ts';
import { referencesOf } from '../core/references.ts';
import { type AskedInput, askedIn } from './asked-inputs.ts';
import { BRIDGE, bridgeCommand, checkBridged } from './bridge.ts';
import type { ClientDefinition, Os } from './client.ts';
import { addOwnFields, addTimeout, addToolFilters, setAt } from './extras.ts';
import { renderEnv, renderHeaders } from './named.ts';
import { type DocumentTarget, documentOf, holdsAllJson } from './native-document.ts';
import { quoteWord } from './posix-words.ts';
import type { NativeEntry, Work } from './translate.ts';
import {
  addType,
  asBatch,
  checkLiteral,
  commandOf,
  lossy,
  lost,
  onSystem,
  report,
  sorted,
  translate,
} from './translate.ts';

export { BRIDGE };

/** Part of every plan, ledger row and audit entry: it changes when the same input would give other text. */
export const RENDERER_VERSION = '3';

export interface RenderTarget extends DocumentTarget {
  os: Os;
  /** The launcher on that machine: a path, or its bare name when it is left out; null: none could find the release there. */
  launcher?: string | null | undefined;
  /** The profile that is deployed; `default` when absent. */
  profile_id?: string | undefined;
  /** The file, when the caller of the deployment named it. */
  config_path?: string | undefined;
}

export interface Rendering {
  /** Sorted by name like the canonical payload. An entry with an error finding is left out: half of one never shows. */
  entries: [name: string, native: NativeEntry][];
  /** What the client has to ask its user for, and which entries want to know. Sorted by name. */
  asked: AskedInput[];
  findings: Finding[];
  /** A document that holds the entries, what they ask for, and nothing else. */
  native_text: string;
  /** Lowercase hex SHA-256 of `native_text` in UTF-8. */
  native_sha256: string;
}

/** The part of a rendering that is made entry by entry. */
type RenderedEntries = Pick<Rendering, 'entries' | 'findings'>;

const failed = ({ findings }: Work) => findings.some(({ severity }) => severity === 'error');

function renderEntries(payload: Payload, client: ClientDefinition, target: RenderTarget): RenderedEntries {
  const { dialect } = client;
  if (dialect === null) {
    throw new AppError('CLIENT_NOT_WRITABLE', `This version does not write ${client.display_name}.`, {
      client_id: client.client_id,
    });
  }
  const bridge = payload.bridge ?? BRIDGE;
  const { inputs: declared } = payload;
  const rendering: RenderedEntries = { entries: [], findings: [] };
  for (const [server, entry] of sorted(payload.mcpServers)) {
    const work: Work = { client, dialect, os: target.os, bridge, server, findings: [], launched: false, declared };
    const native = renderEntry(work, entry, target);
    if (native !== undefined && !failed(work)) rendering.entries.push([server, native]);
    rendering.findings.push(...work.findings);
  }
  return rendering;
}

/** What a rendering finds, for who writes nothing. Throws what the rendering throws. */
export function renderFindings(payload: Payload, client: ClientDefinition, target: RenderTarget): Finding[] {
  if (!holdsAllJson(client, target)) return renderPayload(payload, client, target).findings;
  return renderEntries(payload, client, target).findings;
}

/** Turns a payload into the entries of one client. Pure: the same input gives the same bytes on every machine. */
export function renderPayload(payload: Payload, client: ClientDefinition, target: RenderTarget): Rendering {
  const rendering = renderEntries(payload, client, target);
  const asked = askedIn(rendering.entries, payload, client);
  const native_text = documentOf(client, target, rendering.entries, asked);
  return {
    ...rendering,
    asked,
    native_text,
    native_sha256: createHash('sha256').update(native_text, 'utf8').digest('hex'),
  };
}

/** Does any entry that would be written go through the bridge? Then the release must fix its version. */
export function needsBridge(payload: Payload, client: ClientDefinition): boolean {
  const { dialect } = client;
  if (dialect === null) return false;
  return Object.entries(payload.mcpServers).some(([server, entry]) => {
    if (!isRemote(entry) || (entry.disabled === true && client.entry.disabled === null)) return false;
    if (dialect.bridged.includes(entry.type)) return true;
    const work: Work = {
      client,
      dialect,
      os: 'linux',
      bridge: BRIDGE,
      server,
      findings: [],
      launched: false,
      declared: payload.inputs,
    };
    renderRemote(work, entry);
    return work.launched;
  });
}

/** What a publisher adds to a payload, so that the release and not the renderer decides which bridge runs. */
export function bridgeFor(payload: Payload, client: ClientDefinition): { bridge?: Bridge } {
  return needsBridge(payload, client) ? { bridge: payload.bridge ?? BRIDGE } : {};
}

/** The launcher is started by the client, and can only pass on what it is given. */
function passEnvironment(work: Work, entry: Entry, native: NativeEntry): void {
  const { client, dialect, server } = work;
  const references = referencesOf({ mcpServers: { [server]: entry } } as unknown as DraftPayload);
  const names = new Set(references.filter(({ kind }) => kind === 'env').map(({ name }) => name));
  const { named_references, passes_environment } = dialect;
  if (named_references !== undefined && names.size > 0) native[named_references.env_vars] = [...names].toSorted();
  if (passes_environment !== false) return;
  for (const name of names) {
    const message = `${client.display_name} passes on none of its variables, so that \${env:${name}} will have no value.`;
    const hint = `Store the value and refer to it as a secret: mcp-orchestration set-secret ${name}, and \${secret:${name}}.`;
    report(work, 'warning', 'VARIABLE_NOT_PASSED_ON', [], message, hint);
  }
}

function renderEntry(work: Work, entry: Entry, target: RenderTarget): NativeEntry | undefined {
  const disabled = disabledField(work, target);
  if (entry.disabled === true && disabled === null) {
    lost(work, ['disabled'], `${work.client.display_name} has no switched-off entries: this one is left out.`);
    return undefined;
  }
  checkName(work);
  const own = isRemote(entry) ? renderRemote(work, entry) : renderStdio(work, entry);
  const native = work.launched ? renderLaunched(work, entry, target) : own;
  if (disabled !== null && (entry.disabled === true || work.dialect.write_enabled === true)) {
    setAt(native, disabled.pointer, entry.disabled === true ? disabled.off : !disabled.off);
  }
  addTimeout(work, entry, native);
  addToolFilters(work, entry, native);
  addOwnFields(work, entry, native);
  return withName(work, native);
}

/** The name goes first, as the client itself writes it; a name for display that the payload has stays. */
function withName({ dialect, server }: Work, native: NativeEntry): NativeEntry {
  const { name_field } = dialect;
  if (name_field === undefined || Object.hasOwn(native, name_field)) return native;
  return nullRecord<JsonValue>([[name_field, server], ...Object.entries(native)]);
}

/** How an entry is switched off in the layout that the file has. */
const disabledField = ({ client, dialect }: Work, { pointer }: RenderTarget) =>
  dialect.alternate_layout !== undefined && dialect.alternate_layout.pointer === pointer
    ? dialect.alternate_layout.disabled
    : client.entry.disabled;

function checkName(work: Work): void {
  const fault = nameFault(work);
  const hint = 'Use lower-case letters, digits and hyphens.';
  if (fault !== undefined) report(work, 'error', 'SERVER_NAME_UNSUPPORTED', [], fault, hint);
  else if (!PORTABLE_SERVER_NAME.test(work.server)) {
    const { client, dialect, server } = work;
    const misread = [...(dialect.server_names?.misread ?? '')].find((char) => server.includes(char));
    const message =
      misread === undefined
        ? 'Some clients cannot use this server name.'
        : `${client.display_name} parts the names of tools with "${misread}", and misreads a server name that holds it.`;
    report(work, 'warning', 'SERVER_NAME_UNSUPPORTED', [], message, hint);
  }
}

function nameFault({ dialect, client, server }: Work): string | undefined {
  if (server.includes('${')) return 'A server name cannot hold a reference.';
  const allowed = dialect.server_names;
  if (allowed === null) return undefined;
  if (allowed.reserved.includes(server)) return `${client.display_name} keeps this name for itself.`;
  const legal = [...server].every((char) => /[A-Za-z0-9]/.test(char) || (allowed.also?.includes(char) ?? true));
  return legal ? undefined : `${client.display_name} refuses this server name.`;
}

function renderStdio(work: Work, entry: StdioEntry): NativeEntry {
  const { client } = work;
  const native = nullRecord<JsonValue>();
  const facts = client.entry.stdio;
  if (facts === null) {
    lossy(work, ['command'], `${client.display_name} cannot start local servers.`);
    return native;
  }
  addType(work, 'stdio', native);
  const args = entry.args.map((text, index) => translate(work, 'args', text, ['args', index]));
  writeCommand(work, onSystem(work, commandOf(work, entry.command), args), native);
  if (entry.env !== undefined) renderEnv(work, entry.env, facts.env_field, native);
  if (entry.cwd !== undefined) {
    if (facts.cwd_field !== null) native[facts.cwd_field] = translate(work, 'cwd', entry.cwd, ['cwd']);
    else lost(work, ['cwd'], `${client.display_name} has no working directory per server: it is left out.`);
  }
  return native;
}

function renderRemote(work: Work, entry: RemoteEntry): NativeEntry {
  const { client, dialect } = work;
  if (dialect.bridged.includes(entry.type)) return renderBridged(work, entry);
  const native = nullRecord<JsonValue>();
  const facts = client.entry[entry.type];
  if (facts === null) {
    lossy(work, ['type'], `${client.display_name} has no ${entry.type} servers.`);
    return native;
  }
  addType(work, entry.type, native);
  native[facts.url_field] = translate(work, 'url', entry.url, ['url']);
  if (entry.headers === undefined) return native;
  const at = facts.headers_in === undefined ? native : nullRecord<JsonValue>();
  renderHeaders(work, entry.headers, facts.headers_field, at);
  if (facts.headers_in !== undefined) native[facts.headers_in] = at;
  return native;
}

/** Command and arguments in two fields, or in one list (opencode). */
function writeCommand(
  { client, dialect }: Work,
  { command, args }: { command: string; args: string[] },
  native: NativeEntry,
) {
  const facts = client.entry.stdio;
  if (facts === null) return;
  if (facts.command_shape === 'array') {
    native[facts.command_field] = [command, ...args];
    return;
  }
  native[facts.command_field] = dialect.splits_command === true ? quoteWord(command) : command;
  native[facts.args_field ?? 'args'] = args;
}

/** Through the pinned bridge, as a local server. */
function renderBridged(work: Work, entry: RemoteEntry): NativeEntry {
  const native = nullRecord<JsonValue>();
  const facts = work.client.entry.stdio;
  if (facts === null) {
    lossy(work, ['type'], `${work.client.display_name} has no ${entry.type} servers and cannot start the bridge.`);
    return native;
  }
  checkBridged(work, entry);
  const { command, args, env } = bridgeCommand(entry, work.bridge);
  addType(work, 'stdio', native);
  translate(work, 'url', entry.url, ['url']);
  // Written by us and meant for the bridge: its `${VARIABLE}` of a header is not the client's to fill in.
  writeCommand(work, onSystem(work, command, args), native);
  const headers = sorted(entry.headers);
  const translated = Object.keys(env).map((variable, index): [string, string] => {
    const [header = '', text = ''] = headers[index] ?? [];
    return [variable, translate(work, 'env', text, ['headers', header])];
  });
  if (translated.length > 0) native[facts.env_field] = nullRecord<JsonValue>(translated);
  return native;
}

/**
 * The entry of a server whose texts this client could not resolve or would misread: it starts the launcher, which finds
 * the release again by what stands here. Nothing of the payload is in the file but the name.
 */
function renderLaunched(work: Work, entry: Entry, target: RenderTarget): NativeEntry {
  const { client, server } = work;
  const native = nullRecord<JsonValue>();
  if (client.entry.stdio === null) {
    const message = `${client.display_name} cannot resolve the references of this entry, and cannot start the launcher.`;
    report(work, 'error', 'SECRET_NOT_RENDERABLE', [], message);
    return native;
  }
  if (target.launcher === null) {
    const message = `${client.display_name} cannot resolve the references of this entry, and the launcher cannot read a store in PostgreSQL.`;
    report(work, 'error', 'SECRET_NOT_RENDERABLE', [], message);
    return native;
  }
  if (isRemote(entry)) checkBridged(work, entry);
  // The launcher sets the working directory: nothing of that kind is lost.
  work.findings = work.findings.filter(({ code, path }) => code !== 'LOSSY_RENDERING' || !path.endsWith('/cwd'));
  const launcher = target.launcher ?? 'mcp-orchestration';
  const args = ['exec-server', '--client', client.client_id, '--profile', target.profile_id ?? 'default'];
  args.push('--config-scope', target.scope ?? client.deployable_scopes[0] ?? 'user');
  if (target.project !== undefined) args.push('--project', target.project);
  if (target.config_path !== undefined) args.push('--config-path', target.config_path);
  // A name may begin with a hyphen; everything else here is ours.
  args.push('--', server);
  for (const text of [launcher, ...args]) checkLiteral(work, text, []);
  addType(work, 'stdio', native);
  writeCommand(work, asBatch(work, launcher, args), native);
  passEnvironment(work, entry, native);
  return native;
}
