import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import type { Workspace } from '../../support/workspace.ts';

/** With a key of its own a server makes no token at its start. */
export const KEY = 'made-up-api-key-for-faults';

/** Something that a server said it did. */
export type Acknowledged =
  | { what: 'release'; client_id: string; sequence: number; artifact_id: string }
  | { what: 'draft'; client_id: string; revision: number }
  | { what: 'token'; token_id: string }
  | { what: 'revoked'; token_id: string };

export interface Writing {
  acknowledged: Acknowledged[];
  /** Answers that a writer must never get. */
  failed: string[];
  /** Ends when nobody answers any more, or when it is told to. */
  stop(): void;
  ended: Promise<unknown>;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/** No answer is no acknowledgement: undefined. */
async function ask(
  agent: Agent,
  url: string,
  method: string,
  path: string,
  body?: object,
): Promise<Answer | undefined> {
  try {
    const headers = { 'x-api-key': KEY, ...(body && { 'content-type': 'application/json' }) };
    const sent = request(url + path, { agent, method, headers }).end(body && JSON.stringify(body));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: JSON.parse(await text(response)) };
  } catch {
    return undefined;
  }
}

type Step = (
  send: (method: string, path: string, body?: object) => Promise<Answer | undefined>,
) => Promise<Acknowledged | undefined>;

/** So long that a page of the database is not enough for it. */
const payloadOf = (word: string) => ({ mcpServers: { ours: { command: 'node', args: [word, 'x'.repeat(6000)] } } });

let written = 0;
const publisher =
  (client_id: string, word: string): Step =>
  async (send) => {
    written += 1;
    const body = { payload: payloadOf(`${word}-${written}`) };
    const told = await send('POST', `/v1/config/${client_id}/default/publish`, body);
    return (
      told && {
        what: 'release',
        client_id,
        sequence: Number(told.body['sequence']),
        artifact_id: String(told.body['artifact_id']),
      }
    );
  };
const drafter =
  (client_id: string, word: string): Step =>
  async (send) => {
    written += 1;
    const told = await send('PUT', `/v1/config/${client_id}/default/draft`, {
      payload: payloadOf(`${word}-${written}`),
    });
    return told && { what: 'draft', client_id, revision: Number(told.body['revision']) };
  };
function tokens(): Step {
  let open: string | undefined;
  return async (send) => {
    if (open === undefined) {
      const told = await send('POST', '/v1/tokens', { scopes: ['config:read'] });
      open = told && String(told.body['token_id']);
      return open === undefined ? undefined : { what: 'token', token_id: open };
    }
    const token_id = open;
    const told = await send('DELETE', `/v1/tokens/${token_id}`);
    if (told) open = undefined;
    return told && { what: 'revoked', token_id };
  };
}

/** Four writers that go on as soon as they have their answer: two publish, one drafts, one makes and revokes tokens. */
export function startWriters(url: string, word: string): Writing {
  const acknowledged: Acknowledged[] = [];
  const failed: string[] = [];
  let stopped = false;
  const write = async (step: Step) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let gone = false;
    while (!stopped && !gone) {
      const told = await step(async (method, path, body) => {
        const answer = await ask(agent, url, method, path, body);
        if (answer === undefined) gone = true;
        else if (answer.status >= 300)
          failed.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer && answer.status < 300 ? answer : undefined;
      });
      if (told) acknowledged.push(told);
      else if (failed.length > 0) break;
    }
    agent.destroy();
  };
  const ended = Promise.all(
    [publisher('cursor', word), publisher('vscode', word), drafter('zed', word), tokens()].map(write),
  );
  return {
    acknowledged,
    failed,
    stop: () => {
      stopped = true;
    },
    ended,
  };
}

const KNOWN = `
  select 'release/' || client_id || '/' || sequence || '/' || artifact_id as what from releases
  intersect select 'release/' || client_id || '/' || json_extract(facts, '$.sequence') || '/' || json_extract(facts, '$.artifact_id')
    from audit where operation = 'releases.publish'
  union select 'draft/' || audit.client_id || '/' || json_extract(facts, '$.revision') from audit join drafts
    on drafts.client_id = audit.client_id and drafts.revision >= json_extract(facts, '$.revision') where operation = 'drafts.set'
  union select 'token/' || token_id from tokens
  union select 'revoked/' || token_id from tokens where revoked_at is not null`;

/** Those acknowledgements of which the store does not know, or has no audit row. */
export function lostOf({ data_dir }: Pick<Workspace, 'data_dir'>, acknowledged: readonly Acknowledged[]): string[] {
  const database = new DatabaseSync(join(data_dir, 'state.db'), { timeout: 5000 });
  try {
    const known = new Set(
      database
        .prepare(KNOWN)
        .all()
        .map(({ what }) => what),
    );
    return acknowledged.map((one) => Object.values(one).join('/')).filter((name) => !known.has(name));
  } finally {
    database.close();
  }
}
