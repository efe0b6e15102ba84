import { expect, it } from 'vitest';
import { API_KEY, restInProcess } from './hostile/server.ts';

/** Remote validation: for callers that keep their configurations elsewhere. */

const payload = {
  mcpServers: {
    loose: { command: 'npx', args: ['-y', 'some-server'] },
    broken: { args: [] },
    ...Object.fromEntries(Array.from({ length: 3 }, (_, at) => [`n${at}`, { command: 'node', args: ['x'] }])),
  },
};
const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`V${at}`, 'x']));

async function validating() {
  const { server } = await restInProcess();
  return async (body: object) => {
    const headers = { host: 'localhost', 'x-api-key': API_KEY, 'content-type': 'application/json' };
    const answer = await server.inject({ method: 'POST', url: '/v1/config/validate', headers, payload: body });
    expect(answer.statusCode, answer.body).toBe(200);
    const { errors, warnings } = answer.json() as Record<'errors' | 'warnings', { code: string }[]>;
    return new Set([...errors, ...warnings].map(({ code }) => code));
  };
}

it('each option of a validation leaves out what it names, and nothing else', async () => {
  const codes = await validating();
  const all = { mcpServers: { ...payload.mcpServers, full: { command: 'node', args: [], env: many } } };
  const found = (options: object) => codes({ client_id: 'cursor', payload: all, options });
  const [schema, limits, security] = ['MISSING_COMMAND', 'TOO_MANY_ENV_VARS', 'UNPINNED_PACKAGE'];
  const everything = await found({});
  for (const code of [schema, limits, security]) expect(everything).toContain(code);
  const without = { schema: await found({ check_schema: false }), security: await found({ check_security: false }) };
  expect(without.schema).not.toContain(schema);
  expect(without.schema).toContain(security);
  expect(without.security).not.toContain(security);
  expect(without.security).toContain(schema);
});

it('a field by the name of what every object has is one that nobody knows, like any other', async () => {
  const codes = await validating();
  const names = ['toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'];
  for (const name of names) {
    const mcpServers = {
      near: { command: 'node', args: ['x'], [name]: 1 },
      far: { type: 'http', url: 'https://a.example.com/mcp', [name]: { [name]: 1 } },
    };
    const inputs = { q: { description: 'Q', required: true, [name]: 1 } };
    expect(await codes({ payload: { mcpServers, inputs, [name]: 1 } }), name).toEqual(new Set(['UNKNOWN_FIELD']));
  }
});

it('each client is asked what it can express', async () => {
  const codes = await validating();
  const remote = { mcpServers: { far: { type: 'sse', url: 'https://a.example.com/mcp', 'x-client': {} } } };
  const filtered = { mcpServers: { near: { command: 'node', args: ['x'], tools: { allow: ['one'] } } } };
  expect(await codes({ client_id: 'cursor', payload: remote })).toEqual(new Set());
  expect(await codes({ client_id: 'cursor', payload: filtered })).toContain('LOSSY_RENDERING');
  expect(await codes({ client_id: 'no-such-client', payload: filtered })).toEqual(new Set(['UNKNOWN_CLIENT']));
});
