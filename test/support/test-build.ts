import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { NOUNS_OF_VERBS, OUTSIDE } from '../../rolldown.config.ts';
import { ROOT, temporaryDirectory } from './workspace.ts';

export interface TestBuild {
  directory: string;
  /** Runs the command line, as `bin/mcp-orchestration.js` does. */
  bin: string;
  /** The module that exports `main`. */
  main: string;
}

const RUN = `import { main } from './main.mjs';
process.umask(0o077);
const { stdin, stdout, stderr, env, argv } = process;
process.exitCode = await main({ args: argv.slice(2), stdin, stdout, stderr, env, cwd: process.cwd() });
`;

/** The product with its failpoints: bundled as users get it, but for the word that it is. Starts as fast as the real one. */
export async function makeTestBuild(): Promise<TestBuild> {
  const directory = await temporaryDirectory('mcpo-build');
  const bundle = await rolldown({
    input: { main: join(ROOT, 'src/main/bin.ts') },
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    external: OUTSIDE,
    transform: { define: { __NOUNS_OF_VERBS__: JSON.stringify(NOUNS_OF_VERBS) } },
  });
  await bundle.write({
    dir: directory,
    format: 'esm',
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
  });
  await bundle.close();
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  await writeFile(join(directory, 'bin.mjs'), RUN);
  return { directory, bin: join(directory, 'bin.mjs'), main: join(directory, 'main.mjs') };
}
