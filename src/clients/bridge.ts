import { nullRecord } from '../core/null-record.ts';
import type { Bridge, RemoteEntry } from '../core/payload.ts';
import { parseReferences } from '../core/references.ts';
import { lossy, sorted, type Work } from './translate.ts';

/** What carries remote servers to clients without remote support, unless the payload fixes something else. */
export const BRIDGE = { package: 'mcp-remote', version: '0.15.1' } as const satisfies Bridge;

export interface BridgeCommand {
  command: 'npx';
  args: string[];
  env: Record<string, string>;
}

/**
 * How the bridge is started for a remote entry, the references of the payload still inside. The URL comes first. A header
 * value travels in the environment: several clients break arguments with spaces, and every user of the machine can read
 * the argument list.
 */
export function bridgeCommand(entry: RemoteEntry, { package: name, version }: Bridge): BridgeCommand {
  const headers = sorted(entry.headers);
  const variables = variableNames(headers.map(([header]) => header));
  const env = nullRecord<string>();
  const flags = transportFlags(entry);
  headers.forEach(([header, value], index) => {
    const variable = variables[index] ?? '';
    flags.push('--header', `${header}:\${${variable}}`);
    env[variable] = value;
  });
  return { command: 'npx', args: ['-y', `${name}@${version}`, entry.url, ...flags], env };
}

/** The bridge passes over flags it does not know and values it does not like, so everything is checked here. */
export function checkBridged(work: Work, entry: RemoteEntry): void {
  const { package: name, version } = work.bridge;
  if (!/^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/i.test(name) || !/^[0-9a-z][0-9a-z.+-]*$/i.test(version)) {
    lossy(work, [], 'The bridge of this payload is no npm package name with a version.');
  }
  const protocol = parsed(entry.url)?.protocol;
  if (/\s/.test(entry.url) || (protocol !== 'http:' && protocol !== 'https:')) {
    lossy(work, ['url'], 'The bridge takes only an http or https URL without blanks.');
  }
  for (const [header, value] of sorted(entry.headers)) checkHeader(work, header, value);
}

const parsed = (url: string) => (URL.canParse(url) ? new URL(url) : undefined);

/** Plain http is refused by the bridge for every host that is not literally one of these two. */
const LOOPBACK = ['localhost', '127.0.0.1'];

function transportFlags({ type, url }: RemoteEntry): string[] {
  const flags = ['--transport', type === 'sse' ? 'sse-only' : 'http-only'];
  const target = parsed(url);
  if (target?.protocol === 'http:' && !LOOPBACK.includes(target.hostname)) flags.push('--allow-http');
  return flags;
}

function checkHeader(work: Work, name: string, text: string): void {
  const place = ['headers', name];
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    lossy(work, place, 'The bridge silently drops a header whose name is not letters, digits, _ and -.');
  }
  if (parseReferences(text).parts.some((part) => part.kind === 'text' && part.text.includes('${'))) {
    lossy(work, place, 'The bridge would fill in the literal ${ of this header from its own environment.');
  }
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
