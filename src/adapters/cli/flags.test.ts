import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Command } from 'commander';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { fieldsOf } from '../../operations/fields.ts';
import { OPERATIONS } from '../../operations/index.ts';
import { flagsOf, inputFrom } from './flags.ts';
import { absolutePath, type Terminal } from './terminal.ts';

const terminal = (stdin = ''): Terminal => ({
  args: [],
  stdin: Readable.from([stdin]),
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  cwd: '/here',
  env: { HOME: '/home/ann' },
});

/** The input object that a command line means. */
async function inputOf(verb: string, args: string[], at = terminal()): Promise<Record<string, unknown>> {
  const operation = OPERATIONS.find(({ cli }) => cli?.verb === verb);
  if (!operation) throw new Error(`no verb ${verb}`);
  const flags = flagsOf(operation);
  const command = new Command(verb).exitOverride().configureOutput({ writeErr: () => undefined });
  for (const name of operation.cli?.positional ?? []) command.argument(`[${name}]`);
  for (const { option } of flags) command.addOption(option);
  command.parse(args, { from: 'user' });
  return inputFrom(operation, flags, command.opts(), command.args, at);
}

it('every field of an operation, and so every flag, says what it is for', () => {
  const unsaid = OPERATIONS.flatMap((operation) =>
    fieldsOf(operation).flatMap(({ name, description }) => (description ? [] : [`${operation.id} ${name}`])),
  );
  expect(unsaid).toEqual([]);
});

describe('pairs', () => {
  it('keep their order, their commas and every sign behind the first equals sign', async () => {
    const args = [
      'x',
      '--env',
      'A=1,2',
      '--env',
      'B=a=b',
      '--env',
      'C=',
      '--param',
      'p=1',
      '--param',
      'p=2',
      '--param',
      'p=3',
    ];
    expect(await inputOf('add-server', args)).toEqual({
      server_id: 'x',
      env_vars: { A: '1,2', B: 'a=b', C: '' },
      params: { p: ['1', '2', '3'] },
    });
  });

  it.each(['A', '=1', ''])('%j is none', async (pair) => {
    await expect(inputOf('add-server', ['x', '--env', pair])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'key=value: give it as key=value',
    });
  });

  it('name nothing but themselves', async () => {
    const { params } = await inputOf('add-server', ['x', '--params', '{}', '--env', '__proto__=1']);
    expect(params).toBe('{}');
    expect(({} as { 1?: unknown })[1]).toBeUndefined();
  });
});

test('numbers, switches and lists get the type that the operation declares', async () => {
  expect(await inputOf('publish-config', ['--if-revision', '3', '--allow-empty', '--changelog', '7'])).toEqual({
    if_revision: 3,
    allow_empty: true,
    changelog: '7',
  });
  expect(await inputOf('publish-config', ['--if-revision', 'x', '--no-allow-empty'])).toEqual({
    if_revision: 'x',
    allow_empty: false,
  });
  expect(await inputOf('deploy-config', ['--adopt'])).toEqual({ adopt: true });
  expect(await inputOf('deploy-config', ['--adopt', 'a', '--adopt', 'b'])).toEqual({ adopt: ['a', 'b'] });
  expect(await inputOf('generate-token', ['--scope', 'config:read', '--scope', 'config:write'])).toEqual({
    scopes: ['config:read', 'config:write'],
  });
});

test('a payload comes as text, from a file or from stdin, through the strict reader', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'mcpo-flags-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'p.json');
  writeFileSync(file, '{"mcpServers":{}}');
  const payload = { mcpServers: {} };
  expect(await inputOf('set-draft', ['--file', file])).toEqual({ payload });
  expect(await inputOf('set-draft', ['--file', '-'], terminal('{"mcpServers":{}}'))).toEqual({ payload });
  expect(await inputOf('set-draft', ['--payload', '{"mcpServers":{}}'])).toEqual({ payload });
  await expect(inputOf('set-draft', ['--payload', '{"a":1,"a":2}'])).rejects.toMatchObject({ code: 'INVALID_JSON' });
  await expect(inputOf('set-draft', ['--payload', './payload.json'])).rejects.toMatchObject({
    code: 'INVALID_JSON',
    hint: expect.stringContaining('--file'),
  });
  await expect(inputOf('set-draft', ['--file', join(directory, 'none')])).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    message: 'file: the file cannot be read (ENOENT)',
  });
  await expect(inputOf('set-draft', ['--file', directory])).rejects.toMatchObject({ details: { field: 'file' } });
});

test('paths are meant as a person in a terminal means them', async () => {
  expect(absolutePath('~', terminal())).toBe('/home/ann');
  expect(absolutePath('~/a', terminal())).toBe('/home/ann/a');
  expect(absolutePath('~bob/a', terminal())).toBe('/here/~bob/a');
  expect(absolutePath('../a', terminal())).toBe('/a');
  expect(absolutePath('/a', terminal())).toBe('/a');
  expect(await inputOf('deploy-config', ['--config-path', 'a/b'])).toEqual({ config_path: '/here/a/b' });
  expect(await inputOf('add-server', ['filesystem', '--param', 'path=~/x', '--param', 'path=y'])).toMatchObject({
    params: { path: ['/home/ann/x', '/here/y'] },
  });
});
