import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import { call } from '../crash/invariants.ts';
import { cli, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { promise } from './support/promise.ts';
import { KEY } from './support/writers.ts';

const CLIENTS = ['cursor', 'vscode', 'zed', 'windsurf', 'claude-code'];
const pathOf = (client_id: string) => `/v1/config/${client_id}/default`;
const word = (client_id: string) => ({
  mcpServers: { [client_id]: { command: 'node', args: ['server.js', `--of=${client_id}`, 'é'] } },
});

promise(
  'R21',
  {
    promise: 'content that was damaged is reported and not served, and all else works',
    asked: 'any single flipped byte in the content of a stored artifact; 1,000 random flips',
    rounds: { short: 100, long: 1000 },
  },
  async ({ rounds, random }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await call(workspace, 'initialize_keys');
    for (const client_id of CLIENTS) await call(workspace, 'publish_config', { client_id, payload: word(client_id) });
    const server = await startHttp(workspace);
    const database = new DatabaseSync(join(workspace.data_dir, 'state.db'), { timeout: 5000 });
    const ask = async (path: string) => {
      const answer = await fetch(server.url + path, { headers: { 'x-api-key': KEY } });
      return { status: answer.status, text: await answer.text() };
    };
    const whole = new Map<string, string>();
    for (const client_id of CLIENTS) whole.set(client_id, (await ask(pathOf(client_id))).text);
    const reasons: Record<string, number> = {};
    for (let round = 0; round < rounds; round += 1) {
      const client_id = CLIENTS[Math.floor(random() * CLIENTS.length)] ?? '';
      const { artifact_id, canonical } = database
        .prepare(
          'select artifact_id, cast(canonical as blob) as canonical from artifacts join releases using (workspace, artifact_id) where client_id = ?',
        )
        .get(client_id) as { artifact_id: string; canonical: Uint8Array };
      const damaged = Buffer.from(canonical);
      const at = Math.floor(random() * damaged.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      const put = database.prepare('update artifacts set canonical = cast(? as text) where artifact_id = ?');
      put.run(damaged, artifact_id);
      const what = `round ${round}: byte ${at} of ${client_id}, ${canonical[at]} became ${damaged[at]}`;
      for (const path of [pathOf(client_id), `/v1/artifacts/${artifact_id}`, `${pathOf(client_id)}/native`]) {
        let answer = await ask(path);
        // What this process still remembers is whole: a change by another one shows in the next turn of its event loop.
        if (answer.text === whole.get(client_id)) answer = await ask(path);
        expect(answer.status, `${what}: ${path} ${answer.text}`).toBe(422);
        const { error } = JSON.parse(answer.text);
        expect(error, what).toMatchObject({ code: 'SIGNATURE_INVALID', details: { reason: 'digest_mismatch' } });
        reasons[error.details.reason] = (reasons[error.details.reason] ?? 0) + 1;
      }
      for (const other of CLIENTS.filter((one) => one !== client_id)) {
        const answer = await ask(pathOf(other));
        expect([answer.status, answer.text], `${what}: ${other}`).toEqual([200, whole.get(other)]);
      }
      if (round % 50 === 0) {
        const refused = await cli(workspace, 'deploy-config', '--client', client_id, '--json');
        expect(refused.json()['error'], what).toMatchObject({ code: 'SIGNATURE_INVALID' });
        expect((await cli(workspace, 'set-draft', '--client', client_id, '--payload', '{"mcpServers":{}}')).code).toBe(
          0,
        );
      }
      put.run(canonical, artifact_id);
      expect((await ask(pathOf(client_id))).text, what).toBe(whole.get(client_id));
    }
    database.close();
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    const refusals = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    return `${rounds} flipped bits: ${refusals} of ${refusals} reads of the damaged one refused with its name, the other ${CLIENTS.length - 1} served unchanged each time`;
  },
);
