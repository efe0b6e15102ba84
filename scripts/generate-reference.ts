import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { registryEntryOf } from '../src/adapters/mcp/manifest.ts';
import { VERSION } from '../src/main/version.ts';
import { OPERATIONS } from '../src/operations/index.ts';
import { cliPage, mcpPage, restPage } from './reference/doors.ts';
import { clientsPage, configurationPage, errorsPage } from './reference/facts.ts';
import { metricsPage } from './reference/metrics.ts';
import { sdkSource } from './reference/sdk.ts';

/**
 * Writes the reference pages from the operations, the error catalogue, the client registry and the settings, and what
 * the client for programs (src/sdk) knows of the operations. `--check` writes nothing and fails when something is stale;
 * `--dir DIR` means another directory than that of this checkout.
 */

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'user-docs/reference/cli.md': cliPage,
  'user-docs/reference/mcp-tools.md': mcpPage,
  'user-docs/reference/rest-api.md': restPage,
  'user-docs/reference/errors.md': errorsPage,
  'user-docs/reference/clients.md': clientsPage,
  'user-docs/reference/configuration.md': configurationPage,
  'user-docs/reference/metrics.md': metricsPage,
  'src/sdk/operations.ts': sdkSource,
  // Of the public registry of MCP servers, which looks for it at the root.
  'server.json': () => `${JSON.stringify(registryEntryOf(OPERATIONS, VERSION), null, 2)}\n`,
};

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    dir: { type: 'string', default: fileURLToPath(new URL('..', import.meta.url)) },
  },
});

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

for (const [name, render] of Object.entries(PAGES)) {
  const path = join(values.dir, name);
  const text = await render();
  if (current(path) === text) continue;
  if (values.check) {
    console.error(`${name} is stale: npm run reference`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  }
}
