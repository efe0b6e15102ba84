import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Part of the build: the types of `mcp-orchestration/sdk`, beside its code. Only the files that its index refers to are
 * written, with the endings that every compiler finds.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const target = join(resolve(process.argv[2] ?? 'dist'), 'sdk');
const made = mkdtempSync(join(tmpdir(), 'mcpo-types-'));
try {
  const tsc = join(ROOT, 'node_modules/@typescript/native/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', join(ROOT, 'src/sdk'), '--outDir', made], { stdio: 'inherit' });
  const waiting = new Set(['index.d.ts']);
  for (const name of waiting) {
    const text = readFileSync(join(made, name), 'utf8');
    for (const [, other] of text.matchAll(/ from '\.\/([\w-]+)\.ts'/g)) waiting.add(`${other}.d.ts`);
    writeFileSync(join(target, name), text.replaceAll(/( from '\.\/[\w-]+)\.ts'/g, "$1.js'"));
  }
} finally {
  rmSync(made, { recursive: true });
}
