import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * Part of the build: keeps what `--help` prints beside the bundle, which then need not be loaded for it. Printed into a
 * pipe, so that it is 80 columns wide whatever the terminal of the builder is.
 */
const directory = resolve(process.argv[2] ?? 'dist');
const PRINT = `
  const { main } = await import(process.argv[1]);
  const { stdin, stdout, stderr } = process;
  process.exitCode = await main({ args: ['--help'], stdin, stdout, stderr, cwd: '/', env: {} });`;
const bundle = pathToFileURL(join(directory, 'bin.js')).href;
const text = execFileSync(process.execPath, ['--input-type=module', '-e', PRINT, bundle]);
writeFileSync(join(directory, 'help.txt'), text);
