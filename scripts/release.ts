import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sbomOf } from './sbom.ts';

/**
 * Makes a release of what is committed: `npm run release -- 1.2.3` shows what it would do, and with `--yes` it does it.
 * The version goes into the manifests and the date into the changelog; that becomes one commit with a signed tag, and
 * the notes and the bill of materials lie in `.release/`. Nothing is pushed or published.
 */
const USAGE = 'usage: npm run release -- VERSION [--yes] [--unsigned]';
const UNRELEASED = 'not released yet';
const OUT = '.release';

const read = (path: string) => readFileSync(path, 'utf8');
const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' }).trim();
const succeeds = (program: string, ...args: string[]) => {
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** The part of the changelog under the heading of a version, and whether it still waits for its date. */
function sectionOf(changelog: string, version: string): { waiting: boolean; notes: string } | undefined {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((text) => text.startsWith(`${version} - `));
  if (section === undefined) return undefined;
  const [heading = '', ...lines] = section.split('\n');
  return { waiting: heading === `${version} - ${UNRELEASED}`, notes: lines.join('\n').trim() };
}

/** Of plain versions: the first part that differs decides. */
function isNewer(version: string, than: string): boolean {
  const [one, other] = [version, than].map((text) => text.split('.').map(Number));
  const at = [0, 1, 2].find((part) => one?.[part] !== other?.[part]);
  return at !== undefined && (one?.[at] ?? 0) > (other?.[at] ?? 0);
}

/** Why there can be no such release; all reasons at once. */
function reasonsAgainst(version: string, signed: boolean): string[] {
  if (!/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/.test(version)) return [`"${version}" is no version such as 1.2.3`];
  const { version: current } = JSON.parse(read('package.json'));
  const section = sectionOf(read('CHANGELOG.md'), version);
  return [
    isNewer(version, current) ? '' : `${version} is not newer than ${current}`,
    run('git', 'status', '--porcelain') === '' ? '' : 'there are changes that are not committed',
    succeeds('git', 'rev-parse', '--verify', '--quiet', `refs/tags/v${version}`) ? `the tag v${version} is there` : '',
    section?.waiting ? '' : `CHANGELOG.md has no heading "## ${version} - ${UNRELEASED}"`,
    section?.notes === '' ? `CHANGELOG.md says nothing about ${version}` : '',
    !signed || succeeds('git', 'config', 'user.signingkey') ? '' : 'git has no user.signingkey (or say --unsigned)',
  ].filter((reason) => reason !== '');
}

/** Every file that says the version, with the text that it gets. */
function editsFor(version: string): Record<string, string> {
  const edited = (path: string, edit: (manifest: { packages: never }) => object) => {
    const manifest = JSON.parse(read(path));
    return `${JSON.stringify({ ...manifest, ...edit(manifest), version }, null, 2)}\n`;
  };
  const today = new Date().toISOString().slice(0, 10);
  return {
    'package.json': edited('package.json', () => ({})),
    'package-lock.json': edited('package-lock.json', ({ packages }: { packages: Record<string, object> }) => ({
      packages: { ...packages, '': { ...packages[''], version } },
    })),
    'server.json': edited('server.json', ({ packages }: { packages: object[] }) => ({
      packages: packages.map((one) => ({ ...one, version })),
    })),
    'CHANGELOG.md': read('CHANGELOG.md').replace(`## ${version} - ${UNRELEASED}`, `## ${version} - ${today}`),
    'README.md': read('README.md').replace(/^This is version [\d.]+(?=:)/m, `This is version ${version}`),
  };
}

/** The changed files, the notes and the bill of materials, as one commit and its tag. */
function make(version: string, edits: Record<string, string>, notes: string, signed: boolean): void {
  // For the bill of materials, which has to say what went into the bundle.
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
  for (const [path, text] of Object.entries(edits)) writeFileSync(path, text);
  mkdirSync(OUT, { recursive: true });
  writeFileSync(`${OUT}/notes-${version}.md`, `${notes}\n`);
  writeFileSync(`${OUT}/mcp-orchestration-${version}.cdx.json`, `${JSON.stringify(sbomOf(), null, 2)}\n`);
  run('git', 'commit', '--quiet', '--message', `release: ${version}`, '--', ...Object.keys(edits));
  // Verbatim: headings of the notes begin with a number sign, as comments do.
  const message = ['--cleanup=verbatim', '--message', `mcp-orchestration ${version}\n\n${notes}\n`];
  run('git', 'tag', signed ? '--sign' : '--annotate', ...message, `v${version}`);
  // git can end with 0 although it found no key.
  const tag = run('git', 'cat-file', 'tag', `v${version}`);
  if (signed && !/^-----BEGIN .*SIGNATURE-----$/m.test(tag)) throw new Error('git has not signed the tag');
}

function main(): number {
  const options = { yes: { type: 'boolean', default: false }, unsigned: { type: 'boolean', default: false } } as const;
  const { positionals, values } = parseArgs({ options, allowPositionals: true });
  const [version] = positionals;
  if (version === undefined || positionals.length !== 1) {
    console.error(USAGE);
    return 2;
  }
  const reasons = reasonsAgainst(version, !values.unsigned);
  if (reasons.length > 0) {
    console.error(`There is no release ${version}:\n${reasons.map((reason) => `- ${reason}`).join('\n')}`);
    return 1;
  }
  const edits = editsFor(version);
  const { notes = '' } = sectionOf(read('CHANGELOG.md'), version) ?? {};
  console.log(`${notes}\n\nChanges ${Object.keys(edits).join(', ')}; tag v${version}.`);
  if (!values.yes) {
    console.log('Nothing was done. With --yes it is.');
    return 0;
  }
  const before = run('git', 'rev-parse', 'HEAD');
  try {
    make(version, edits, notes, !values.unsigned);
  } catch (error) {
    // Everything was committed when it began, so this takes back what it did and nothing else.
    succeeds('git', 'tag', '--delete', `v${version}`);
    run('git', 'reset', '--quiet', '--hard', before);
    console.error(`Nothing was released: ${(error as Error).message}`);
    return 1;
  }
  console.log(`Done. The notes and the bill of materials are in ${OUT}/.`);
  console.log(`Now: git push --atomic origin HEAD v${version}, and publish where the origin can be proved.`);
  return 0;
}

process.exitCode = main();
