import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { run } from './support/process.ts';
import { ROOT, temporaryDirectory } from './support/workspace.ts';

/** The release script, in a repository of its own that has the files of this one. */

const CHANGELOG = `# Changelog

## 9.1.0 - not released yet

A release.

### Added

- Something new.

## 9.0.0 - not released yet

## 0.1.0 - 2026-11-23

- The first one.
`;

const made: string[] = [];
afterAll(async () => {
  for (const place of made) await rm(place, { recursive: true, force: true, maxRetries: 3 });
});

let place: string;
let repository: string;
let env: Record<string, string>;

const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, env, encoding: 'utf8' }).trim();
const text = (path: string) => readFileSync(join(repository, path), 'utf8');
const json = (path: string) => JSON.parse(text(path));
const release = (...args: string[]) => run(process.execPath, ['scripts/release.ts', ...args], { env, cwd: repository });

/** What a release would change. */
const state = () => [
  git('rev-parse', 'HEAD'),
  git('tag'),
  git('status', '--porcelain'),
  existsSync(join(repository, '.release')),
];

describe('a release', () => {
  beforeEach(async () => {
    place = await temporaryDirectory('mcpo-release');
    made.push(place);
    repository = join(place, 'repository');
    const { npm_config_cache: cache } = process.env;
    env = {
      ...{ HOME: place, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, GIT_CONFIG_NOSYSTEM: '1' },
      ...(cache !== undefined && { npm_config_cache: cache }),
    };
    mkdirSync(repository);
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
    const wanted = /^(src|scripts|bin)\/|^[\w.-]+\.(json|ts)$|^\.gitignore$/;
    for (const path of listed
      .toString('utf8')
      .split('\0')
      .filter((name) => wanted.test(name))) {
      if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(repository, path));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(repository, 'node_modules'));
    writeFileSync(join(repository, 'CHANGELOG.md'), CHANGELOG);
    writeFileSync(join(repository, 'README.md'), 'A product.\n\nThis is version 0.0.1: for releases.\n');
    git('init', '--quiet', '--initial-branch', 'main');
    appendFileSync(join(repository, '.git/info/exclude'), 'node_modules\n');
    const key = join(place, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    writeFileSync(join(place, 'signers'), `releaser@example.org ${readFileSync(`${key}.pub`, 'utf8')}`);
    for (const [name, value] of [
      ['user.name', 'Releaser'],
      ['user.email', 'releaser@example.org'],
      ['gpg.format', 'ssh'],
      ['gpg.ssh.allowedSignersFile', join(place, 'signers')],
      ['user.signingkey', key],
    ] as const)
      git('config', name, value);
    git('add', '--all');
    git('commit', '--quiet', '--message', 'everything');
  });

  it('is shown first, with its notes, and nothing is done', async () => {
    const before = state();
    const { code, stdout } = await release('9.1.0');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^A release\.\n\n### Added\n\n- Something new\.\n\nChanges /);
    expect(stdout).toContain('tag v9.1.0');
    expect(stdout).not.toContain('The first one');
    expect(stdout).toContain('Nothing was done.');
    expect(state()).toEqual(before);
  });

  it('is one commit with the version everywhere, a signed tag, the notes, and all that users get as a bill of materials', async () => {
    const before = git('rev-parse', 'HEAD');
    const { code, stderr } = await release('9.1.0', '--yes');
    expect(code, stderr).toBe(0);

    const { version, packages } = json('package-lock.json');
    const server = json('server.json');
    expect([json('package.json').version, version, packages[''].version]).toEqual(['9.1.0', '9.1.0', '9.1.0']);
    expect([server.version, server.packages[0].version]).toEqual(['9.1.0', '9.1.0']);
    expect({ ...json('package.json'), version: '' }, 'nothing else').toEqual({ ...manifest, version: '' });
    expect(text('CHANGELOG.md')).toMatch(/^## 9\.1\.0 - \d{4}-\d\d-\d\d$/m);
    expect(text('CHANGELOG.md')).toContain('## 9.0.0 - not released yet');
    expect(text('README.md')).toBe('A product.\n\nThis is version 9.1.0: for releases.\n');
    expect(git('status', '--porcelain')).toBe('');
    expect([git('rev-parse', 'HEAD^'), git('log', '-1', '--format=%s')]).toEqual([before, 'release: 9.1.0']);
    expect(git('rev-parse', 'v9.1.0^{commit}')).toBe(git('rev-parse', 'HEAD'));

    const notes = 'A release.\n\n### Added\n\n- Something new.';
    expect(text('.release/notes-9.1.0.md').trim()).toBe(notes);
    expect(git('for-each-ref', '--format=%(contents:subject)%0a%0a%(contents:body)', 'refs/tags/v9.1.0')).toContain(
      `mcp-orchestration 9.1.0\n\n${notes}`,
    );
    expect(() => git('verify-tag', 'v9.1.0')).not.toThrow();

    const sbom = json('.release/mcp-orchestration-9.1.0.cdx.json');
    expect([sbom.bomFormat, sbom.metadata.component.name, sbom.metadata.component.version]).toEqual([
      'CycloneDX',
      'mcp-orchestration',
      '9.1.0',
    ]);
    const names = sbom.components.map((one: { name: string }) => one.name);
    const installed = readFileSync(join(ROOT, 'test/fixtures/runtime-packages.txt'), 'utf8').trim().split('\n');
    expect(installed.filter((name) => !names.includes(name))).toEqual([]);
    const bundled = ['zod', 'kysely', 'commander', 'jsonc-parser', 'jose', 'canonicalize'];
    expect(
      bundled.filter((name) => !names.includes(name)),
      'in the bundle',
    ).toEqual([]);
    expect(names.filter((name: string) => /^(vitest|knip|typescript|node|@biomejs\/.*)$/.test(name))).toEqual([]);
    expect(JSON.stringify(sbom.components)).not.toContain('cdx:npm:package:development');
    const refs = new Set(sbom.components.map((one: Record<string, string>) => one['bom-ref']));
    const depended = sbom.dependencies.flatMap((one: { dependsOn: string[] }) => one.dependsOn);
    expect(
      depended.filter((ref: string) => !refs.has(ref)),
      'nothing that is not listed',
    ).toEqual([]);
  }, 120_000);

  it('is refused with every reason at once', async () => {
    git('tag', 'v0.1.0');
    writeFileSync(join(repository, 'forgotten.txt'), 'mine');
    git('config', '--unset', 'user.signingkey');
    const before = state();
    const { code, stderr } = await release('0.1.0', '--yes');
    expect(code).toBe(1);
    expect(stderr.trim().split('\n').slice(1)).toEqual([
      `- 0.1.0 is not newer than ${manifest.version}`,
      '- there are changes that are not committed',
      '- the tag v0.1.0 is there',
      '- CHANGELOG.md has no heading "## 0.1.0 - not released yet"',
      '- git has no user.signingkey (or say --unsigned)',
    ]);
    expect(state()).toEqual(before);
  });

  it.each([
    ['9.0.0', 'CHANGELOG.md says nothing about 9.0.0'],
    ['9.2.0', 'CHANGELOG.md has no heading "## 9.2.0 - not released yet"'],
    ['9.1', '"9.1" is no version such as 1.2.3'],
  ])('of %s is refused: %s', async (version, reason) => {
    const { code, stderr } = await release(version, '--yes');
    expect([code, stderr]).toEqual([1, `There is no release ${version}:\n- ${reason}\n`]);
  });

  it('that fails half-way takes back what it did', async () => {
    git('config', 'user.signingkey', join(place, 'no-such-key'));
    const before = state().slice(0, 3);
    const { code, stderr } = await release('9.1.0', '--yes');
    expect([code, stderr]).toEqual([1, expect.stringContaining('Nothing was released: ')]);
    expect(state().slice(0, 3)).toEqual(before);
    expect(json('package.json').version).toBe(manifest.version);
  }, 120_000);
});

describe('the package', () => {
  it('is published with a proof of where it was built, and names the repository that the proof is about', () => {
    expect(manifest.publishConfig).toEqual({
      access: 'public',
      provenance: true,
      registry: 'https://registry.npmjs.org/',
    });
    const { repository: source } = JSON.parse(readFileSync(join(ROOT, 'server.json'), 'utf8'));
    expect(manifest.repository.url).toBe(`git+${source.url}.git`);
  });

  it('has one version, in every file that says it', () => {
    const { version, packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    const server = JSON.parse(readFileSync(join(ROOT, 'server.json'), 'utf8'));
    expect([version, packages[''].version, server.version, server.packages[0].version]).toEqual(
      Array(4).fill(manifest.version),
    );
    const pages = ['README.md', 'CHANGELOG.md', 'ROADMAP.md'].map((name) => readFileSync(join(ROOT, name), 'utf8'));
    expect(/^This is version ([\d.]+):/m.exec(pages[0] ?? '')?.[1]).toBe(manifest.version);
    expect(/^## ([\d.]+) - \d{4}-\d\d-\d\d$/m.exec(pages[1] ?? '')?.[1]).toBe(manifest.version);
    expect(pages[2]).toContain(`| ${manifest.version} |`);
  });
});
