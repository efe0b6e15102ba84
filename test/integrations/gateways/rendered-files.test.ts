import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CLIENTS } from '../../../src/clients/index.ts';
import { cliHereWith } from '../../support/in-process.ts';
import { freePort } from '../../support/listen.ts';
import { cliJson } from '../../support/process.ts';
import { testWorkspace } from '../../support/workspace.ts';
import { deploy, PROGRAMS, publish, SERVERS, startGateway, toolsOf } from './programs.ts';

/** A program that is none of the clients reads the files that are written for them, and starts what stands there. */

const LOADED = [
  'claude-desktop',
  'claude-code',
  'cursor',
  'github-copilot-cli',
  'windsurf',
  'devin-local',
  'gemini-cli',
  'jetbrains-ai-assistant',
  'junie',
  'cline',
  'roo-code',
  'lm-studio',
  'amazon-q-cli',
  'kiro',
  'warp',
  'trae',
  'qwen-code',
  'factory-droid',
  'antigravity',
  'anythingllm',
  'augment',
  'kimi-code',
  'qoder',
] as const;

/**
 * How these say a remote server the inspector does not know: it demands `type`, and `http` or `streamable-http` there.
 * It is told the address that stands in the file instead, under the client's own name for it.
 */
const ADDRESS: Partial<Record<(typeof LOADED)[number], string>> = {
  cursor: 'url',
  windsurf: 'serverUrl',
  'devin-local': 'serverUrl',
  'jetbrains-ai-assistant': 'url',
  junie: 'url',
  cline: 'url',
  'lm-studio': 'url',
  kiro: 'url',
  warp: 'url',
  trae: 'url',
  'qwen-code': 'httpUrl',
  antigravity: 'serverUrl',
  anythingllm: 'url',
  'kimi-code': 'url',
};

it('every client whose file has mcpServers in JSON is among those whose file is loaded', () => {
  const written = CLIENTS.filter(({ dialect, scopes, deployable_scopes: [first] }) => {
    const scope = scopes.find((one) => one.scope === first);
    return dialect !== null && scope?.pointer === '/mcpServers' && scope.format !== 'yaml';
  });
  expect(written.map(({ client_id }) => client_id)).toEqual(LOADED);
});

it.each(LOADED)('the inspector loads every entry of the file that is written for %s', async (client) => {
  const place = await testWorkspace();
  await cliJson(place, 'initialize-keys');
  await cliHereWith(place, { input: join(place.home, 'sealed.jsonl') }, 'set-secret', 'notes');
  const { command, args } = SERVERS.memory({});
  const port = await freePort();
  const listen = ['--host', '127.0.0.1', '--port', String(port)];
  const remote = await startGateway(place, port, [PROGRAMS.proxy, ...listen, '--', command, ...args]);
  await publish(place, client, {
    files: SERVERS.files(place.home),
    notes: SERVERS.memory({ MEMORY_FILE_PATH: join(place.home, 'notes.jsonl') }),
    remote: { type: 'http', url: `${remote.url}/mcp` },
    sealed: SERVERS.memory({ MEMORY_FILE_PATH: '${secret:notes}' }),
  });
  // The file of AnythingLLM is where its server keeps its data: a person names it.
  const named = client === 'anythingllm' ? ['--config-path', join(place.home, 'anythingllm_mcp_servers.json')] : [];
  const file = await deploy(place, client, ...named);

  const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')).mcpServers as Record<string, object>);
  const loaded = entries.map(async ([name, entry]) => {
    const address = name === 'remote' ? ADDRESS[client] : undefined;
    const line =
      address === undefined
        ? ['--config', file, '--server', name]
        : [String(Reflect.get(entry, address)), '--transport', 'http'];
    return [name, (await toolsOf(place, ...line)).length];
  });
  expect(Object.fromEntries(await Promise.all(loaded))).toEqual({ files: 14, notes: 9, remote: 9, sealed: 9 });
});
