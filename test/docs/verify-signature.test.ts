import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, shellBlocks } from './markdown.ts';
import { newReader, type Reader, scriptOf } from './shell.ts';

const blocks = shellBlocks(readFileSync(join(ROOT, 'user-docs/how-to/verify-a-signature.md'), 'utf8'));
/** Section 1 gets the files, sections 2 to 5 verify them: what a reader does on another machine. */
const prepare = blocks.filter(({ heading }) => heading.startsWith('1. '));
const verify = blocks.filter(({ heading }) => /^[2-5]\. /.test(heading));

interface Config {
  artifact_id: string;
  client_id: string;
  profile_id: string;
  sequence: number;
  payload: { mcpServers: { memory: { args: string[] } } };
  envelope: { payload: string; signatures: { sig: string }[] };
}

let reader: Reader;
/** Where the page puts what it writes. */
let place: string;
let original: string;

beforeAll(async () => {
  reader = newReader();
  const { code, output } = await reader.run(scriptOf(prepare));
  expect(code, output).toBe(0);
  place = join(reader.home, 'mcp-guide');
  original = readFileSync(join(place, 'config.json'), 'utf8');
});
afterAll(() => reader.leave());

async function verifyAfter(change: (config: Config) => void) {
  const config: Config = JSON.parse(original);
  change(config);
  writeFileSync(join(place, 'config.json'), JSON.stringify(config));
  return reader.run(`cd ${place}\n${scriptOf(verify)}`);
}

/** Changes the signed statement as well, as somebody would who wants all parts to agree. */
function forge(config: Config, from: string, to: string): void {
  const statement = Buffer.from(config.envelope.payload, 'base64').toString('utf8');
  expect(statement).toContain(from);
  config.envelope.payload = Buffer.from(statement.replaceAll(from, to)).toString('base64');
}

describe('the commands of "How to verify a signature"', () => {
  it('are one block to verify with openssl between two that read the files', () => {
    expect(verify).toHaveLength(4);
    expect(verify[2]?.text).toMatch(/^openssl pkeyutl -verify /);
  });

  it('accept what get-config --json printed', async () => {
    const { code, output } = await verifyAfter(() => undefined);
    expect(output).toContain('Signature Verified Successfully');
    expect(output.match(/^\w+: ok$/gm)).toEqual([
      'type: ok',
      'payload: ok',
      'target: ok',
      'client: ok',
      'profile: ok',
      'sequence: ok',
      'expiry: ok',
    ]);
    expect(code).toBe(0);
  });

  const memory = (config: Config) => config.payload.mcpServers.memory;
  it.each<[string, string, (config: Config) => void]>([
    ['payload', 'payload', (config) => memory(config).args.splice(0, 1, '-z')],
    ['client', 'client', (config) => Object.assign(config, { client_id: 'claude-desktoq' })],
    ['profile', 'profile', (config) => Object.assign(config, { profile_id: 'defaulu' })],
    ['sequence', 'sequence', (config) => Object.assign(config, { sequence: 2 })],
  ])('refuse a %s with one byte changed', async (_what, check, change) => {
    const { code, output } = await verifyAfter(change);
    expect(output.match(/^\w+: WRONG$/gm)).toEqual([`${check}: WRONG`]);
    expect(code).toBe(1);
  });

  it.each<[string, string, string]>([
    ['payload', '"sha256":"', '"sha256":"0'],
    ['client', '"client_id":"claude-desktop"', '"client_id":"claude-desktoq"'],
    ['profile', '"profile_id":"default"', '"profile_id":"defaulu"'],
    ['sequence', '"sequence":1', '"sequence":2'],
  ])('refuse a signed statement whose %s was changed', async (_what, from, to) => {
    const { code, output } = await verifyAfter((config) => forge(config, from, to));
    expect(output).toContain('Signature Verification Failure');
    expect(code).toBe(1);
  });

  it('refuse another key and a changed signature', async () => {
    const broken = await verifyAfter(({ envelope }) => {
      for (const signature of envelope.signatures)
        signature.sig = signature.sig.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    });
    expect(broken.code).toBe(1);
    const stranger = await reader.run(
      'mcp-orchestration initialize-keys --regenerate\ncp ~/.mcp-orchestration/keys/signing.pub ~/mcp-guide/trusted.pub',
    );
    expect(stranger.code, stranger.output).toBe(0);
    const other = await verifyAfter(() => undefined);
    expect(other.code).toBe(1);
  });
});
