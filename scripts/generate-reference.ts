import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cliPage, mcpPage, restPage } from './reference/doors.ts';
import { clientsPage, configurationPage, errorsPage } from './reference/facts.ts';

/**
 * Writes the reference pages from the operations, the error catalogue, the client registry and the settings.
 * `--check` writes nothing and fails when a page is stale; `--dir DIR` means another directory than user-docs/reference.
 */

const PAGES: Readonly<Record<string, () => string>> = {
  'cli.md': cliPage,
  'mcp-tools.md': mcpPage,
  'rest-api.md': restPage,
  'errors.md': errorsPage,
  'clients.md': clientsPage,
  'configuration.md': configurationPage,
};

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    dir: { type: 'string', default: fileURLToPath(new URL('../user-docs/reference', import.meta.url)) },
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

mkdirSync(values.dir, { recursive: true });
for (const [name, render] of Object.entries(PAGES)) {
  const path = join(values.dir, name);
  const text = render();
  if (current(path) === text) continue;
  if (values.check) {
    console.error(`${name} is stale: npm run reference`);
    process.exitCode = 1;
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${name}`);
  }
}
