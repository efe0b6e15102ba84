import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cliHereWith } from '../../support/in-process.ts';
import { freePort } from '../../support/listen.ts';
import { cliJson } from '../../support/process.ts';
import { testWorkspace } from '../../support/workspace.ts';
import { DEFINITIONS, deploy, inspect, publish, SERVERS, startHub } from './programs.ts';

/** What `use-gateway` makes, with the gateway that it is made for. */

it('a client with one entry reaches through mcp-hub the servers that it had, and their secrets are in no file', async () => {
  const place = await testWorkspace();
  const notes = join(place.home, 'secret-notes.jsonl');
  await cliJson(place, 'initialize-keys');
  await cliJson(place, 'add-client', join(DEFINITIONS, 'mcp-hub.json'));
  await cliHereWith(place, { input: notes }, 'set-secret', 'notes');
  const client = ['--client', 'claude-code'];
  await publish(place, 'claude-code', {
    files: SERVERS.files(place.home),
    notes: SERVERS.memory({ MEMORY_FILE_PATH: '${secret:notes}' }),
  });

  const port = await freePort();
  const there = ['--url', `http://127.0.0.1:${port}/mcp`, '--transport', 'sse', '--servers-to', 'mcp-hub'];
  expect(await cliJson(place, 'use-gateway', ...client, ...there)).toMatchObject({ moved: ['files', 'notes'] });
  for (const one of ['mcp-hub', 'claude-code']) await cliJson(place, 'publish-config', '--client', one);
  const behind = await deploy(place, 'mcp-hub');
  const file = await deploy(place, 'claude-code');
  const hub = await startHub(place, behind, { port });
  await hub.connected('files', 'notes');

  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).mcpServers)).toEqual(['gateway']);
  for (const written of [file, behind]) expect(readFileSync(written, 'utf8')).not.toContain(notes);
  const entity = { entities: [{ name: 'tea', entityType: 'drink', observations: ['hot'] }] };
  const call = ['--tool-name', 'notes__create_entities', '--tool-args-json', JSON.stringify(entity)];
  await inspect(place, 'tools/call', '--config', file, '--server', 'gateway', ...call);
  expect(readFileSync(notes, 'utf8')).toContain('"tea"');
});
