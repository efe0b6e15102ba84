import { setTimeout as sleep } from 'node:timers/promises';
import { jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { type Issuer, startIssuer } from '../../test/support/issuer.ts';
import { IssuerKeys } from './issuer-keys.ts';

const MINUTE = 60_000;

async function reading(settings: { loopback_http?: boolean } = {}) {
  const issuer = await startIssuer();
  const warnings: string[] = [];
  const clock = { ms: 0 };
  const keys = new IssuerKeys({
    issuer: issuer.url,
    loopback_http: true,
    log: { warn: (fields) => warnings.push(String((fields as { err: unknown }).err)) },
    clock: () => clock.ms,
    ...settings,
  });
  const verify = async (token: string) => {
    try {
      return (await jwtVerify(token, keys.find)).payload.sub;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  return { issuer, clock, warnings, verify };
}

const looks = ({ asked }: Issuer) => asked.filter((path) => path === '/keys').length;

describe('the keys of an issuer', () => {
  it('are found by its discovery document, and read once for all who ask at the same time', async () => {
    const { issuer, verify } = await reading();
    const token = await issuer.token();
    const seen = await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    expect(new Set(seen)).toEqual(new Set(['ann']));
    expect(issuer.asked).toEqual(['/.well-known/openid-configuration', '/keys']);
  });

  it('are read again for a key that is new, at most once in ten seconds', async () => {
    const { issuer, clock, verify } = await reading();
    expect(await verify(await issuer.token())).toBe('ann');
    await issuer.rotate();
    const token = await issuer.token();
    clock.ms += 9_000;
    expect(await verify(token), 'too soon').toBe('ERR_JWKS_NO_MATCHING_KEY');
    clock.ms += 2_000;
    expect(await verify(token)).toBe('ann');
    const foreign = await issuer.token({}, { kid: 'nobody-has-it' });
    clock.ms += 11_000;
    for (let guess = 0; guess < 50; guess += 1) expect(await verify(foreign)).toBe('ERR_JWKS_NO_MATCHING_KEY');
    expect(looks(issuer)).toBe(3);
  });

  it('are none any more ten minutes after they were taken away', async () => {
    const { issuer, clock, verify } = await reading();
    const old = await issuer.token();
    expect(await verify(old)).toBe('ann');
    await issuer.rotate();
    clock.ms += 9 * MINUTE;
    expect(await verify(old)).toBe('ann');
    clock.ms += 2 * MINUTE;
    expect(await verify(old)).toBe('ERR_JWKS_NO_MATCHING_KEY');
  });

  it('are used for an hour when the issuer cannot be asked, and not longer', async () => {
    const { issuer, clock, verify, warnings } = await reading();
    const token = await issuer.token();
    expect(await verify(token)).toBe('ann');
    issuer.answer = (_request, response) => response.writeHead(500).end('{}');
    clock.ms += 59 * MINUTE;
    expect(await verify(token)).toBe('ann');
    clock.ms += 2 * MINUTE;
    expect(await verify(token)).toBe('UNAVAILABLE');
    issuer.answer = undefined;
    expect(await verify(token), 'it was asked just now').toBe('UNAVAILABLE');
    clock.ms += 11_000;
    expect(await verify(token)).toBe('ann');
    expect(warnings).toHaveLength(2);
  });
});

describe('an issuer that is at fault', () => {
  const huge = JSON.stringify({ keys: [], padding: 'x'.repeat(300_000) });
  it.each<[what: string, answer: Issuer['answer'] | Record<string, unknown>]>([
    ['answers 404', (_request, response) => response.writeHead(404).end('{}')],
    ['redirects', (_request, response) => response.writeHead(302, { location: '/keys' }).end()],
    ['answers no JSON', (_request, response) => response.end('<html>')],
    ['answers too much', (_request, response) => response.end(huge)],
    ['hangs up', (request) => request.socket.destroy()],
    ['calls itself something else', { issuer: 'https://login.example' }],
    ['names itself with one more slash', { issuer: 'SELF/' }],
    ['has its keys at another machine without TLS', { jwks_uri: 'http://192.0.2.1/keys' }],
    ['has its keys in a file', { jwks_uri: 'file:///etc/passwd' }],
    ['names no keys', { jwks_uri: 7 }],
  ])('%s: nobody signs in, and the log says why', async (_what, fault) => {
    const { issuer, verify, warnings } = await reading();
    if (typeof fault === 'function') issuer.answer = fault;
    else issuer.discovery = JSON.parse(JSON.stringify(fault).replace('SELF', issuer.url));
    expect(await verify(await issuer.token())).toBe('UNAVAILABLE');
    expect(warnings).toHaveLength(1);
  });

  it('has its keys at http on this machine, in server mode: they are not asked for', async () => {
    const { issuer, verify, warnings } = await reading({ loopback_http: false });
    expect(await verify(await issuer.token())).toBe('UNAVAILABLE');
    expect([looks(issuer), warnings[0]]).toEqual([0, expect.stringContaining('no https address')]);
  });

  it('hangs: it is waited for five seconds, by all together, and then not again for ten', {
    timeout: 120_000,
  }, async () => {
    const { issuer, verify } = await reading();
    issuer.answer = () => undefined;
    const token = await issuer.token();
    const began = performance.now();
    const waiting = [verify(token), verify(token)];
    await sleep(100);
    waiting.push(verify(token));
    expect(await Promise.all(waiting)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);
    expect(performance.now() - began).toBeLessThan(7_000);
    const again = performance.now();
    expect(await verify(token)).toBe('UNAVAILABLE');
    expect(performance.now() - again).toBeLessThan(1_000);
    expect(issuer.asked).toHaveLength(1);
  });
});
