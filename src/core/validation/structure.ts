import type { z } from 'zod';
import {
  Bridge,
  type DraftPayload,
  InputDeclaration,
  PORTABLE_SERVER_NAME,
  RemoteEntry,
  ServerName,
  StdioEntry,
} from '../payload.ts';
import { parseReferences } from '../references.ts';
import { safeParse } from '../safe-parse.ts';
import { type Collector, type Keys, MAX_PER_CODE } from './collector.ts';
import { visible } from './invisible.ts';
import { isObject } from './shape.ts';

/**
 * What the schema of a payload demands, told with codes of its own. Members that can be long (args, env, headers, tools)
 * are checked by hand, so that a million wrong items cost a million comparisons and not a million schema issues.
 */

const BY_HAND = { tools: true, 'x-client': true } as const;
const StdioRest = StdioEntry.omit({ command: true, args: true, env: true, ...BY_HAND });
const RemoteRest = RemoteEntry.omit({ url: true, headers: true, ...BY_HAND });
const INPUT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The members of a strict object that nothing knows, and the other issues, each with its own place. */
function addSchemaIssues(
  found: Collector,
  keys: Keys,
  schema: z.ZodType,
  value: unknown,
  hints: Hints = new Map(),
): void {
  const parsed = safeParse(schema, value);
  for (const issue of parsed.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, MAX_PER_CODE)) addUnknown(found, [...keys, key], hints.get(key));
      continue;
    }
    const path = issue.path.filter((key) => typeof key !== 'symbol');
    const hint = hints.get(String(path[0]));
    const what = path.length === 0 ? '' : `\`${path.map((key) => visible(String(key))).join('.')}\`: `;
    found.add('INVALID_ENTRY', [...keys, ...path], { message: `${what}${issue.message}.`, ...(hint && { hint }) });
  }
}

/** By a name that somebody wrote: `toString` has a hint in every object, and in no map. */
type Hints = ReadonlyMap<string, string>;

function addUnknown(found: Collector, keys: Keys, hint?: string): void {
  const message = `The payload schema knows no field \`${visible(String(keys.at(-1)))}\` here.`;
  const general = 'Take it out; fields of one client go under `x-client.<client_id>`.';
  found.add('UNKNOWN_FIELD', keys, { message, hint: hint ?? general });
}

/** A list of strings, told item by item. */
function addNonStrings(found: Collector, code: string, keys: Keys, value: unknown, what: string): void {
  if (!Array.isArray(value)) {
    found.add(code, keys, { message: `\`${what}\` is a list of strings.`, hint: 'Write `[]` for none.' });
    return;
  }
  for (const [index, item] of value.entries()) {
    if (typeof item === 'string') continue;
    if (found.isFull(code)) return;
    const hint = 'Put it in quotes: the program gets text either way.';
    found.add(code, [...keys, index], { message: `Item ${index + 1} of \`${what}\` is no string.`, hint });
  }
}

/** A map of strings by name. `nameProblem` says what is wrong with a name. */
function addMapProblems(
  found: Collector,
  keys: Keys,
  value: unknown,
  { code, what, nameProblem, valueProblem }: MapRules,
): void {
  if (!isObject(value)) {
    found.add(code, keys, { message: `\`${what}\` is an object of strings by name.` });
    return;
  }
  for (const [name, text] of Object.entries(value)) {
    const problem = nameProblem(name) ?? (typeof text === 'string' ? valueProblem?.(text) : undefined);
    if (problem !== undefined && !found.isFull('INVALID_ENTRY')) {
      found.add('INVALID_ENTRY', [...keys, name], { message: `\`${what}.${visible(name)}\`: ${problem}.` });
    }
    if (typeof text !== 'string' && !found.isFull(code)) {
      const message = `\`${what}.${visible(name)}\` is no string.`;
      found.add(code, [...keys, name], { message, hint: 'Put the value in quotes.' });
    }
  }
}

interface MapRules {
  code: string;
  what: string;
  nameProblem: (name: string) => string | undefined;
  valueProblem?: (text: string) => string | undefined;
}

const ENV_RULES: MapRules = {
  code: 'INVALID_ENV_TYPE',
  what: 'env',
  nameProblem: (name) => (/^[^=\0]+$/.test(name) ? undefined : 'a variable has a name without "=" and NUL'),
};
const HEADER_RULES: MapRules = {
  code: 'INVALID_ENTRY',
  what: 'headers',
  nameProblem: (name) => (HEADER_NAME.test(name) ? undefined : 'this is no name of an HTTP header'),
  valueProblem: (text) => (/[\r\n\0]/.test(text) ? 'the value of a header is one line' : undefined),
};

function addEmptyVariables(found: Collector, keys: Keys, env: unknown): void {
  if (!isObject(env)) return;
  for (const [name, text] of Object.entries(env)) {
    if (text !== '') continue;
    if (found.isFull('EMPTY_ENV_VAR')) return;
    const message = `The variable \`${visible(name)}\` is empty.`;
    found.add('EMPTY_ENV_VAR', [...keys, name], {
      message,
      hint: 'Give it a value or take it out.',
      severity: 'warning',
    });
  }
}

function checkCommon(found: Collector, keys: Keys, entry: Record<string, unknown>): void {
  const { tools, 'x-client': extras } = entry;
  if (tools !== undefined && !isObject(tools))
    found.add('INVALID_ENTRY', [...keys, 'tools'], { message: '`tools` is an object.' });
  for (const [key, value] of isObject(tools) ? Object.entries(tools) : []) {
    if (key === 'allow' || key === 'deny')
      addNonStrings(found, 'INVALID_ENTRY', [...keys, 'tools', key], value, `tools.${key}`);
    else addUnknown(found, [...keys, 'tools', key], '`tools` has `allow` and `deny`.');
  }
  if (extras === undefined) return;
  const message = '`x-client` is an object of objects: the fields of each client by client id.';
  if (!isObject(extras)) found.add('INVALID_ENTRY', [...keys, 'x-client'], { message });
  else {
    for (const [client, fields] of Object.entries(extras)) {
      if (found.isFull('INVALID_ENTRY')) return;
      if (!isObject(fields)) found.add('INVALID_ENTRY', [...keys, 'x-client', client], { message });
    }
  }
}

const STDIO_HINTS: Hints = new Map([
  ['type', 'Leave `type` out: an entry with `command` is started over stdio.'],
  ['url', 'An entry has `command` or `url`, never both: make two entries.'],
  ['headers', 'Headers belong to an entry with `url`.'],
]);

function checkStdio(found: Collector, keys: Keys, entry: Record<string, unknown>): void {
  const { command, args, env, tools: _tools, 'x-client': _extras, ...rest } = entry;
  if (typeof command !== 'string') {
    found.add('INVALID_ENTRY', [...keys, 'command'], { message: '`command` is a string: the program to start.' });
  } else if (command.trim() === '') {
    found.add('MISSING_COMMAND', [...keys, 'command'], {
      message: '`command` is empty.',
      hint: 'Name the program to start.',
    });
  }
  if (args === undefined) {
    found.add('MISSING_ARGS', [...keys, 'args'], {
      message: '`args` is missing.',
      hint: 'Write `"args": []` for none.',
    });
  } else addNonStrings(found, 'INVALID_ARGS_TYPE', [...keys, 'args'], args, 'args');
  if (env !== undefined) addMapProblems(found, [...keys, 'env'], env, ENV_RULES);
  addEmptyVariables(found, [...keys, 'env'], env);
  addSchemaIssues(found, keys, StdioRest, rest, STDIO_HINTS);
}

const REMOTE_HINTS: Hints = new Map([
  ['type', 'Say `"type": "http"` (Streamable HTTP) or `"type": "sse"`.'],
  ['args', 'Arguments belong to an entry with `command`.'],
  ['env', 'Variables belong to an entry with `command`; a remote server gets `headers`.'],
  ['cwd', 'A working directory belongs to an entry with `command`.'],
]);

/** Is it an http(s) address once each reference is put in? One that begins with a reference cannot be judged. */
function isHttpUrl(url: string): boolean {
  const { parts } = parseReferences(url);
  if (parts[0] !== undefined && parts[0].kind !== 'text') return true;
  const filled = parts.map((part) => (part.kind === 'text' ? part.text : '1')).join('');
  return /^https?:\/\/[^\s]+$/i.test(filled) && URL.canParse(filled);
}

function checkRemote(found: Collector, keys: Keys, entry: Record<string, unknown>): void {
  const { url, headers, tools: _tools, 'x-client': _extras, ...rest } = entry;
  if (typeof url !== 'string' || !isHttpUrl(url)) {
    const message = '`url` is no http or https address.';
    found.add('INVALID_ENTRY', [...keys, 'url'], { message, hint: 'Write it in full: `https://host/path`.' });
  }
  if (headers !== undefined) addMapProblems(found, [...keys, 'headers'], headers, HEADER_RULES);
  addSchemaIssues(found, keys, RemoteRest, rest, REMOTE_HINTS);
}

function checkEntry(found: Collector, name: string, entry: Record<string, unknown>): void {
  const keys = ['mcpServers', name];
  checkName(found, name);
  checkCommon(found, keys, entry);
  if (entry.command !== undefined) checkStdio(found, keys, entry);
  else if (entry.url !== undefined && entry.url !== '') checkRemote(found, keys, entry);
  else {
    const message = `\`${visible(name)}\` has neither \`command\` nor \`url\`.`;
    const hint = 'Give the program to start (`command`, `args`) or the address to call (`type`, `url`).';
    found.add('MISSING_COMMAND', [...keys, 'url' in entry || 'type' in entry ? 'url' : 'command'], { message, hint });
  }
}

function checkName(found: Collector, name: string): void {
  const parsed = safeParse(ServerName, name);
  const shown = visible(name);
  if (!parsed.success) {
    const message = `The name \`${shown}\` cannot be used: 1 to 128 characters without controls are.`;
    found.add('SERVER_NAME_UNSUPPORTED', ['mcpServers', name], { message, hint: 'Choose another name.' });
  } else if (!PORTABLE_SERVER_NAME.test(name)) {
    const message = `The name \`${shown}\` does not work in every client.`;
    const hint = 'Lower-case letters, digits and hyphens work everywhere, up to 64 of them.';
    found.add('SERVER_NAME_UNSUPPORTED', ['mcpServers', name], { message, hint, severity: 'warning' });
  }
}

function checkRoot(found: Collector, payload: DraftPayload): void {
  const { mcpServers: _servers, inputs, bridge, ...unknown } = payload;
  for (const key of Object.keys(unknown)) {
    if (found.isFull('UNKNOWN_FIELD')) break;
    addUnknown(found, [key], 'A payload has `mcpServers`, `inputs` and `bridge`.');
  }
  if (bridge !== undefined) addSchemaIssues(found, ['bridge'], Bridge, bridge);
  if (inputs === undefined) return;
  if (!isObject(inputs))
    found.add('INVALID_ENTRY', ['inputs'], { message: '`inputs` is an object of declarations by name.' });
  for (const [name, declaration] of isObject(inputs) ? Object.entries(inputs) : []) {
    if (found.isFull('INVALID_ENTRY')) return;
    if (!INPUT_NAME.test(name)) {
      const message = `\`${visible(name)}\` is no name of an input.`;
      found.add('INVALID_ENTRY', ['inputs', name], {
        message,
        hint: 'Letters, digits, dots, underscores and hyphens are, up to 128.',
      });
    }
    addSchemaIssues(found, ['inputs', name], InputDeclaration, declaration);
  }
}

/** Everything the payload schema demands. A payload without an error from here is one that the schema accepts. */
export function checkStructure(
  found: Collector,
  payload: DraftPayload,
  { allow_empty }: { allow_empty: boolean },
): void {
  const servers = Object.entries(payload.mcpServers);
  if (servers.length === 0) {
    const hint = 'Add a server with `add-server`; to publish without any on purpose, say `allow_empty`.';
    const severity = allow_empty ? 'warning' : 'error';
    found.add('EMPTY_CONFIG', ['mcpServers'], { message: 'The configuration has no server.', hint, severity });
  }
  for (const [name, entry] of servers) checkEntry(found, name, entry);
  checkRoot(found, payload);
}
