import type { FastifyInstance } from 'fastify';
import { expect, onTestFinished } from 'vitest';
import { mcpOverHttp } from '../../src/adapters/mcp/http.ts';
import { manifestOf } from '../../src/adapters/mcp/manifest.ts';
import { offerOf } from '../../src/adapters/mcp/mcp.ts';
import { type RestSettings, restServer } from '../../src/adapters/rest/server.ts';
import { type App, compose } from '../../src/main/compose.ts';
import { type Config, readConfig } from '../../src/main/config.ts';
import { quietLog } from '../../src/main/log.ts';
import { serverTelemetry } from '../../src/main/telemetry/server.ts';
import { OPERATIONS } from '../../src/operations/index.ts';
import { TOOLSETS } from '../../src/operations/operation.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

export const API_KEY = 'made-up-api-key-for-tests';

interface InProcess {
  app: App;
  server: FastifyInstance;
  workspace: Workspace;
  /** What the server logged as unexpected: there must never be anything. */
  unexpected: string[];
  close(): Promise<void>;
}

interface Settings
  extends Partial<
    Pick<
      RestSettings,
      | 'cors_origins'
      | 'operations'
      | 'now'
      | 'handler_ms'
      | 'rate_limit'
      | 'shared_count'
      | 'oidc'
      | 'trusted_proxies'
      | 'mcp'
    >
  > {
  mode?: 'local' | 'server';
  /** The home of somebody else: it is left there at the end. */
  workspace?: Workspace;
  /** With everything that `serve-http` can have besides REST: MCP of every revision, its manifest, and metrics. */
  whole?: boolean;
  allow_http_deploy?: boolean;
}

/** The REST server in this process, not listening, on an empty home unless one is given. */
export async function startRest({
  mode = 'local',
  allow_http_deploy = true,
  workspace: given,
  whole = false,
  ...settings
}: Settings = {}): Promise<InProcess> {
  const workspace = given ?? (await makeWorkspace());
  const { env } = workspace;
  const unexpected: string[] = [];
  const log = quietLog((line) => unexpected.push(line), false);
  const config = { ...readConfig(env), mode };
  const app = await compose({ config, env, log, allow_http_deploy });
  const server = await restServer({
    operations: OPERATIONS,
    store: app.store,
    dataVersion: app.store.dataVersion,
    services: app.services,
    api_key: API_KEY,
    cors_origins: new Set(),
    allowed_hosts: new Set(['localhost', '127.0.0.1']),
    now,
    ...(whole && everything(app, config)),
    ...settings,
  });
  const close = async () => {
    await server.close();
    await app.close();
    if (!given) await workspace.remove();
  };
  return { app, server, workspace, unexpected, close };
}

const now = () => new Date();

function everything(app: App, config: Config): Pick<RestSettings, 'mcp' | 'metrics'> {
  const offered = { version: '0.0.0', toolsets: new Set(TOOLSETS) };
  const { metrics } = serverTelemetry(undefined).forRest(app, config);
  return {
    mcp: {
      ...mcpOverHttp(offerOf(OPERATIONS, offered), { now, legacy_sse: true }),
      manifest: async (at) => manifestOf(OPERATIONS, offered, at, true),
    },
    ...(metrics && { metrics }),
  };
}

/** The same; ends with the test. */
export async function restInProcess(settings: Settings = {}): Promise<InProcess> {
  const started = await startRest(settings);
  onTestFinished(started.close);
  return started;
}

/** Checks the one shape of every refusal, and gives its code. */
export function codeIn(body: string, request_id?: string): string {
  const value = JSON.parse(body);
  expect(Object.keys(value)).toEqual(['error']);
  expect(Object.keys(value.error)).toEqual(['code', 'message', 'details', 'hint', 'timestamp', 'request_id']);
  expect(value.error).toEqual({
    code: expect.stringMatching(/^[A-Z][A-Z_]+$/),
    message: expect.stringMatching(/./),
    details: expect.any(Object),
    hint: expect.stringMatching(/./),
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    request_id: request_id ?? expect.stringMatching(/^[A-Za-z0-9._-]{1,64}$/),
  });
  return value.error.code;
}
