import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { interleave, rowOf, timed } from './figures.ts';
import type { Measurement } from './measurement.ts';
import { BIN, cliJson, inSandbox, runToEnd, type Sandbox } from './sandbox.ts';

/** Says that it got its value, and ends. */
const SERVER = "process.stdout.write(process.env.VALUE ? 'ready' : 'no value');\n";
/** Made up. */
const SECRET = `bench-${process.pid}`;
const VALUE = 'made-up-value';
const BUDGET = { of: 'comparison', limit: 60 } as const;

interface Entry {
  command: string;
  args: string[];
}

/** Deploys two entries that need the launcher into the file of Claude Desktop; gives what the file says. */
function deployed(sandbox: Sandbox, server: string): Record<'variable' | 'secret', Entry> {
  const entry = (reference: string) => ({ command: process.execPath, args: [server], env: { VALUE: reference } });
  const mcpServers = { variable: entry('${env:FROM_CLIENT}'), secret: entry(`\${secret:${SECRET}}`) };
  cliJson(sandbox, 'initialize-keys');
  const { home: cwd, env } = sandbox;
  const stored = spawnSync(process.execPath, [BIN, 'set-secret', SECRET], { cwd, env, input: VALUE });
  if (stored.status !== 0) throw new Error(`set-secret failed: ${stored.stderr}`);
  cliJson(sandbox, 'publish-config', '--payload', JSON.stringify({ mcpServers }));
  const { config_path } = cliJson(sandbox, 'deploy-config');
  return JSON.parse(readFileSync(String(config_path), 'utf8')).mcpServers;
}

/** The keychain of a system is not in the sandbox: what was put into it is taken out again. */
function forget({ home: cwd, env }: Sandbox): void {
  spawnSync(process.execPath, [BIN, 'delete-secret', SECRET], { cwd, env });
}

const started = ({ home, env }: Sandbox, { command, args }: Entry, more: Record<string, string>): Promise<number> =>
  timed(() => {
    const said = runToEnd(command, args, { home, env: { ...env, ...more } });
    if (said !== 'ready') throw new Error(`the server said: ${said}`);
  });

/** How much later a server is there when its entry goes through the launcher: started as a client does it, to its end. */
export const launcher: Measurement = {
  name: 'launcher',
  run: ({ starts: rounds, warmups }) =>
    inSandbox(async (sandbox) => {
      const server = join(sandbox.home, 'server.cjs');
      writeFileSync(server, SERVER);
      try {
        const entries = deployed(sandbox, server);
        const { bare, variable, secret } = await interleave(
          { rounds, warmups },
          {
            bare: () => started(sandbox, { command: process.execPath, args: [server] }, { VALUE }),
            variable: () => started(sandbox, entries.variable, { FROM_CLIENT: VALUE }),
            secret: () => started(sandbox, entries.secret, {}),
          },
        );
        const against = { unit: 'ms', bare: { what: 'the same server directly', samples: bare }, as: 'over' } as const;
        return [
          rowOf({ ...against, what: 'launcher: a variable filled in', ours: variable, budget: BUDGET }),
          rowOf({ ...against, what: 'launcher: a secret filled in', ours: secret, budget: BUDGET }),
        ];
      } finally {
        forget(sandbox);
      }
    }),
};
