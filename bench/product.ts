import { type App, compose } from '../src/main/compose.ts';
import { readConfig } from '../src/main/config.ts';
import { quietLog } from '../src/main/log.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { invoke } from '../src/operations/operation.ts';
import type { Sandbox } from './sandbox.ts';

/** The product within this process, on the data directory of a sandbox. */
export interface Product {
  app: App;
  /** Calls one operation by its id, as the command line does. */
  call(id: string, input?: Record<string, unknown>): Promise<Record<string, unknown>>;
}

/** Does the work with keys made; the store is closed afterwards. */
export async function withProduct<T>({ env }: Sandbox, work: (product: Product) => Promise<T>): Promise<T> {
  const log = quietLog((line) => process.stderr.write(`${line}\n`), true);
  const app = await compose({ config: readConfig(env), env, log });
  const call: Product['call'] = (id, input = {}) => {
    const operation = OPERATIONS.find((known) => known.id === id);
    if (!operation) throw new Error(`there is no operation ${id}`);
    return invoke(operation, app.localContext('cli'), input);
  };
  try {
    await call('keys.initialize');
    return await work({ app, call });
  } finally {
    await app.close();
  }
}

let made = 0;

/** A draft as people have them: five servers, one of them remote, with references. Never the same one twice. */
export function typicalPayload(): { mcpServers: Record<string, object> } {
  made += 1;
  const npx = (name: string, ...args: string[]) => ({ command: 'npx', args: ['-y', name, ...args] });
  return {
    mcpServers: {
      filesystem: npx('@modelcontextprotocol/server-filesystem@2026.8.31', '/srv/documents', `/srv/project-${made}`),
      memory: {
        ...npx('@modelcontextprotocol/server-memory@2026.8.31'),
        env: { MEMORY_FILE_PATH: '/srv/memory.json' },
      },
      postgres: { ...npx('postgres-mcp-server@1.4.2', '--read-only'), env: { DATABASE_URL: '${env:DATABASE_URL}' } },
      browser: npx('@playwright/mcp@0.0.42', '--headless', '--isolated'),
      tickets: {
        type: 'http',
        url: 'https://tickets.example.com/mcp',
        headers: { Authorization: 'Bearer ${env:TICKETS_TOKEN}' },
      },
    },
  };
}

/** Throws when an answer does not say what the measurement is about: another way through the code was timed. */
export function expectStatus(answer: Record<string, unknown>, status: string): Record<string, unknown> {
  if (answer['status'] !== status) throw new Error(`expected ${status}, got ${JSON.stringify(answer)}`);
  return answer;
}
