import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { startHttp } from './support/process.ts';
import { ROOT, testWorkspace } from './support/workspace.ts';

const entry = JSON.parse(readFileSync(join(ROOT, 'server.json'), 'utf8'));
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

it('the manifest says without credentials what is served where', async () => {
  const { url } = await startHttp(await testWorkspace(), { args: ['--legacy-sse'] });
  const manifest = (await (await fetch(`${url}/.well-known/mcp-server.json`)).json()) as { mcp: { tools: object[] } };
  expect(manifest).toMatchObject({
    manifest_version: '1',
    name: 'mcp-orchestration',
    version: packageJson.version,
    license: 'Apache-2.0',
    mcp: {
      transport: {
        stdio: { command: 'mcp-orchestration', args: ['serve'] },
        http: { url: `${url}/mcp`, auth: 'bearer', sse_endpoint: `${url}/sse` },
      },
      capabilities: { tools: true, resources: true, prompts: true },
    },
  });
  const { tools } = manifest.mcp;
  expect(tools).toHaveLength(18);
  for (const tool of tools)
    expect(tool).toEqual({
      name: expect.any(String),
      description: expect.any(String),
      input_schema: expect.objectContaining({ type: 'object' }),
    });
});

it('server.json keeps to the limits of the registry', () => {
  const Entry = z.object({
    $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
    name: z
      .string()
      .min(3)
      .max(200)
      .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
    title: z.string().min(1).max(100),
    description: z.string().min(1).max(100),
    version: z.string().max(255),
    websiteUrl: z.url(),
    repository: z.object({ url: z.url(), source: z.literal('github') }),
    packages: z.tuple([
      z.object({
        registryType: z.literal('npm'),
        identifier: z.literal(packageJson.name),
        version: z.literal(packageJson.version),
        transport: z.object({ type: z.literal('stdio') }),
        packageArguments: z.array(
          z.discriminatedUnion('type', [
            z.object({ type: z.literal('positional'), value: z.string() }),
            z.object({ type: z.literal('named'), name: z.string().startsWith('--') }),
          ]),
        ),
      }),
    ]),
  });
  expect(Entry.safeParse(entry).error).toBeUndefined();
  expect(entry.name).toBe(packageJson.mcpName);
  expect(
    Buffer.byteLength(JSON.stringify(entry._meta['io.modelcontextprotocol.registry/publisher-provided'])),
  ).toBeLessThan(4096);
});
