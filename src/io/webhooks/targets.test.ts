import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listenWhenFree } from '../../../test/support/listen.ts';
import { openPoster } from './post.ts';
import { isGlobal, type TargetRules, WebhookTargets } from './targets.ts';

const PUBLIC = [{ address: '93.184.216.34', family: 4 }];
const rules = (more: Partial<TargetRules> = {}): TargetRules => ({
  mode: 'server',
  allow: new Set(),
  resolve: async () => PUBLIC,
  ...more,
});
const reasonOf = async (url: string, more: Partial<TargetRules> = {}): Promise<unknown> => {
  try {
    await new WebhookTargets(rules(more)).check(url);
    return 'ok';
  } catch (error) {
    const { code, details, message } = error as { code: string; details: { reason: string }; message: string };
    expect(code).toBe('WEBHOOK_TARGET_REFUSED');
    expect(message).not.toContain('hidden');
    return details.reason;
  }
};

/** Everything here is https on port 443, in every spelling that a URL parser takes. */
const PRIVATE = [
  '127.0.0.1',
  '127.1',
  '2130706433',
  '0x7f000001',
  '0x7f.1',
  '017700000001',
  '0177.0.0.1',
  '127.0.0.1.',
  '127.255.255.254',
  '0.0.0.0',
  '0',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.0.1',
  '169.254.169.254',
  '169.254.0.1',
  '100.64.0.1',
  '100.127.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '192.88.99.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '１２７.０.０.１',
  '①②⑦.0.0.1',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:93.184.216.34]',
  '[::127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b::a00:1]',
  '[64:ff9b:1::a00:1]',
  '[2002:7f00:1::]',
  '[2002:a00:1::1]',
  '[2001::1]',
  '[2001:db8::1]',
  '[fe80::1]',
  '[febf::1]',
  '[fec0::1]',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[fd00:ec2::254]',
  '[ff02::1]',
  '[100::1]',
  '[4000::1]',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'metadata.google.internal',
  'printer.local',
  'router.home.arpa',
  'intranet',
  'db',
];

describe('where webhooks may go', () => {
  it.each(PRIVATE)('not to %s', async (host) => {
    expect(await reasonOf(`https://${host}/hidden`)).toBe('address');
    expect(await reasonOf(`https://${host}:8443/hidden`, { mode: 'local' })).toBe('address');
  });

  it.each([
    ['not_a_url', ''],
    ['not_a_url', 'example.com/hidden'],
    ['not_a_url', '//example.com/hidden'],
    ['not_a_url', 'https://'],
    ['not_a_url', 'https://exa mple.com/hidden'],
    ['not_a_url', 'https://[fe80::1%25eth0]/hidden'],
    ['not_a_url', 'https://256.1.1.1/hidden'],
    ['scheme', 'http://example.com:8443/hidden'],
    ['scheme', 'ftp://example.com/hidden'],
    ['scheme', 'file://example.com/hidden'],
    ['scheme', 'gopher://example.com/hidden'],
    ['scheme', 'ws://example.com/hidden'],
    ['not_a_url', 'data:text/plain,hidden'],
    ['not_a_url', 'javascript:hidden'],
    ['credentials', 'https://user@example.com/hidden'],
    ['credentials', 'https://user:hidden@example.com/'],
    ['credentials', 'https://:hidden@example.com/'],
    ['credentials', 'https://example.com@127.0.0.1/hidden'],
    ['port', 'https://example.com:80/hidden'],
    ['port', 'https://example.com:22/hidden'],
    ['port', 'https://example.com:6379/hidden'],
    ['port', 'https://example.com:0/hidden'],
    ['address', 'https://127.0.0.1\\@example.com/hidden'],
    ['address', 'https://127.0.0.1#@example.com/hidden'],
    ['address', 'https://127.0.0.1?@example.com/hidden'],
    ['ok', 'https://example.com/hidden'],
    ['ok', 'https://EXAMPLE.com:8443/hidden?a=b'],
    ['ok', 'https://93.184.216.34/hidden'],
    ['ok', 'https://[2606:2800:220:1:248:1893:25c8:1946]/hidden'],
  ])('%s: %s', async (reason, url) => {
    expect(await reasonOf(url)).toBe(reason);
  });

  it('gives the normal form, without what is never sent', async () => {
    const targets = new WebhookTargets(rules());
    expect(await targets.check('HTTPS://Example.COM:443/a/../b#c')).toBe('https://example.com/b');
  });

  it('to http in local mode, and to a listed host and port only as they are listed', async () => {
    const allow = new Set(['127.0.0.1:9000', 'hooks.internal:8443', '[::1]:8443']);
    expect(await reasonOf('http://example.com:8443/', { mode: 'local' })).toBe('ok');
    expect(await reasonOf('http://example.com/', { mode: 'local' })).toBe('port');
    expect(await reasonOf('http://127.0.0.1:9000/', { mode: 'local', allow })).toBe('ok');
    expect(await reasonOf('http://127.0.0.1:9001/', { mode: 'local', allow })).toBe('port');
    expect(await reasonOf('http://127.0.0.1:8443/', { mode: 'local', allow })).toBe('address');
    expect(await reasonOf('http://localhost:9000/', { mode: 'local', allow })).toBe('port');
    expect(await reasonOf('https://127.0.0.1:9000/', { allow })).toBe('port');
    expect(await reasonOf('https://hooks.internal:8443/', { allow })).toBe('ok');
    expect(await reasonOf('https://hooks.internal./', { allow })).toBe('address');
    expect(await reasonOf('https://[::1]:8443/', { allow })).toBe('ok');
  });

  it('not to a name of which one address is private, but to one that is not known yet', async () => {
    const resolve = (...addresses: string[]) => ({
      resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    });
    expect(await reasonOf('https://example.com/', resolve('93.184.216.34', '10.0.0.1'))).toBe('address');
    expect(await reasonOf('https://example.com/', resolve('::ffff:10.0.0.1'))).toBe('address');
    expect(await reasonOf('https://example.com/', resolve('fe80::1%eth0'))).toBe('address');
    expect(await reasonOf('https://example.com/', resolve('no address'))).toBe('address');
    for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EINVAL']) {
      const unknown = async () => {
        throw Object.assign(new Error('unknown'), { code });
      };
      expect([code, await reasonOf('https://example.com/', { resolve: unknown })]).toEqual([code, 'ok']);
    }
  });

  it('knows public addresses', () => {
    for (const address of ['8.8.8.8', '1.1.1.1', '2001:4860:4860::8888', '2a00:1450::1'])
      expect(isGlobal(address)).toBe(true);
  });
});

describe('a connection', { timeout: 40_000 }, () => {
  /** A listener on a private address, which counts who comes. */
  async function listener() {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await listenWhenFree(server, 8443);
    onTestFinished(() => void server.close());
    return () => connections;
  }

  it('goes to an address that was checked, whatever the name leads to by then', async () => {
    const seen = await listener();
    let asked = 0;
    const rebinding = async () => {
      asked += 1;
      return asked % 2 === 1 ? PUBLIC : [{ address: '127.0.0.1', family: 4 }];
    };
    for (const mode of ['local', 'server'] as const) {
      const targets = new WebhookTargets(rules({ mode, resolve: rebinding }));
      const poster = openPoster(targets);
      asked = 0;
      const url = await targets.check('https://rebind.example.com:8443/');
      const message = { url, headers: {}, body: '{}' };
      await expect(poster.post(message, new AbortController().signal)).rejects.toMatchObject({
        code: 'WEBHOOK_TARGET_REFUSED',
      });
      expect(asked).toBe(2);
      const literal = { ...message, url: 'https://127.0.0.1:8443/' };
      await expect(poster.post(literal, new AbortController().signal)).rejects.toMatchObject({
        code: 'WEBHOOK_TARGET_REFUSED',
      });
      poster.close();
    }
    expect(seen()).toBe(0);
  });

  it('is made to a listed place, with the name looked up', async () => {
    const seen = await listener();
    const allow = new Set(['hooks.internal:8443']);
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const poster = openPoster(new WebhookTargets(rules({ allow, resolve })));
    const message = { url: 'https://hooks.internal:8443/', headers: {}, body: '{}' };
    await expect(poster.post(message, new AbortController().signal)).rejects.toThrow();
    expect(seen()).toBe(1);
    poster.close();
  });
});
