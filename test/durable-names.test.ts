import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN, cliJson, run } from './support/process.ts';
import { testWorkspace, type Workspace } from './support/workspace.ts';

/** What is flushed of a new file is its content: its name is kept by a flush of the directory that it is in. */

/** Says at the end which directories were flushed. */
const WITNESS = `
  const fs = require('node:fs');
  const flushed = new Set();
  for (const name of ['fsync', 'fsyncSync']) {
    const real = fs[name];
    fs[name] = (file, ...rest) => {
      const path = fs.readlinkSync('/proc/self/fd/' + file);
      if (fs.statSync(path).isDirectory()) flushed.add(path);
      return real(file, ...rest);
    };
  }
  process.on('exit', () => process.stderr.write('FLUSHED ' + JSON.stringify([...flushed])));
`;

async function flushedBy({ env, home }: Workspace, ...args: string[]): Promise<string[]> {
  const witness = join(home, 'witness.cjs');
  writeFileSync(witness, WITNESS);
  const told = await run(process.execPath, ['-r', witness, BIN, ...args], { env, cwd: home });
  expect(told.code, told.stderr).toBe(0);
  return JSON.parse(told.stderr.split('FLUSHED ')[1] ?? '');
}

test.skipIf(process.platform !== 'linux')('the name of the data directory outlives a power cut', async () => {
  const workspace = await testWorkspace();
  expect(await flushedBy(workspace, 'list-keys')).toEqual(expect.arrayContaining([workspace.home, workspace.data_dir]));
});

test.skipIf(process.platform !== 'linux')(
  'the first deployment keeps the names of the machine, of the copy and of the directory of copies',
  async () => {
    const workspace = await testWorkspace();
    const payload = JSON.stringify({ mcpServers: { fs: { command: 'node', args: ['server.js'] } } });
    await cliJson(workspace, 'initialize-keys');
    await cliJson(workspace, 'set-draft', '--client', 'cursor', '--payload', payload);
    await cliJson(workspace, 'publish-config', '--client', 'cursor');
    const file = join(workspace.home, '.cursor/mcp.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{}');
    expect(await flushedBy(workspace, 'deploy-config', '--client', 'cursor', '--dry-run')).toEqual([
      workspace.data_dir,
    ]);
    const flushed = await flushedBy(workspace, 'deploy-config', '--client', 'cursor');
    const { data_dir } = workspace;
    expect(flushed).toEqual(expect.arrayContaining([data_dir, join(data_dir, 'backups'), dirname(file)]));
  },
);
