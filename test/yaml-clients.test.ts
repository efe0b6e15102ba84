import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { cliHere, cliHereJson, cliHereWith } from './support/in-process.ts';
import { ROOT, testWorkspace, type Workspace } from './support/workspace.ts';

/** The clients whose files are YAML, from the command line. */

const sample = (name: string) => readFileSync(join(ROOT, 'test/fixtures/client-samples', `${name}.yaml`), 'utf8');

let place: Workspace;
beforeEach(async () => {
  place = await testWorkspace();
  await json('initialize-keys');
});
const json = (...args: string[]) => cliHereJson(place, ...args);

async function publish(client: string, mcpServers: object): Promise<void> {
  const input = JSON.stringify({ mcpServers });
  await cliHereWith(place, { input }, 'set-draft', '--client', client, '--file', '-');
  await json('publish-config', '--client', client);
}
function write(text: string, ...path: string[]): string {
  const file = join(place.home, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

it('goose gets its extension among those that it has itself, and loses it again without a trace', async () => {
  const file = write(sample('goose'), '.config/goose/config.yaml');
  await publish('goose', { files: { command: 'node', args: ['f.js'], env: { A: 'yes' }, timeout_ms: 1500 } });
  expect(await json('deploy-config', '--client', 'goose')).toMatchObject({
    changes: { added: ['files'], kept_foreign: ['developer', 'docs', 'issues'] },
  });
  const [before, after] = sample('goose').split('GOOSE_TELEMETRY');
  expect(readFileSync(file, 'utf8')).toBe(
    `${before}  files:
    name: files
    type: stdio
    cmd: node
    args:
    - f.js
    envs:
      A: "yes"
    enabled: true
    timeout: 2
GOOSE_TELEMETRY${after}`,
  );
  expect(await json('deploy-config', '--client', 'goose')).toMatchObject({ status: 'unchanged' });
  await json('undo-deployment', '--client', 'goose');
  expect(readFileSync(file, 'utf8')).toBe(sample('goose'));
});

it('what goose has is imported with its switch and its time, and what is built into it is left there', async () => {
  write(sample('goose'), '.config/goose/config.yaml');
  const { draft, skipped } = await json('import-config', '--client', 'goose');
  expect(skipped).toMatchObject([{ server_name: 'developer' }]);
  expect(draft).toMatchObject({
    mcpServers: {
      docs: { command: 'npx', args: ['-y', 'docs-mcp'], timeout_ms: 300_000 },
      issues: { type: 'http', url: 'https://issues.example.com/mcp', disabled: true },
    },
  });
});

it('LibreChat is written where a person says, inside their home directory, and nowhere else', async () => {
  const file = write(sample('librechat'), 'chat/librechat.yaml');
  const there = ['--client', 'librechat', '--config-path', file];
  await publish('librechat', { notes: { command: 'node', args: ['n.js'], env: { TOKEN: '${env:NOTES_TOKEN}' } } });
  expect((await cliHere(place, 'deploy-config', '--client', 'librechat', '--json')).json()).toMatchObject({
    error: { code: 'INVALID_INPUT', details: { field: 'config_path' } },
  });
  const outside = ['--client', 'librechat', '--config-path', join(dirname(place.home), 'outside.yaml')];
  expect((await cliHere(place, 'deploy-config', ...outside, '--json')).json()).toMatchObject({
    error: { code: 'INVALID_INPUT', details: { field: 'config_path' } },
  });
  expect(await json('deploy-config', ...there)).toMatchObject({ changes: { added: ['notes'] } });
  const added =
    '  notes:\n    type: stdio\n    command: node\n    args:\n      - n.js\n    env:\n      TOKEN: "${NOTES_TOKEN}"\n';
  const text = readFileSync(file, 'utf8');
  expect(text).toBe(sample('librechat').replace('number.\n', `number.\n${added}`));
  writeFileSync(file, text.replace('n.js', 'other.js'));
  expect(await json('get-deployed', '--client', 'librechat')).toMatchObject({ drift: true });
  writeFileSync(file, text);
  await json('undo-deployment', '--client', 'librechat');
  expect(readFileSync(file, 'utf8')).toBe(sample('librechat'));
});

it('Continue keeps the order of its list, and what else it knows about a connection', async () => {
  const text = sample('continue').replace('    requestOptions:\n', '    requestOptions:\n      verifySsl: false\n');
  const file = write(text, '.continue/config.yaml');
  await json('import-config', '--client', 'continue');
  await json('publish-config', '--client', 'continue');
  await json('deploy-config', '--client', 'continue', '--adopt');
  expect(readFileSync(file, 'utf8')).toBe(text);
  const payload = (await json('view-draft', '--client', 'continue'))['draft'] as { mcpServers: Record<string, object> };
  expect(payload.mcpServers['issues']).toMatchObject({
    headers: { Authorization: 'Bearer ${secret:ISSUES_TOKEN}' },
    'x-client': { continue: { requestOptions: { verifySsl: false } } },
  });
  await publish('continue', {
    ...payload.mcpServers,
    issues: { ...payload.mcpServers['issues'], url: 'https://new.example.com/mcp', headers: { 'X-Team': 'a' } },
  });
  await json('deploy-config', '--client', 'continue');
  expect(readFileSync(file, 'utf8')).toBe(
    text
      .replace('https://issues.example.com', 'https://new.example.com')
      .replace('Authorization: "Bearer ${{ secrets.ISSUES_TOKEN }}"', 'X-Team: a'),
  );
});

it('a file in which an alias stands for an entry of ours is not touched, and says where', async () => {
  const text = 'base: &base {command: node}\nmcpServers:\n  notes: *base\n';
  const file = write(text, 'librechat.yaml');
  await publish('librechat', { notes: { command: 'node', args: [] } });
  const there = ['--client', 'librechat', '--config-path', file, '--adopt', '--json'];
  expect((await cliHere(place, 'deploy-config', ...there)).json()).toMatchObject({
    error: { code: 'CLIENT_FILE_UNPARSABLE', details: { line: 3, column: 10, reason: 'alias', config_path: file } },
  });
  expect(readFileSync(file, 'utf8')).toBe(text);
});
