import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientById } from '../src/clients/index.ts';
import { renderPayload } from '../src/clients/render.ts';
import { Payload } from '../src/core/payload.ts';
import { NATIVE_FACTS, type NativeFacts } from './support/native-facts.ts';
import { entriesIn, type Native } from './support/native-file.ts';
import { type OpenHome, openHome } from './support/open-home.ts';
import { readAs, wordsOf } from './support/read-as.ts';

/**
 * Every local entry is started as its client starts it: the file is read by a library, its texts as the client documents,
 * and a stand-in says with which arguments and variables it was really called.
 */

let product: OpenHome;
let standIn: string;
beforeAll(async () => {
  product = await openHome();
  standIn = join(product.home, 'Stand-in Ünï', `it's "me".sh`);
  mkdirSync(dirname(standIn));
  writeFileSync(standIn, '#!/bin/sh\nprintf "%s\\0" "$#" "$@"\nexec env -0\n');
  chmodSync(standIn, 0o755);
});
afterAll(() => product.close());
const call: OpenHome['call'] = (tool, input) => product.call(tool, input);

/** One text on each line. */
const lines = (text: TemplateStringsArray) => String.raw(text).trim().split('\n');

/** Texts as they are meant to arrive. */
const HARD = {
  plain: [
    ...['', ' ', ' a  b '],
    ...lines`
"
'
it's "so"
\
C:\Users\me\x
a\nb \u0041
-
--flag=a b
# none
a # b
key: value
key:
{}
[]
[a, b]
{a}
*
&
a && b
;
|
> x
~
!x
@
=
?
"""
'''
null
true
no
1e3
0x10
012
1.0
2026-11-28
- x
?: x
&a
*a
<<
---
...
Ünï – 日本 😀 é
//
/* x */
`,
  ],
  dollars: ['$', 'a$', '$5', '$HOME', '$$', '$HOME/x'],
  braces: ['${HOME}', 'a ${env:HOME}', '${HOME:-x}', '${workspaceFolder}', '${'],
  secrets: ['${secret:key}'],
  percents: ['%', '100 %', '%PATH%', '%HOME%'],
  files: ['{env:HOME}', '{file:/etc/hostname}'],
  commands: ['`id`', '$(id)', 'a\\\\b', '\\$HOME'],
  templates: ['{{user}}', '{{LIBRECHAT_USER_ID}}', '${{ secrets.KEY }}'],
};
/** What a value of the environment may hold besides; in an argument it is refused. */
const LINES = ['line\nbreak', '\n', '\n\n a\n', 'cr\r\nlf', ' tab\there\t', '\u2028\u2029', '\uFEFFx', 'x\\\ny'];

type Sort = keyof typeof HARD;

/** Which texts a client would read as something else, and so may not get. */
const DANGEROUS: Record<NativeFacts['expands'], Sort[]> = {
  nothing: ['secrets'],
  'env-colon': ['secrets', 'braces', 'templates'],
  'dollar-brace': ['secrets', 'braces', 'templates'],
  dollar: ['secrets', 'dollars', 'braces', 'commands', 'templates'],
  'dollar-percent': ['secrets', 'dollars', 'braces', 'percents', 'commands', 'templates'],
  'brace-env': ['secrets', 'braces', 'files'],
  secrets: ['secrets', 'templates'],
  'double-brace': ['secrets', 'braces', 'templates'],
  shell: ['secrets', 'dollars', 'braces', 'commands', 'templates'],
};

/** As a payload says it: `$${` is a literal `${`. */
const said = (text: string) => text.replaceAll('${', () => '$${');
const variables = (texts: readonly string[]) => Object.fromEntries(texts.map((text, index) => [`V${index}`, text]));
const inEnv = (sort: Sort) =>
  sort === 'plain'
    ? [...HARD.plain, ...LINES.slice(0, -1)]
    : sort === 'commands'
      ? [...HARD.commands, ...LINES.slice(-1)]
      : HARD[sort];
const entryOf = (sort: Sort) => ({
  command: standIn,
  args: HARD[sort].map(said),
  env: variables(inEnv(sort).map(said)),
});

/** The value of a variable that an entry refers to: read once, it must not be read again. */
const TOKEN = 'a "b" \\ $HOME ${HOME} %PATH% `id` é\n#';
const refers = () => ({
  command: standIn,
  args: ['x ${env:TOKEN}'],
  env: { A: '${env:TOKEN}', TOKEN: '${env:TOKEN}' },
});

/** Clients without a usual place on this system: their file is named. */
const NAMED = ['visual-studio', 'anythingllm', 'librechat'];

async function deployed(facts: NativeFacts, mcpServers: object): Promise<Record<string, Native>> {
  const { id: client_id } = facts;
  const config_path = join(product.home, 'named', `${client_id}.conf`);
  mkdirSync(dirname(config_path), { recursive: true });
  await call('publish_config', { client_id, payload: { mcpServers } });
  const done = await call('deploy_config', { client_id, ...(NAMED.includes(client_id) && { config_path }) });
  return entriesIn(facts, readFileSync(String(done['config_path']), 'utf8'));
}

interface Start {
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** What the client makes of an entry. */
function startOf(facts: NativeFacts, entry: Native, outer: Record<string, string>): Start {
  const { stdio, id } = facts;
  const read = (text: unknown) => readAs(facts, text as string, outer);
  const listed = entry[stdio.command];
  const [program = '', ...more] = Array.isArray(listed)
    ? listed
    : id === 'mistral-vibe'
      ? wordsOf(listed as string)
      : [listed];
  const args = stdio.args === undefined ? more : [...more, ...((entry[stdio.args] ?? []) as string[])];
  const env = Object.fromEntries(
    Object.entries((entry[stdio.env] ?? {}) as object).map(([name, text]) => [name, read(text)]),
  );
  const passed = id === 'github-copilot-cli' ? ['PATH'] : id === 'codex-cli' ? ['PATH', 'HOME'] : Object.keys(outer);
  const named = [...passed, ...((entry['env_vars'] ?? []) as string[])];
  const inherited = Object.fromEntries(named.map((name) => [name, outer[name] ?? '']));
  return { command: read(program), args: args.map(read), env: { ...inherited, ...env } };
}

function started({ command, args, env }: Start): { args: string[]; env: Record<string, string> } {
  const { stdout, stderr, status, error } = spawnSync(command, args, { env, cwd: '/', encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`, { cause: error });
  const [count = '', ...rest] = stdout.split('\0').slice(0, -1);
  const got = rest.slice(0, Number(count));
  const pairs = rest.slice(Number(count)).map((line) => line.split(/=([\s\S]*)/).slice(0, 2));
  return { args: got, env: Object.fromEntries(pairs) };
}

const ofTheClient = () => ({ PATH: String(product.env['PATH']), HOME: product.home, TOKEN });

describe.each(NATIVE_FACTS)('$id', (facts) => {
  test('starts with what was meant, and reads nothing of it as anything else', async () => {
    const sorts = Object.keys(HARD) as Sort[];
    const entries = await deployed(facts, Object.fromEntries(sorts.map((sort) => [sort, entryOf(sort)])));
    for (const sort of sorts) {
      const start = startOf(facts, entries[sort] ?? {}, ofTheClient());
      const got = started(start);
      expect([sort, got.args]).toEqual([sort, HARD[sort]]);
      expect([sort, got.env]).toMatchObject([sort, variables(inEnv(sort))]);
      // By the launcher only where the client would read it differently: all else is the client's to start.
      expect([sort, start.command === standIn]).toEqual([sort, !DANGEROUS[facts.expands].includes(sort)]);
    }
  });

  test('passes the value of a variable on as it is, once', async () => {
    const entries = await deployed(facts, { refers: refers() });
    const start = startOf(facts, entries['refers'] ?? {}, ofTheClient());
    if (facts.id === 'github-copilot-cli') {
      // Nothing but PATH comes through, which a finding tells; the launcher starts no server without the value.
      expect(() => started(start)).toThrow('TOKEN');
      return;
    }
    const got = started(start);
    expect(got.args).toEqual([`x ${TOKEN}`]);
    expect(got.env).toMatchObject({ A: TOKEN, TOKEN });
  });

  // A command is written as it stands: it holds no reference, and no escape of one.
  test('is never given a command that it would read as another one', async () => {
    const client = clientById(facts.id);
    if (client === undefined) throw new Error(`no client ${facts.id}`);
    const texts = (Object.keys(HARD) as Sort[]).flatMap((sort) => HARD[sort].map((text) => ({ sort, text })));
    const mcpServers = Object.fromEntries(
      texts.map(({ text }, index) => [`it-${index}`, { command: `/opt/${said(text)}`, args: [] }]),
    );
    const { native_text, findings } = renderPayload(Payload.parse({ mcpServers }), client, { os: 'linux' });
    const written = entriesIn(facts, native_text);
    for (const [index, { sort, text }] of texts.entries()) {
      const entry = written[`it-${index}`];
      if (entry !== undefined) expect(startOf(facts, entry, ofTheClient()).command).toBe(`/opt/${said(text)}`);
      else {
        const path = `/mcpServers/it-${index}/command`;
        expect(findings.filter((finding) => finding.path === path)).toMatchObject([
          { severity: 'error', code: 'LOSSY_RENDERING' },
        ]);
        expect(DANGEROUS[facts.expands]).toContain(sort);
      }
    }
  });
});

test('a line end in an argument or a command is refused by name, for every client alike', async () => {
  for (const [place, entry] of [
    ['args/1', { command: 'node', args: ['a', 'b\nc'] }],
    ['command', { command: 'node\n', args: [] }],
  ] as const) {
    const publish = call('publish_config', { client_id: 'cursor', payload: { mcpServers: { it: entry } } });
    await expect(publish).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      details: { issues: [{ code: 'INVISIBLE_TEXT', path: `/mcpServers/it/${place}` }] },
    });
  }
});
