/** Which package a command fetches and runs, and whether its version is fixed. Nothing here is run or looked up. */
export interface RunPackage {
  kind: 'npm' | 'pypi' | 'image';
  /** As written, for example `@scope/name@latest`. */
  spec: string;
  /** Index of the argument that holds it. */
  index: number;
  pinned: boolean;
}

interface Runner {
  kind: RunPackage['kind'];
  /** Words after the command that make it a runner: `dlx`, `tool run`. */
  words: readonly string[];
  /** Options whose next argument belongs to them. */
  valued: ReadonlySet<string>;
  /** Options that name the package; the first plain argument is then only a program inside it. */
  naming: ReadonlySet<string>;
}

const list = (text: string): ReadonlySet<string> => new Set(text.split(' '));

const NPM_VALUED = list(
  '-c --call -w --workspace --registry --cache --prefix --userconfig --globalconfig --node-options --loglevel --script-shell',
);
const NPM_NAMING = list('-p --package');
const BUN_NAMING = list('--package -p');
const NO_OPTIONS: ReadonlySet<string> = new Set();
const UV_VALUED = list(
  '-p --python --with --with-editable --with-requirements -i --index-url --extra-index-url --index --default-index -f --find-links --directory --project --cache-dir --config-file -c --constraint --constraints -b --build-constraints --overrides --env-file -P --upgrade-package --refresh-package --reinstall-package --index-strategy --keyring-provider --resolution --prerelease --link-mode --exclude-newer --python-platform --color',
);
const UV_NAMING = list('--from');
const PIPX_VALUED = list('--python --pip-args --index-url -i --backend');
const IMAGE_VALUED = list(
  '-e --env --env-file -v --volume --mount -p --publish --name --network --net -u --user -w --workdir --entrypoint -l --label --label-file --platform --add-host -m --memory --memory-swap --cpus -c --cpu-shares --cpuset-cpus --pull --restart --security-opt --cap-add --cap-drop --tmpfs --ulimit --shm-size --gpus -h --hostname --domainname --device --dns --dns-search --dns-option --log-driver --log-opt --ipc --pid --pids-limit --userns --uts --runtime --stop-signal --stop-timeout --network-alias --ip --ip6 --link --cidfile --volumes-from --volume-driver --expose --group-add --health-cmd --isolation --cgroupns --cgroup-parent --init-path --sysctl --annotation -a --attach --detach-keys --storage-opt',
);

const npm = (words: string, naming = NPM_NAMING): Runner => ({
  kind: 'npm',
  words: words === '' ? [] : words.split(' '),
  valued: NPM_VALUED,
  naming,
});
const uv = (words: string): Runner => ({
  kind: 'pypi',
  words: words === '' ? [] : words.split(' '),
  valued: UV_VALUED,
  naming: UV_NAMING,
});
const image = (words: string): Runner => ({
  kind: 'image',
  words: words.split(' '),
  valued: IMAGE_VALUED,
  naming: NO_OPTIONS,
});

const RUNNERS: Readonly<Record<string, readonly Runner[]>> = {
  npx: [npm('')],
  pnpx: [npm('')],
  bunx: [npm('', BUN_NAMING)],
  npm: [npm('exec'), npm('x')],
  pnpm: [npm('dlx')],
  yarn: [npm('dlx')],
  bun: [npm('x', BUN_NAMING)],
  uvx: [uv('')],
  uv: [uv('tool run')],
  pipx: [{ kind: 'pypi', words: ['run'], valued: PIPX_VALUED, naming: list('--spec') }],
  docker: [image('run'), image('container run')],
  podman: [image('run'), image('container run')],
  nerdctl: [image('run')],
};

/** `/usr/bin/npx` and `npx.cmd` are npx. */
function programName(command: string): string {
  const base = command.slice(Math.max(command.lastIndexOf('/'), command.lastIndexOf('\\')) + 1);
  return base.replace(/\.(?:cmd|exe|ps1|bat)$/i, '').toLowerCase();
}

const EXACT_SEMVER = /^[v=]?[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const EXACT_PEP440 =
  /^v?(?:[0-9]{1,4}!)?[0-9]+(?:\.[0-9]+)*(?:[._-]?(?:a|b|c|rc|alpha|beta|pre|post|rev|dev)[0-9]*){0,3}(?:\+[0-9a-z.]+)?$/i;
const COMMIT = /[#@][0-9a-f]{40}$/;
const LOCAL = /^(?:\.{0,2}[\\/]|~[\\/]|[A-Za-z]:[\\/]|file:|\.$)/;
const REMOTE = /^(?:git\+|git:|github:|gitlab:|bitbucket:|gist:|https?:|ssh:)|^[^@\s][^@:]*\/[^@]|\s@\s/;

function isPinnedNpm(spec: string): boolean {
  if (REMOTE.test(spec)) return COMMIT.test(spec);
  const at = spec.lastIndexOf('@');
  return at > 0 && EXACT_SEMVER.test(spec.slice(at + 1));
}

function isPinnedPypi(spec: string): boolean {
  if (REMOTE.test(spec)) return COMMIT.test(spec);
  const exact = spec.indexOf('==');
  if (exact > 0)
    return EXACT_PEP440.test(
      spec
        .slice(exact + 2)
        .replace(/^=/, '')
        .trim(),
    );
  const at = spec.lastIndexOf('@');
  return at > 0 && EXACT_PEP440.test(spec.slice(at + 1));
}

/** A digest, or a tag with three numbers: shorter tags move by custom. */
function isPinnedImage(spec: string): boolean {
  if (/@sha256:[0-9a-f]{64}$/.test(spec)) return true;
  const tag = spec.slice(spec.lastIndexOf('/') + 1).split(':')[1] ?? '';
  return /^v?[0-9]+\.[0-9]+\.[0-9]+(?:[.-][0-9A-Za-z._-]+)?$/.test(tag);
}

const isPinned = { npm: isPinnedNpm, pypi: isPinnedPypi, image: isPinnedImage } as const;

function named({ kind }: Runner, spec: string, index: number): RunPackage | undefined {
  if (spec === '' || (kind !== 'image' && LOCAL.test(spec))) return undefined;
  return { kind, spec, index, pinned: isPinned[kind](spec) };
}

/** Walks over the options; the package is what a naming option says, else the first plain argument. */
function packageIn(runner: Runner, args: readonly string[], from: number): RunPackage | undefined {
  for (let index = from; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (arg === '--') return named(runner, args[index + 1] ?? '', index + 1);
    if (!arg.startsWith('-') || arg === '-') return named(runner, arg, index);
    const equals = arg.indexOf('=');
    const option = equals < 0 ? arg : arg.slice(0, equals);
    if (runner.naming.has(option)) {
      return equals < 0 ? named(runner, args[index + 1] ?? '', index + 1) : named(runner, arg.slice(equals + 1), index);
    }
    if (equals < 0 && takesNext(runner, arg)) index++;
  }
  return undefined;
}

/** `-v` does, and so does `-ive`, where the last of several short options takes the value. */
function takesNext({ kind, valued }: Runner, option: string): boolean {
  return valued.has(option) || (kind === 'image' && /^-[itdPq]+[a-z]$/.test(option) && valued.has(`-${option.at(-1)}`));
}

/** The package that this command fetches when it starts, or undefined when it is none of the known runners. */
export function packageOf(command: string, args: readonly string[]): RunPackage | undefined {
  const program = programName(command);
  if (program === 'cmd' && /^\/[cC]$/.test(args[0] ?? '') && programName(args[1] ?? '') !== 'cmd') {
    const inner = packageOf(args[1] ?? '', args.slice(2));
    return inner && { ...inner, index: inner.index + 2 };
  }
  const runners = Object.hasOwn(RUNNERS, program) ? RUNNERS[program] : undefined;
  const runner = runners?.find(({ words }) => words.every((word, index) => args[index] === word));
  return runner && packageIn(runner, args, runner.words.length);
}
