import { describe, expect, test } from 'vitest';
import { processorMs } from '../../../test/support/cpu.ts';
import { packageOf } from './packages.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('pinned', () => {
  test.each([
    ['npx', ['-y', '@modelcontextprotocol/server-memory@2025.8.4'], 1],
    ['npx', ['--yes', 'pkg@1.2.3-beta.1+b', '--flag'], 1],
    ['/usr/local/bin/npx', ['pkg@1.2.3'], 0],
    ['C:\\node\\npx.cmd', ['pkg@1.2.3'], 0],
    ['npx', ['--package=@a/b@1.2.3', 'bin'], 0],
    ['npx', ['-p', 'b@1.2.3', '-y', 'bin'], 1],
    ['npx', ['--registry', 'https://r', 'b@1.2.3'], 2],
    ['npx', ['-y', '--', 'b@1.2.3'], 2],
    ['npx', ['a@npm:@b/c@1.2.3'], 0],
    ['npx', [`github:a/b#${COMMIT}`], 0],
    ['npm', ['exec', '--', 'b@1.2.3'], 2],
    ['npm', ['x', '-y', 'b@1.2.3'], 2],
    ['pnpm', ['dlx', 'b@1.2.3'], 1],
    ['yarn', ['dlx', 'b@1.2.3'], 1],
    ['bunx', ['b@1.2.3'], 0],
    ['bun', ['x', 'b@1.2.3'], 1],
    ['cmd', ['/c', 'npx', '-y', 'b@1.2.3'], 3],
    ['uvx', ['mcp-server-git==2025.7.1'], 0],
    ['uvx', ['mcp-server-git@2025.7.1'], 0],
    ['uvx', ['--from', 'mcp-server-git==1.0rc1', 'mcp-server-git'], 1],
    ['uvx', ['--from=x[cli]==1.0', 'x'], 0],
    ['uvx', ['--python', '3.12', '--with', 'y', 'x==1'], 4],
    ['uvx', ['--from', `git+https://github.com/a/b@${COMMIT}`, 'b'], 1],
    ['uv', ['tool', 'run', 'x==1.2'], 2],
    ['pipx', ['run', '--spec', 'x==1.2', 'x'], 2],
    ['docker', ['run', '-i', '--rm', '-e', 'TOKEN', 'ghcr.io/a/b:1.2.3'], 5],
    ['docker', ['run', '-ie', 'TOKEN', '--env=A=b', `b@${DIGEST}`, 'serve'], 4],
    ['docker', ['container', 'run', 'localhost:5000/a:v1.2.3-alpine'], 2],
    ['podman', ['run', '--network', 'none', 'a:1.2.3'], 3],
  ])('%s %j', (command, args, index) => expect(packageOf(command, args)).toMatchObject({ index, pinned: true }));
});

describe('not pinned', () => {
  test.each([
    ['npx', ['-y', 'pkg'], 'pkg'],
    ['npx', ['-y', '@a/b'], '@a/b'],
    ['npx', ['-y', '@a/b@latest'], '@a/b@latest'],
    ['npx', ['pkg@^1.2.3'], 'pkg@^1.2.3'],
    ['npx', ['pkg@~1.2.3'], 'pkg@~1.2.3'],
    ['npx', ['pkg@>=1.2.3'], 'pkg@>=1.2.3'],
    ['npx', ['pkg@1.2'], 'pkg@1.2'],
    ['npx', ['pkg@1.x'], 'pkg@1.x'],
    ['npx', ['pkg@1.2.3 || 2.0.0'], 'pkg@1.2.3 || 2.0.0'],
    ['npx', ['pkg@${env:V}'], 'pkg@${env:V}'],
    ['npx', ['--package=pkg', 'bin@1.2.3'], 'pkg'],
    ['npx', ['https://host/pkg-1.2.3.tgz'], 'https://host/pkg-1.2.3.tgz'],
    ['npx', ['user/repo'], 'user/repo'],
    ['npx', ['git+ssh://git@host/a#v1.2.3'], 'git+ssh://git@host/a#v1.2.3'],
    ['uvx', ['x'], 'x'],
    ['uvx', ['x@latest'], 'x@latest'],
    ['uvx', ['x>=1.0'], 'x>=1.0'],
    ['uvx', ['x==1.*'], 'x==1.*'],
    ['uvx', ['--from', 'git+https://github.com/a/b', 'b'], 'git+https://github.com/a/b'],
    ['pipx', ['run', 'x'], 'x'],
    ['docker', ['run', '-i', '--rm', 'mcp/git'], 'mcp/git'],
    ['docker', ['run', 'mcp/git:latest'], 'mcp/git:latest'],
    ['docker', ['run', 'mcp/git:1'], 'mcp/git:1'],
    ['docker', ['run', 'localhost:5000/a'], 'localhost:5000/a'],
  ])('%s %j', (command, args, spec) => expect(packageOf(command, args)).toMatchObject({ spec, pinned: false }));
});

test.each([
  ['node', ['server.js']],
  ['python', ['-m', 'server']],
  ['npx', []],
  ['npx', ['-y']],
  ['npx', ['./local']],
  ['npx', ['-y', '/opt/pkg']],
  ['uvx', ['--from', '.', 'x']],
  ['npm', ['run', 'start']],
  ['docker', ['mcp', 'gateway', 'run']],
  ['docker', ['run', '-e']],
  ['uv', ['run', 'server.py']],
  ['cmd', ['/c', 'cmd', '/c', 'npx', 'x']],
  ['toString', ['x']],
  ['', ['x']],
])('%s %j fetches no package', (command, args) => expect(packageOf(command, args)).toBeUndefined());

test('hostile versions are judged at once', () => {
  for (const piece of ['1.', 'a', '0a', '.post', '1!', '@', ' @', '/', '==', '-', ':', 'v1.1.1-']) {
    const spec = `x==1@1.1.1${piece.repeat(40_000)}!`;
    for (const [command, args] of [
      ['npx', [spec]],
      ['uvx', [spec]],
      ['docker', ['run', spec]],
      [spec, []],
    ] as const) {
      expect(
        processorMs(() => packageOf(command, args)),
        `${command} ${piece}`,
      ).toBeLessThan(100);
    }
  }
});
