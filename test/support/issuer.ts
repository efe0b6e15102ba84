import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from 'jose';
import { onTestFinished } from 'vitest';
import type { Certificate } from './certificate.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** An OpenID Connect issuer on this machine: real keys, real documents, real tokens. */
export interface Issuer {
  url: string;
  /** What it was asked for so far. */
  asked: string[];
  /** The private key in use, and its id. */
  key: CryptoKey;
  kid: string;
  /** Public keys that are served. */
  keys: Record<string, unknown>[];
  /** How it answers from now on, instead of with its documents; undefined: as it should. */
  answer: Answer | undefined;
  /** What the discovery document says, over what it should. */
  discovery: Record<string, unknown>;
  /** Makes a new key; the old one is not served any more. */
  rotate(): Promise<void>;
  /** A token that is good for a minute unless told otherwise; `undefined` takes a claim away. */
  token(
    claims?: Record<string, unknown>,
    header?: Partial<JWTHeaderParameters>,
    key?: CryptoKey | Uint8Array,
  ): Promise<string>;
}

export const AUDIENCE = 'https://mcp.example/mcp';

/** With a certificate it is asked over https. */
export async function startIssuer(certificate?: Pick<Certificate, 'cert' | 'key'>): Promise<Issuer> {
  const listener: Answer = (request, response) => {
    issuer.asked.push(request.url ?? '');
    if (issuer.answer !== undefined) return issuer.answer(request, response);
    const document = request.url?.endsWith('/openid-configuration')
      ? { issuer: issuer.url, jwks_uri: `${issuer.url}/keys`, ...issuer.discovery }
      : { keys: issuer.keys };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
  };
  const server = certificate ? createHttpsServer(certificate, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let generation = 0;
  const issuer: Issuer = {
    url,
    asked: [],
    key: undefined as unknown as CryptoKey,
    kid: '',
    keys: [],
    answer: undefined,
    discovery: {},
    async rotate() {
      const { publicKey, privateKey } = await generateKeyPair('ES256');
      generation += 1;
      const kid = `key-${generation}`;
      const keys = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }];
      Object.assign(issuer, { key: privateKey, kid, keys });
    },
    token(claims = {}, header = {}, key = issuer.key) {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: issuer.url, aud: AUDIENCE, sub: 'ann', exp: now + 60, ...claims };
      return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: issuer.kid, ...header }).sign(key);
    },
  };
  await issuer.rotate();
  return issuer;
}
