import { rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import manifest from '../package.json' with { type: 'json' };

/** Makes `npx mcp-orchestration` in the checkout run the checkout: npm links the bins of dependencies only. */
for (const [name, path] of Object.entries(manifest.bin)) {
  const link = fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));
  rmSync(link, { force: true });
  symlinkSync(`../../${path}`, link);
}
