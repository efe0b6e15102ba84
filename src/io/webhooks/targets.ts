import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../../core/errors.ts';

/** Where webhooks may be sent: never to a place that only this machine can reach, unless somebody listed it. */

export interface TargetRules {
  mode: 'local' | 'server';
  /** `host:port` in lower case, the host as URLs spell it: may have any address, and in local mode any port. */
  allow: ReadonlySet<string>;
  /** All addresses of a name; that of the system when left out. */
  resolve?: (host: string) => Promise<readonly { address: string; family: number }[]>;
}

const PORTS = new Set(['443', '8443']);
/** Names that only mean something on a machine or in a network, whatever a resolver says of them today. */
const LOCAL_NAME = /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)$/;
/** A resolver that does not answer. */
const RESOLVE_MS = 4_000;

/** Relays that lead to other addresses than their own. */
const RELAYS = [ipaddr.parseCIDR('192.88.99.0/24')];

/** Whether an address belongs to the public internet. False for what is no address. */
export function isGlobal(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  // Of IPv6 only this block is handed out; the library calls all that it has no name for unicast.
  if (parsed instanceof ipaddr.IPv6) return parsed.match(ipaddr.IPv6.parseCIDR('2000::/3'));
  return !RELAYS.some((relay) => parsed.match(relay));
}

export class WebhookTargets {
  readonly #rules: TargetRules;

  constructor(rules: TargetRules) {
    this.#rules = rules;
  }

  /** The URL in its normal form. Throws WEBHOOK_TARGET_REFUSED. A name that has no address yet is not refused. */
  async check(text: string): Promise<string> {
    const url = this.admit(text);
    const host = hostOf(url);
    if (isIP(host) !== 0 || this.#isListed(url)) return url.href;
    // However the search for an address fails: the receiver may not be there yet, and every connection looks again.
    this.#assertGlobal(await this.#resolve(host).catch(() => []));
    return url.href;
  }

  /** All that the URL says by itself: a connection is to be made with `lookupFor` besides. */
  admit(text: string): URL {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || hostOf(url) === '') throw refused('not_a_url', 'it is not an absolute URL');
    const { mode } = this.#rules;
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('scheme', 'it is neither http nor https');
    if (mode === 'server' && url.protocol !== 'https:') throw refused('scheme', 'a server sends to https only');
    if (url.username !== '' || url.password !== '') throw refused('credentials', 'it holds a user name or password');
    const listed = this.#isListed(url);
    if (!PORTS.has(portOf(url)) && !(listed && mode === 'local'))
      throw refused('port', 'only the ports 443 and 8443 are used');
    if (!listed) assertPublicHost(hostOf(url));
    url.hash = '';
    return url;
  }

  /** For the connections to a URL: finds the addresses of its host, and gives only ones that were checked. */
  lookupFor(url: URL): LookupFunction {
    const listed = this.#isListed(url);
    return (host, options, callback) => {
      this.#resolve(host)
        .then((found) => {
          if (!listed) this.#assertGlobal(found);
          const [first] = found;
          if (first === undefined) throw notFound(host);
          if (options.all) callback(null, [...found]);
          else callback(null, first.address, first.family);
        })
        .catch((error: NodeJS.ErrnoException) => callback(error, []));
    };
  }

  #isListed(url: URL): boolean {
    return this.#rules.allow.has(`${url.hostname.replace(/\.$/, '')}:${portOf(url)}`);
  }

  /** One address that is not global is enough: the next connection may get it. */
  #assertGlobal(found: readonly { address: string }[]): void {
    if (found.some(({ address }) => !isGlobal(address)))
      throw refused('address', 'its name leads to an address that is not public');
  }

  async #resolve(host: string): Promise<readonly { address: string; family: number }[]> {
    const { resolve = (name: string) => lookup(name, { all: true, verbatim: true }) } = this.#rules;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(Object.assign(notFound(host), { code: 'ETIMEOUT' })), RESOLVE_MS);
    try {
      return await Promise.race([resolve(host), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function assertPublicHost(host: string): void {
  const isAddress = isIP(host) !== 0;
  if (isAddress ? !isGlobal(host) : LOCAL_NAME.test(host.replace(/\.$/, '')) || !host.includes('.'))
    throw refused('address', isAddress ? 'its address is not public' : 'its name is not a public one');
}

/** Without the brackets of IPv6. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');
const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80');

const notFound = (host: string) => Object.assign(new Error(`no address of ${host}`), { code: 'ENOTFOUND' });

/** Never with the URL: what follows the host of one is often a secret. */
function refused(reason: string, what: string): AppError {
  return new AppError('WEBHOOK_TARGET_REFUSED', `Nothing is sent to this URL: ${what}.`, { reason });
}
