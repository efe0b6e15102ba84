import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { userUnit } from '../src/operations/agent/units.ts';
import { cliHere, cliHereJson } from './support/in-process.ts';
import { testWorkspace } from './support/workspace.ts';

const ARGS = ['install-agent', '--server', 'https://mcp.example/team/', '--client', 'cursor', '--profile', 'dev'];
const NAME = 'mcp-orchestration-pull-cursor-dev';
const has = (program: string) => spawnSync('which', [program]).status === 0;

describe.runIf(process.platform === 'linux')('install-agent', () => {
  it('shows the unit, and writes it only when it is told to', async () => {
    const machine = await testWorkspace();
    const path = join(machine.home, `.config/systemd/user/${NAME}.service`);
    const program = join(machine.data_dir, 'bin/mcp-orchestration');
    const planned = await cliHereJson(machine, ...ARGS);
    expect(planned).toMatchObject({ status: 'planned', path, replaces: false });
    expect(planned['text']).toContain(
      `ExecStart="/usr/bin/env" "${program}" "pull" "--watch" "--server" "https://mcp.example/team" "--client" "cursor" "--profile" "dev"\n`,
    );
    expect(planned['text']).toContain(`EnvironmentFile=-${machine.data_dir}/pull.env\n`);
    expect([existsSync(path), existsSync(program)]).toEqual([false, false]);
    const shown = await cliHere(machine, ...ARGS);
    expect(shown.stdout).toBe(`Planned: ${path}\n\n${planned['text']}\n`);
    expect(shown.stderr).toBe('Nothing was written. Say --write to write it.\n');
    const written = await cliHereJson(machine, ...ARGS, '--write');
    expect(written).toMatchObject({
      status: 'installed',
      commands: ['systemctl --user daemon-reload', `systemctl --user enable --now ${NAME}.service`],
    });
    expect(readFileSync(path, 'utf8')).toBe(planned['text']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(program).mode & 0o777).toBe(0o700);
    expect(await cliHereJson(machine, ...ARGS, '--write')).toMatchObject({ status: 'unchanged' });
  });

  it('says when there is another file, and takes its place only when it is told to', async () => {
    const machine = await testWorkspace();
    machine.env['XDG_CONFIG_HOME'] = join(machine.home, 'elsewhere');
    const path = join(machine.home, `elsewhere/systemd/user/${NAME}.service`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'by hand\n');
    expect(await cliHereJson(machine, ...ARGS)).toMatchObject({ status: 'planned', path, replaces: true });
    expect(readFileSync(path, 'utf8')).toBe('by hand\n');
    const written = await cliHereJson(machine, ...ARGS, '--write');
    expect(written).toMatchObject({ status: 'installed', replaces: true });
  });

  it('shows the launch agent of macOS, and does not write it here', async () => {
    const machine = await testWorkspace();
    const { path, text, commands } = await cliHereJson(machine, ...ARGS, '--os', 'macos');
    expect(path).toBe(join(machine.home, `Library/LaunchAgents/${NAME}.plist`));
    expect(commands).toEqual([`launchctl bootstrap gui/$(id -u) '${path}'`]);
    const strings = [...String(text).matchAll(/<string>(.*)<\/string>/g)].map(([, word = '']) =>
      word.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&'),
    );
    // What launchd would start, with something harmless in the place of the program: it gets the variables of the file.
    const [, shell = '', option = '', script = '', file = ''] = strings;
    const words = strings.slice(6, -1);
    expect(words).toEqual(['pull', '--watch', '--server', 'https://mcp.example/team', ...ARGS.slice(3)]);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'MCP_ORCHESTRATION_TOKEN=made-up\n');
    const inner = ['/bin/sh', '-c', 'echo "$MCP_ORCHESTRATION_TOKEN $*"', 'sh', ...words];
    const { stdout } = spawnSync(shell, [option, script, file, ...inner], { encoding: 'utf8', env: {} });
    expect(stdout).toBe(`made-up ${words.join(' ')}\n`);
    const refused = await cliHere(machine, ...ARGS, '--os', 'macos', '--write', '--json');
    expect(refused.json()).toMatchObject({ error: { code: 'INVALID_INPUT', details: { field: 'os' } } });
    expect(existsSync(String(path))).toBe(false);
  });

  it.runIf(has('systemd-analyze'))(
    'writes a unit that systemd accepts, whatever the directories are called',
    async () => {
      const machine = await testWorkspace();
      const directory = join(machine.home, 'with spaces, 50%, $HOME, a "quote", one o\'clock and a \\');
      const program = join(directory, 'program');
      mkdirSync(directory);
      writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
      const unit = { client_id: 'cursor', profile_id: 'dev', server: 'https://mcp.example/a%20b', program };
      const path = join(machine.home, `${NAME}.service`);
      writeFileSync(path, userUnit({ ...unit, allow_http: false, token_file: join(directory, 'a 100% token') }));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--user', '--man=no', path], {
        encoding: 'utf8',
        env: { ...machine.env, XDG_RUNTIME_DIR: machine.home },
      });
      expect([status, stderr]).toEqual([0, '']);
      expect(readFileSync(path, 'utf8')).toContain('"pull" "--watch" "--server" "https://mcp.example/a%%20b"');
    },
  );

  it('writes no file with settings that somebody put into the name of a directory', async () => {
    const machine = await testWorkspace();
    machine.env['MCP_ORCHESTRATION_HOME'] = join(machine.home, 'data\nExecStartPre=/bin/false\n');
    for (const os of ['linux', 'macos']) {
      const { json } = await cliHere(machine, ...ARGS, '--os', os, '--json');
      expect(json()).toMatchObject({ error: { code: 'INVALID_INPUT', hint: expect.stringContaining('HOME') } });
    }
  });

  it('looks for its place as systemd does, and passes over a variable that names none', async () => {
    const machine = await testWorkspace();
    machine.env['XDG_CONFIG_HOME'] = 'relative';
    const { path } = await cliHereJson(machine, ...ARGS);
    expect(path).toBe(join(machine.home, `.config/systemd/user/${NAME}.service`));
  });

  it('prints a command for launchd that a shell reads as one path', async () => {
    const machine = await testWorkspace();
    machine.env['HOME'] = join(machine.home, "o'clock; true");
    mkdirSync(machine.env['HOME']);
    const { path, commands } = await cliHereJson(machine, ...ARGS, '--os', 'macos');
    const command = String((commands as string[])[0]).replace('launchctl bootstrap gui/$(id -u)', 'printf %s');
    expect(spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' }).stdout).toBe(path);
  });

  it('does not write through a link to another file', async () => {
    const machine = await testWorkspace();
    const path = join(machine.home, `.config/systemd/user/${NAME}.service`);
    const other = join(machine.home, 'other');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(other, 'of somebody else\n');
    symlinkSync(other, path);
    await cliHere(machine, ...ARGS, '--write', '--json');
    expect(readFileSync(other, 'utf8')).toBe('of somebody else\n');
  });
});
