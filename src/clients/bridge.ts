import { nullRecord } from '../core/ids.ts';
import type { Bridge, JsonValue, RemoteEntry } from '../core/payload.ts';
import { parseReferences } from '../core/references.ts';
import { addType, lossy, type NativeEntry, onSystem, sorted, translate, type Work } from './translate.ts';

/** What carries remote servers to clients without remote support, unless the payload fixes something else. */
export const BRIDGE = { package: 'mcp-remote', version: '0.15.1' } as const satisfies Bridge;

/**
 * The bridge passes over flags it does not know and values it does not like, so everything is checked here. The URL comes
 * first. A header value travels in the environment: several clients break arguments with spaces, and every user of the
 * machine can read the argument list.
 */
export function renderBridged(work: Work, entry: RemoteEntry): NativeEntry {
  const native = nullRecord<JsonValue>();
  const facts = work.client.entry.stdio;
  if (facts === null) {
    lossy(work, ['type'], `${work.client.display_name} has no ${entry.type} servers and cannot start the bridge.`);
    return native;
  }
  const headers = sorted(entry.headers);
  const variables = variableNames(headers.map(([name]) => name));
  const env = nullRecord<JsonValue>();
  const flags = [...transportFlags(entry)];
  headers.forEach(([name, value], index) => {
    const variable = variables[index] ?? '';
    flags.push('--header', `${name}:\${${variable}}`);
    env[variable] = headerValue(work, name, value);
  });
  addType(work, 'stdio', native);
  const started = onSystem(work, 'npx', ['-y', packageSpec(work), urlOf(work, entry.url), ...flags]);
  native[facts.command_field] = started.command;
  native[facts.args_field ?? 'args'] = started.args;
  if (headers.length > 0) native[facts.env_field] = env;
  return native;
}

function packageSpec(work: Work): string {
  const { package: name, version } = work.bridge;
  if (!/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/i.test(name) || !/^[0-9a-z][0-9a-z.+-]*$/i.test(version)) {
    lossy(work, [], 'The bridge of this payload is no npm package name with a version.');
  }
  return `${name}@${version}`;
}

const parsed = (url: string) => (URL.canParse(url) ? new URL(url) : undefined);

function urlOf(work: Work, text: string): string {
  const url = translate(work, 'url', text, ['url']);
  const protocol = parsed(url)?.protocol;
  if (/\s/.test(url) || (protocol !== 'http:' && protocol !== 'https:')) {
    lossy(work, ['url'], 'The bridge takes only an http or https URL without blanks.');
  }
  return url;
}

/** Plain http is refused by the bridge for every host that is not literally one of these two. */
const LOOPBACK = ['localhost', '127.0.0.1'];

function transportFlags({ type, url }: RemoteEntry): string[] {
  const flags = ['--transport', type === 'sse' ? 'sse-only' : 'http-only'];
  const target = parsed(url);
  if (target?.protocol === 'http:' && !LOOPBACK.includes(target.hostname)) flags.push('--allow-http');
  return flags;
}

function headerValue(work: Work, name: string, text: string): string {
  const place = ['headers', name];
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    lossy(work, place, 'The bridge silently drops a header whose name is not letters, digits, _ and -.');
  }
  if (parseReferences(text).parts.some((part) => part.kind === 'text' && part.text.includes('${'))) {
    lossy(work, place, 'The bridge would fill in the literal ${ of this header from its own environment.');
  }
  return translate(work, 'env', text, place);
}

/** `Authorization` becomes `MCP_HEADER_AUTHORIZATION`. Names that fold together are numbered: header names are distinct. */
function variableNames(headers: readonly string[]): string[] {
  const taken = new Set<string>();
  return headers.map((header) => {
    const base = `MCP_HEADER_${header.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
    let name = base;
    for (let count = 2; taken.has(name); count += 1) name = `${base}_${count}`;
    taken.add(name);
    return name;
  });
}
