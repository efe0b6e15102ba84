import { expect } from 'vitest';
import { assertWhole, call, query } from '../crash/invariants.ts';
import { type HttpServer, startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { promise } from './support/promise.ts';
import { KEY } from './support/writers.ts';

const target = { client_id: 'cursor', profile_id: 'default' };
const DRAFT = '/v1/config/cursor/default/draft';
const PUBLISH = '/v1/config/cursor/default/publish';
/** Of so many races, one is about a release. */
const RELEASE_EVERY = 20;
/** What writers of one race try at once, in two processes on one data directory. */
const WRITERS = 3;

const payload = (word: string) => ({ mcpServers: { x: { command: 'node', args: [word] } } });

async function put({ url }: HttpServer, revision: number, word: string): Promise<number> {
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json', 'if-match': `"${revision}"` };
  const answer = await fetch(url + DRAFT, { method: 'PUT', headers, body: JSON.stringify({ payload: payload(word) }) });
  await answer.arrayBuffer();
  return answer.status;
}

async function publish({ url }: HttpServer, revision: number, word: string): Promise<number> {
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json' };
  const body = JSON.stringify({ payload: payload(word), if_revision: revision });
  const answer = await fetch(url + PUBLISH, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  return answer.status;
}

promise(
  'R18',
  {
    promise: 'two writers never overwrite each other silently',
    asked: '10,000 races on one draft: exactly one wins, others 409/412; version numbers gap-free',
    rounds: { short: 400, long: 10_000 },
  },
  async ({ rounds, random }) => {
    const workspace = await testWorkspace();
    workspace.env['MCP_ORCHESTRATION_API_KEY'] = KEY;
    await call(workspace, 'initialize_keys');
    const servers = [await startHttp(workspace), await startHttp(workspace)];
    let releases = 0;
    let refused = 0;
    for (let round = 0; round < rounds; round += 1) {
      const releasing = round % RELEASE_EVERY === 0;
      const words = Array.from({ length: WRITERS }, (_, at) => `${round}-${at}`);
      const first = Math.floor(random() * servers.length);
      const statuses = await Promise.all(
        words.map((word, at) => {
          const server = servers[(first + at) % servers.length] as HttpServer;
          return releasing ? publish(server, round, word) : put(server, round, word);
        }),
      );
      const won = statuses.filter((status) => status < 300).length;
      expect(
        [won, statuses.filter((status) => status === 409 || status === 412).length],
        `round ${round}: ${statuses}`,
      ).toEqual([1, WRITERS - 1]);
      refused += WRITERS - won;
      releases += releasing ? 1 : 0;
    }
    for (const server of servers) await server.stop();
    expect(await call(workspace, 'view_draft_config', target)).toMatchObject({ revision: rounds });
    expect(await assertWhole(workspace, target, [])).toBe(releases);
    const versions = query(workspace, 'select version from releases order by sequence').map(({ version }) => version);
    expect(new Set(versions).size).toBe(releases);
    return (
      `${rounds} races of ${WRITERS} writers in two processes on one draft: one winner each, ${refused} refused with 409 or 412; ` +
      `${releases} releases numbered without a gap`
    );
  },
);
