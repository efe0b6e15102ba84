import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { cliHere } from './support/in-process.ts';
import { testWorkspace } from './support/workspace.ts';

/** What a person reads who types the verbs: the sentences of each, on standard output and beside it. */

interface Said {
  code: number | null;
  out: string;
  note: string;
}

interface Person {
  home: string;
  write(path: string, text: string): void;
  says(...words: string[]): Promise<Said>;
}

/** What differs from run to run, by what it is. */
const known = (text: string, home: string) =>
  text
    .replaceAll(home, '~')
    .replaceAll(/[0-9a-f]{16}-\d{8}T\d{9}Z-\d{3}\.bak/g, '<backup>')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replaceAll(/(dep|tok)_[0-9a-f-]{36}/g, '$1_<id>')
    .replaceAll(/\b[0-9a-f]{12,64}\b/g, '<hash>');

async function newPerson(env: Record<string, string> = {}): Promise<Person> {
  const workspace = await testWorkspace();
  Object.assign(workspace.env, env);
  const { home } = workspace;
  return {
    home,
    write(path, text) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), text);
    },
    async says(...words) {
      const { code, stdout, stderr } = await cliHere(workspace, ...words);
      return { code, out: known(stdout, home).trimEnd(), note: known(stderr, home).trimEnd() };
    },
  };
}

const FILE = '.cursor/mcp.json';
const CURSOR = ['--client', 'cursor'];
const payload = (...names: string[]) =>
  JSON.stringify({ mcpServers: Object.fromEntries(names.map((name) => [name, { command: 'node', args: [name] }])) });

it('init says what was made, which clients were found and what comes next', async () => {
  const { says, write } = await newPerson();
  expect(await says('init')).toEqual({
    code: 0,
    out: `Ready. A signing key was made.
  key id <hash>

No AI client was found on this machine; you can still prepare configurations for any of them.

Next:
  mcp-orchestration add-server filesystem --client claude-desktop --param path=~/Documents
  mcp-orchestration publish-config --client claude-desktop
  mcp-orchestration deploy-config --client claude-desktop --dry-run`,
    note: '',
  });
  write(FILE, '{}');
  write('.config/Witsy/settings.json', '{}');
  const again = await says('init');
  expect(again.out).toContain('Ready. There is a signing key already; nothing was changed.');
  expect(again.out).toContain(
    'Clients found on this machine:\n  Cursor (cursor) can be written\n  Witsy (witsy) listed only\n',
  );
  expect(again.out).toContain('  mcp-orchestration publish-config --client cursor\n');
  const { out } = await says('init', '--json');
  expect(JSON.parse(out)).toMatchObject({
    keys: { status: 'already_exists' },
    installed_clients: [
      { client_id: 'cursor', display_name: 'Cursor', config_location: '~/.cursor/mcp.json', writable: true },
      { client_id: 'witsy', writable: false },
    ],
  });
});

it('the catalog is a line per server, and one server with all that it takes', async () => {
  const { says } = await newPerson();
  const { out, note } = await says('list-servers', 'github token');
  expect(out.split('\n')).toEqual(['github-legacy\tstdio\tGITHUB_PERSONAL_ACCESS_TOKEN\tGitHub API through a token.']);
  expect(note).toBe('1 server. See one with: mcp-orchestration describe-server SERVER');
  expect((await says('describe-server', 'memory')).out).toBe(`Knowledge Graph Memory (memory)

Persistent memory for a client as a local knowledge graph (entities, relations, observations).

Transports: stdio    https://github.com/modelcontextprotocol/servers/tree/main/src/memory

MEMORY_FILE_PATH	optional		Where the JSONL graph is kept. Without it the file lies beside the installed package and is lost when npx refreshes its cache.

Add it with:  mcp-orchestration add-server memory`);
  expect(await says('describe-server', 'memry')).toEqual({
    code: 4,
    out: '',
    note: expect.stringMatching(/^SERVER_NOT_FOUND: .*memory/),
  });
});

it('clients and profiles are a line each', async () => {
  const { says, write } = await newPerson();
  write(FILE, '{}');
  const clients = await says('list-clients');
  expect(clients.out.split('\n')).toEqual(
    expect.arrayContaining([
      'cursor\tCursor\tyes\tyes\t~/.cursor/mcp.json',
      'claude-code\tClaude Code\tno\tyes\t~/.claude.json',
      'n8n\tn8n (MCP Client and MCP Client Tool nodes)\tno\tno\tnot a file',
    ]),
  );
  expect(clients.note).toMatch(
    /^\d+ clients\. Add a server with: mcp-orchestration add-server SERVER --client CLIENT$/,
  );
  expect(await says('create-profile', 'team', ...CURSOR, '--name', 'The team')).toMatchObject({
    out: 'Created the profile team of cursor.',
  });
  expect((await says('list-profiles', 'cursor')).out).toBe(
    'default\tDefault\tnone\t\t\ndev\tDevelopment\tnone\t\t\nstaging\tStaging\tnone\t\t\nprod\tProduction\tnone\t\t\nteam\tThe team\tnone',
  );
});

it('whoever typed npx is told to type it again: the program is on no PATH', async () => {
  const { says } = await newPerson({ npm_command: 'exec', npm_lifecycle_event: 'npx' });
  expect((await says('init')).out).toContain('\n  npx mcp-orchestration publish-config --client');
  expect((await says('add-server', 'memory')).note).toContain('Next: npx mcp-orchestration validate-config,');
  expect((await says('add-client')).note).toContain('See `npx mcp-orchestration add-client --help`.');
});

it('a refusal names the help of the verb that was typed, and a missing file has nothing to do with routes', async () => {
  const { says } = await newPerson();
  expect((await says('add-client')).note).toContain('See `mcp-orchestration add-client --help`.');
  expect((await says('add-server', 'memory', '--if-revision', 'x')).note).toContain('add-server --help');
  for (const args of [
    ['trust-key', 'nothing.pub'],
    ['import-config', ...CURSOR],
  ]) {
    const { code, note } = await says(...args);
    expect([code, note.includes('/docs')]).toEqual([4, false]);
  }
});

it('a draft is counted with every change, shown, judged and emptied', async () => {
  const { says, write } = await newPerson();
  const next = (revision: number) =>
    `Draft revision ${revision}. Next: mcp-orchestration validate-config, then publish-config and deploy-config.`;
  expect(await says('add-server', 'memory')).toEqual({
    code: 0,
    out: 'Added memory; the draft has 1 server.',
    note: next(1),
  });
  expect((await says('add-server', 'memory', ...CURSOR, '--profile', 'dev')).note).toBe(
    'Draft revision 1. Next: mcp-orchestration validate-config --client cursor --profile dev, then publish-config and deploy-config.',
  );
  expect((await says('validate-config', ...CURSOR, '--profile', 'dev')).note).toBe(
    'Next: mcp-orchestration publish-config --client cursor --profile dev',
  );
  expect((await says('add-server', 'memory', '--replace')).out).toBe('Replaced memory; the draft has 1 server.');
  expect((await says('add-server', 'fetch')).out).toBe('Added fetch; the draft has 2 servers.');
  expect(await says('remove-server', 'memory')).toMatchObject({
    out: 'Removed memory; the draft has 1 server.',
    note: next(4),
  });
  const shown = await says('view-draft');
  expect(JSON.parse(shown.out)).toMatchObject({ mcpServers: { fetch: { command: 'uvx' } } });
  expect(shown.note).toBe(next(4));
  expect(await says('validate-config')).toMatchObject({
    code: 0,
    out: 'Valid: 1 server, 0 errors, 0 warnings.',
    note: 'Next: mcp-orchestration publish-config',
  });
  write('two.json', payload('a', 'b'));
  expect((await says('set-draft', '--file', 'two.json')).out).toBe('Set the draft; it has 2 servers.');
  expect((await says('clear-draft')).out).toBe('Cleared the draft; it had 2 servers.');
});

it('a payload that is not valid is told finding by finding, and ends with 6', async () => {
  const { says, write } = await newPerson();
  const bad = JSON.stringify({
    mcpServers: { x: { command: 'npx', args: ['-y', 'some-package'] }, y: { command: '', args: [] } },
  });
  write('bad.json', bad);
  const { code, out } = await says('validate-config', '--file', 'bad.json');
  expect(code).toBe(6);
  expect(out).toBe(`error   MISSING_COMMAND /mcpServers/y/command
        \`command\` is empty.
        Name the program to start.
warning UNPINNED_PACKAGE /mcpServers/x/args/1
        \`some-package\` has no exact version: what runs can change without a new release.
        Write \`name@1.2.3\`.
Not valid: 2 servers, 1 error, 1 warning.`);
});

it('a release is published, named, shown and compared', async () => {
  const { says, write } = await newPerson();
  await says('init');
  expect((await says('history')).out).toBe('Nothing is published yet.');
  expect(await says('publish-config', ...CURSOR, '--payload', payload('one'), '--changelog', 'the first')).toEqual({
    code: 0,
    out: 'Published release 1 (1.0.0) with 1 server\nartifact <hash>',
    note: 'Next: mcp-orchestration deploy-config --client cursor --dry-run',
  });
  expect((await says('publish-config', ...CURSOR, '--payload', payload('one'))).out).toBe(
    'Unchanged: release 1 (1.0.0) already has this payload',
  );
  expect((await says('get-latest', ...CURSOR)).out).toBe(
    'Release 1 (1.0.0) of cursor/default\nartifact <hash>\nsigned by <hash> at <time>',
  );
  expect((await says('history', ...CURSOR)).out).toBe('1\t1.0.0\t<time>\t1\t<hash>\tthe first');
  const got = await says('get-config', ...CURSOR);
  expect(JSON.parse(got.out)).toEqual(JSON.parse(payload('one')));
  expect(got.note).toBe(
    'Release 1 (1.0.0), artifact <hash>, signed by key <hash> at <time>. With --json: envelope and signature.',
  );
  const mine = { mcpServers: { one: { command: 'other', args: ['one'] }, mine: { command: 'node', args: [] } } };
  write('same.json', payload('one'));
  write('mine.json', JSON.stringify(mine));
  expect((await says('diff-config', ...CURSOR, '--file', 'mine.json')).out).toBe(
    'diverged\n- mine\n~ one\n    /command: "other" -> "node"',
  );
  expect(await says('diff-config', ...CURSOR, '--file', 'same.json')).toMatchObject({ code: 0, out: 'up-to-date' });
});

it('a comparison shows no secret of either side', async () => {
  const { says } = await newPerson();
  const with_ = (token: string) =>
    JSON.stringify({
      mcpServers: { one: { command: 'x', args: [], env: { API_TOKEN: token, MODE: token.slice(0, 1) } } },
    });
  const { code, out } = await says(
    'diff-config',
    '--config-a',
    with_('made-up-4711'),
    '--config-b',
    with_('Made-up-0815'),
  );
  expect([code, out]).toEqual([0, expect.stringContaining('/env/MODE: "m" -> "M"')]);
  expect(out).toContain('/env/API_TOKEN');
  expect(out).not.toMatch(/made-up-4711|Made-up-0815/);
});

it('a batch is a line for each item, and ends with 1 when one failed', async () => {
  const { says, write } = await newPerson();
  await says('init');
  const items = [
    { operation: 'set_draft_config', client_id: 'cursor', payload: JSON.parse(payload('one')) },
    { operation: 'publish', client_id: 'cursor' },
    { operation: 'get_latest', client_id: 'cursr' },
  ];
  write('batch.json', JSON.stringify(items));
  write('good.json', JSON.stringify(items.slice(0, 2)));
  expect(await says('batch', '--file', 'batch.json')).toEqual({
    code: 1,
    out: '0\tset_draft_config\t200\tset\n1\tpublish\t201\tpublished\n2\tget_latest\t404\tThere is no client "cursr". Did you mean "cursor"?',
    note: '2 items done, 1 failed.',
  });
  expect(await says('batch', '--file', 'good.json', '--atomic')).toMatchObject({
    code: 0,
    note: '2 items done, 0 failed.',
  });
  expect(await says('batch', '--file', 'batch.json', '--atomic')).toMatchObject({
    code: 4,
    out: '',
    note: expect.stringMatching(/^CLIENT_NOT_FOUND: items\.2: There is no client "cursr"/),
  });
  expect((await says('batch', '--items', '[]')).out).toBe('There was nothing to do.');
});

it('a profile that follows another one is told when it is linked, and at every release', async () => {
  const { says } = await newPerson();
  await says('init');
  await says('publish-config', ...CURSOR, '--payload', payload('one'));
  const team = [...CURSOR, '--profile', 'dev'];
  expect(await says('link-profile', ...team, '--to', 'cursor', '--to-profile', 'default')).toMatchObject({
    code: 0,
    out: 'Linked: cursor/dev follows cursor/default, release 1',
    note: 'Next: mcp-orchestration deploy-all --clients cursor --profile dev --dry-run',
  });
  expect((await says('publish-config', ...CURSOR, '--payload', payload('one', 'two'))).out).toBe(
    'Published release 2 (1.1.0) with 2 servers\nartifact <hash>\n  followed by cursor/dev, release 2',
  );
  expect((await says('list-profiles', 'cursor')).out).toContain('dev\tDevelopment\t<hash>\t<time>\tcursor/default');
  expect((await says('unlink-profile', ...team)).out).toBe('Unlinked cursor/dev');
});

it('a deployment is planned with its diff, done, looked at, found changed, and undone', async () => {
  const { says, write, home } = await newPerson();
  write(FILE, '{"mcpServers":{"mine":{"command":"x"}}}\n');
  await says('init');
  expect((await says('deployment-history', ...CURSOR)).out).toBe('Nothing was deployed on this machine.');
  expect((await says('drift-status')).out).toBe('Nothing is deployed on this machine.');
  expect((await says('list-backups')).out).toBe('There are no backups.');
  await says('publish-config', ...CURSOR, '--payload', payload('one'));
  expect(await says('deploy-config', ...CURSOR, '--dry-run')).toEqual({
    code: 0,
    out: `Planned for ~/${FILE}: 1 added, 0 updated, 0 removed, 1 of others kept
@@ "one" @@
+ {
+   "type": "stdio",
+   "command": "node",
+   "args": [
+     "one"
+   ]
+ }`,
    note: 'Nothing was written. Leave out --dry-run to write it.',
  });
  const done = await says('deploy-config', ...CURSOR);
  expect(done.out).toBe(`Deployed release 1 to ~/${FILE}: 1 added, 0 updated, 0 removed, 1 of others kept`);
  expect(done.note).toMatch(/^To take effect: .*\. The old file is kept at ~\/\.mcp-orchestration\/backups\/<backup>$/);
  expect((await says('deploy-config', ...CURSOR)).out).toBe(`Unchanged: ~/${FILE} already has release 1`);
  expect((await says('get-deployed', ...CURSOR)).out).toBe(`Release 1 in ~/${FILE} since <time>\nup to date\nno drift`);
  expect((await says('drift-status')).out).toBe(`cursor\tdefault\t~/${FILE}\tno\tyes`);

  const file = join(home, FILE);
  writeFileSync(file, readFileSync(file, 'utf8').replace('"node"', '"evil"'));
  const CHANGED = `@@ "one" @@
  {
    "type": "stdio",
-   "command": "node",
+   "command": "evil",
    "args": [
      "one"
    ]
  }`;
  await says('publish-config', ...CURSOR, '--payload', payload('two'));
  expect((await says('get-deployed', ...CURSOR)).out).toBe(
    `Release 1 in ~/${FILE} since <time>\nnot the latest release\ndrift\n  one: changed (changed: command)\n${CHANGED}`,
  );
  expect(await says('drift-status', '--check')).toEqual({
    code: 7,
    out: `cursor\tdefault\t~/${FILE}\tyes\tno\tone: changed (changed: command)\n~/${FILE}\n${CHANGED}`,
    note: 'Put our entries back with:\n  mcp-orchestration deploy-config --client cursor --profile default --on-drift overwrite',
  });
  expect(await says('deploy-config', ...CURSOR)).toEqual({
    code: 5,
    out: '',
    note: `DRIFT_DETECTED: ~/${FILE} is not as it was left: "one" (changed).
Say --on-drift overwrite to put our entries back, or --on-drift keep to leave the changes. Nothing was written.`,
  });
  await says('deploy-config', ...CURSOR, '--on-drift', 'overwrite');
  const undone = await says('undo-deployment', ...CURSOR);
  expect([undone.code, undone.out]).toEqual([
    0,
    `Undone in ~/${FILE}: 1 added, 0 updated, 1 removed; artifact <hash> is in force again`,
  ]);
  expect(undone.note).toMatch(/The file as it was just now is kept at ~\/\.mcp-orchestration\/backups\/<backup>$/);
  expect((await says('deployment-history', ...CURSOR)).out).toBe(
    `dep_<id>\t2\t<time>\t~/${FILE}\tundone\ndep_<id>\t1\t<time>\t~/${FILE}`,
  );
  const backups = (await says('list-backups')).out.split('\n');
  expect(backups).toHaveLength(3);
  expect(backups[0]).toMatch(
    /^<time>\tcursor\t~\/\.cursor\/mcp\.json\t\d+\tyes\t~\/\.mcp-orchestration\/backups\/<backup>$/,
  );
  expect((await says('prune-backups', '--keep', '1')).out).toMatch(/^Pruned: \d removed, \d kept$/);
});

it('a deployment into several clients is a line for each, and what went wrong stands beside it', async () => {
  const { says, write } = await newPerson();
  await says('init');
  expect((await says('deploy-all', '--installed')).out).toBe('No client that can be written is installed here.');
  write(FILE, '{}');
  write('.claude.json', '{}');
  await says('publish-config', ...CURSOR, '--payload', payload('one'));
  expect(await says('deploy-all', '--clients', 'cursor,claude-code', '--dry-run')).toEqual({
    code: 1,
    out: `cursor	planned	+1 ~0 -0	~/${FILE}	
claude-code	failed			Nothing is published for claude-code, profile default.
cursor
@@ "one" @@
+ {
+   "type": "stdio",
+   "command": "node",
+   "args": [
+     "one"
+   ]
+ }`,
    note: 'claude-code: Nothing is published yet: run `publish-config` first.\nNothing was written. Leave out --dry-run to write it.',
  });
  expect(await says('deploy-all', '--installed')).toEqual({
    code: 0,
    out: `claude-code	skipped			Nothing is published for claude-code, profile default.\ncursor	deployed	+1 ~0 -0	~/${FILE}`,
    note: '',
  });
  expect((await says('deploy-all', '--clients', 'cursor')).out).toBe(`cursor	unchanged	+0 ~0 -0	~/${FILE}`);
  expect(await says('deploy-all')).toMatchObject({
    code: 2,
    note: expect.stringContaining('name the clients, or say `installed`: one of the two'),
  });
});

it('a token is shown once with what it may do, listed, and revoked', async () => {
  const { says } = await newPerson();
  const made = await says('generate-token', '--name', 'ci', '--role', 'viewer');
  expect(made.out).toMatch(/^mcpo_user_[0-9A-Za-z]{49}$/);
  expect(made.note).toBe(
    'Made a token with the scopes config:read events:read, valid until <time>.\nIt is shown only now. Send it as: Authorization: Bearer <token>, or: X-API-Key: <token>',
  );
  expect((await says('generate-token', '--kind', 'agent', '--expires', 'never')).note).toContain(', valid for ever.');
  expect((await says('list-tokens')).out).toBe(
    'tok_<id>\ttoken\tagent\t\t<time>\tnever\tnever\t0\tactive\ntok_<id>\tci\tuser\t\t<time>\t<time>\tnever\t0\tactive',
  );
  for (const [words, message] of [
    [['--role', 'viewer', '--scope', 'config:read'], 'give a role or scopes, not both'],
    [['--kind', 'agent', '--scope', 'tokens:admin'], 'nothing is left of these scopes for a token of kind agent'],
    [['--expires', 'soon'], 'give a number with s, m, h or d (for example 90d; at most 3650d), or never'],
  ] as const) {
    expect(await says('generate-token', ...words)).toMatchObject({ code: 2, note: expect.stringContaining(message) });
  }
});
