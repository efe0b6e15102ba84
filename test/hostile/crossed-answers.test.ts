import { expect, it } from 'vitest';
import { cliHereJson } from '../support/in-process.ts';
import { startHttp } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';

const LONG = Number(process.env['CRASH_ROUNDS'] ?? 50) > 50;
const CLIENTS = LONG ? 200 : 40;
const CALLS = LONG ? 50 : 10;

it(`T26: ${CLIENTS} clients at once with marks of their own get ${CLIENTS * CALLS} answers, none of them another one's`, {
  timeout: 300_000,
}, async () => {
  const workspace = await testWorkspace();
  const { url } = await startHttp(workspace);
  // Two kinds of callers: what one of them may do must not become what the other may.
  const tokenOf = async (role: string) => (await cliHereJson(workspace, 'generate-token', '--role', role))['token'];
  const tokens = [await tokenOf('viewer'), await tokenOf('editor')];
  const call = async (client: number, round: number) => {
    const mark = `mark-${client}-${round}`;
    const id = client * 1000 + round;
    const editor = client % 2 === 1;
    const diff = { config_a: { mcpServers: {} }, config_b: { mcpServers: { [mark]: { command: 'node', args: [] } } } };
    const [name, args] =
      round % 2 === 0 ? ['diff_config', diff] : ['clear_draft_config', { client_id: 'cursor', profile_id: 'dev' }];
    const response = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokens[client % 2]}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        'x-request-id': mark,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }),
    });
    const text = await response.text();
    const message = JSON.parse(/^data: (\{.*\})$/m.exec(text)?.[1] ?? text);
    const { isError, content } = message.result;
    const said: string = content[0].text;
    expect([response.status, response.headers.get('x-request-id'), message.id]).toEqual([200, mark, id]);
    if (name === 'diff_config') expect(said.match(/mark-\d+-\d+/g)?.every((found) => found === mark)).toBe(true);
    else
      expect([editor, isError === true, JSON.parse(said).error?.code]).toEqual(
        editor ? [true, false, undefined] : [false, true, 'FORBIDDEN'],
      );
  };
  const client = async (at: number) => {
    for (let round = 0; round < CALLS; round += 1) await call(at, round);
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => client(at)));
});
