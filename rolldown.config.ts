import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';

/**
 * The command line is one bundle, because Node spends most of a short call on finding and reading hundreds of small
 * files. What only the servers need stays outside: it is loaded when one is started.
 */
export const OUTSIDE =
  /^(node:|@fastify\/|@scalar\/|@modelcontextprotocol\/|@napi-rs\/|fs-native-extensions$|fastify$|helmet$|pino$|close-with-grace$)/;

/** The licences of the libraries that went into the bundle travel with it. */
const notices: Plugin = {
  name: 'third-party-notices',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []));
    const roots = modules
      .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
      .filter((root) => root !== undefined);
    const texts = [...new Set(roots)].sort().map(noticeOf);
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-NOTICES.txt', source: texts.join('\n') });
  },
};

function noticeOf(root: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file && existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
  return `${name} ${version} (${license})\n\n${text}\n${'-'.repeat(80)}\n`;
}

const base = {
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
  external: OUTSIDE,
  transform: { define: { __BUNDLED__: 'true' } },
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
  },
} as const satisfies RolldownOptions;

/** Two programs: a launcher that shared its chunks with the command line would load what only the other one needs. */
export default defineConfig([
  // Only the launcher loads the keychain on demand.
  { ...base, input: { bin: 'src/main/bin.ts' }, plugins: [notices], checks: { ineffectiveDynamicImport: false } },
  { ...base, input: { 'exec-server': 'src/launch/main.ts' } },
]);
