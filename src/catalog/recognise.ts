import { type Entry, isRemote } from '../core/payload.ts';
import { CATALOG } from './index.ts';
import type { CatalogServer, CatalogTransport } from './server.ts';

/** Which server of the catalog an entry starts, whoever wrote the entry. */

export interface Recognised {
  server: CatalogServer;
  transport: CatalogTransport;
}

/** `@scope/name@1.2.3`, `name==1.2.3`, `image:tag` -> the name alone. */
const bareName = (text: string) => text.replace(/(?<=.)(?:@[^/@]*|[=<>~!]=.*|:[^/:]*)$/, '').replace(/\[[^\]]*\]$/, '');

/** The address up to the first part that a parameter fills in; trailing slashes and queries do not tell servers apart. */
const fixedPart = (template: string) => template.split('{')[0]?.replace(/[?#].*$/, '') ?? '';

function startsFrom(
  transport: CatalogTransport,
  { command, args }: { command: string; args: readonly string[] },
): boolean {
  if (transport.type !== 'stdio') return args.some((text) => reaches(transport, text));
  const { package: source } = transport;
  if (source === null) return !transport.command.includes('{') && transport.command === command;
  return args.some((text) => bareName(text) === bareName(source.identifier));
}

function reaches(transport: CatalogTransport, url: string): boolean {
  if (transport.type === 'stdio' || !/^https?:/.test(url)) return false;
  const fixed = fixedPart(transport.url);
  if (!/^https?:\/\/[^/]+\//.test(`${fixed}/`) || fixed.endsWith('//')) return false;
  const plain = (text: string) => text.replace(/[?#].*$/, '').replace(/\/+$/, '');
  return fixed === transport.url ? plain(url) === plain(fixed) : url.startsWith(fixed) && fixed.split('/').length > 3;
}

/** Templates fit everything and are never the answer. */
export function recognise(entry: Entry, catalog: readonly CatalogServer[] = CATALOG): Recognised | undefined {
  for (const server of catalog) {
    if (server.status === 'template') continue;
    const transport = server.transports.find((one) =>
      isRemote(entry) ? reaches(one, entry.url) : startsFrom(one, entry),
    );
    if (transport !== undefined) return { server, transport };
  }
  return undefined;
}

/** Does the catalog say that this variable or header holds a secret? */
export function isDeclaredSecret({ transport }: Recognised, kind: 'env' | 'headers', name: string): boolean {
  if (transport.type !== 'stdio') {
    const header = name.toLowerCase();
    return (
      kind === 'headers' && transport.headers.some((one) => one.secret === true && one.name.toLowerCase() === header)
    );
  }
  return kind === 'env' && transport.env.some((one) => one.secret === true && one.name === name);
}
