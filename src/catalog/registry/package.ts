import type { StdioTransport } from '../server.ts';
import { type Argument, type ArgumentItem, itemsOf, readArgument } from './arguments.ts';
import { Environment } from './environment.ts';
import { Parameters } from './parameters.ts';
import type { Findings, Part, Path } from './part.ts';
import { type PackageType, runtimeArguments, startsOther } from './runtimes.ts';

/** A package of the document as a way to start the server. */

interface Source {
  type: PackageType;
  /** For an image with its tag. */
  identifier: string;
  version: string | undefined;
  /** Arguments that name a registry other than the public one. */
  registry: string[];
}

const TYPES: readonly PackageType[] = ['npm', 'pypi', 'oci', 'nuget'];
const OTHER_WORDS = new Map<string, PackageType>([
  ['docker', 'oci'],
  ['node', 'npm'],
  ['python', 'pypi'],
]);
const RUNTIMES = { npm: 'npx', pypi: 'uvx', oci: 'docker', nuget: 'dnx' } as const;

export interface ReadPackage {
  path: Path;
  version: string | undefined;
  /** Undefined when there is nothing here that a client could start; the findings say why. */
  transport: StdioTransport | undefined;
}

export function readPackage(part: Part): ReadPackage {
  const { findings } = part;
  const hint = part.text('runtimeHint');
  const type = typeOf(part, hint);
  const source = sourceOf(part, type);
  if (part.text('fileSha256', { pattern: /^[0-9a-f]{64}$/ }) === undefined && type === 'mcpb')
    findings.warn('MISSING_FIELD', part.at('fileSha256'), 'is missing; a bundle needs it');
  const speaksStdio = readTransport(part);
  const environment = new Environment(findings);
  for (const one of part.parts('environmentVariables')) environment.read(one);
  const runtime = part.parts('runtimeArguments').map(readArgument);
  const own = part.parts('packageArguments').map(readArgument);
  readPostInstall(part);
  part.end();
  const read = { path: part.path, version: source?.version, transport: undefined };
  if (source === undefined || !speaksStdio) return read;
  const name = RUNTIMES[source.type];
  if (hint !== undefined && hint !== name)
    findings.warn('RUNTIME_HINT_IGNORED', part.at('runtimeHint'), `is another runtime than ${name}, which is used`);
  return { ...read, transport: transportOf(source, { runtime, own, environment, findings }) };
}

/** Words about what to do afterwards (draft of the schema). Shown in the document, never run. */
function readPostInstall(part: Part): void {
  for (const one of part.parts('postInstallInstructions')) {
    one.needed('description');
    for (const name of ['command', 'documentation']) one.text(name);
    one.flag('optional');
    one.end();
  }
}

function typeOf(part: Part, hint: string | undefined): string | undefined {
  const { findings } = part;
  const said = part.needed('registryType');
  if (said === undefined) {
    const guess = TYPES.find((one) => RUNTIMES[one] === hint);
    if (guess !== undefined) findings.warn('ASSUMED', part.at('registryType'), `was taken to be ${guess}`);
    return guess;
  }
  const word = said.toLowerCase();
  const type = OTHER_WORDS.get(word) ?? word;
  if (type !== said) findings.warn('BAD_FORMAT', part.at('registryType'), `was read as ${type}`);
  return type;
}

/** HTTP that a package speaks has to be started and addressed by somebody: an entry of a client cannot do both. */
function readTransport(part: Part): boolean {
  const found = part.take('transport');
  if (found === undefined) {
    part.findings.warn('MISSING_FIELD', part.at('transport'), 'is missing; it was taken to be stdio');
    return true;
  }
  if (typeof found.value === 'string') {
    part.findings.warn('WRONG_TYPE', found.path, 'is a text; it was taken as the type');
    return isStdio(part, found.value);
  }
  const transport = part.nested(found);
  if (transport === undefined) return true;
  const type = transport.needed('type');
  transport.text('url');
  for (const header of transport.parts('headers')) readUnused(header);
  transport.end();
  return type === undefined || isStdio(part, type);
}

/** A header of a transport that is not offered: read, so that its oddities are reported. */
function readUnused(part: Part): void {
  part.needed('name');
  for (const name of ['description', 'format', 'value', 'default', 'placeholder']) part.text(name);
  for (const name of ['isRequired', 'isSecret']) part.flag(name);
  part.texts('choices');
  part.part('variables');
  part.end();
}

function isStdio(part: Part, type: string): boolean {
  if (type === 'stdio') return true;
  const message = `speaks ${type} when it is started; only stdio can be started by a client`;
  part.findings.unusable('PACKAGE_SPEAKS_HTTP', part.at('transport'), message);
  return false;
}

/** Nothing here may be read as an option, or as another place to load from, by the program that loads the package. */
const IDENTIFIERS: Readonly<Record<PackageType, RegExp>> = {
  npm: /^(?:@[a-z0-9~][\w.~-]*\/)?[A-Za-z0-9_~][\w.~-]*$/,
  pypi: /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?(?:\[[\w,-]+\])?$/,
  oci: /^[a-z0-9][\w.:/-]*(?:@sha256:[0-9a-f]{64})?$/,
  nuget: /^[A-Za-z0-9_][\w.-]*$/,
};
const EXACT = /^v?\d[\w.+!-]*$/;

function sourceOf(part: Part, type: string | undefined): Source | undefined {
  const { findings } = part;
  const given = part.needed('identifier');
  const version = versionOf(part);
  const base = part.text('registryBaseUrl');
  if (given === undefined || type === undefined) return undefined;
  const known = TYPES.find((one) => one === type);
  if (known === undefined) {
    const message = `is of the registry ${type}, from which no client starts a server by itself`;
    findings.unusable('NOT_STARTABLE', part.path, message);
    return undefined;
  }
  if (known === 'oci') return imageOf(part, given, version, base);
  const [identifier, own] = withoutVersion(part, given);
  if (!IDENTIFIERS[known].test(identifier)) {
    findings.unusable('NOT_STARTABLE', part.at('identifier'), `is no name of a package of ${known}`);
    return undefined;
  }
  const registry = registryArguments(part, known, base);
  if (registry === undefined) return undefined;
  const exact = version ?? own;
  if (exact === undefined)
    findings.warn('UNPINNED', part.at('version'), 'no exact version is named, so what runs can change');
  return { type: known, identifier, version: exact, registry };
}

/** Undefined for what names no version that could be fetched. */
function versionOf(part: Part): string | undefined {
  const version = part.text('version', { max: 255 });
  if (version === undefined || version === '') return undefined;
  if (/[${}<>]/.test(version) && !/^[<>]=?/.test(version)) {
    part.findings.warn('PLACEHOLDER_VERSION', part.at('version'), 'is a placeholder that was never filled in');
    return undefined;
  }
  if (version === '0.0.0') part.findings.warn('PLACEHOLDER_VERSION', part.at('version'), 'looks like a placeholder');
  if (EXACT.test(version)) return version;
  part.findings.warn('VERSION_NOT_EXACT', part.at('version'), 'is no exact version; it is not used');
  return undefined;
}

/** `@scope/name@1.2.3` and `name==1.2.3`. */
function withoutVersion(part: Part, text: string): [identifier: string, version: string | undefined] {
  const [, identifier = text, version] = /^(.[^@=]*)(?:@|==)(.+)$/.exec(text) ?? [];
  if (version === undefined) return [text, undefined];
  part.findings.warn('IDENTIFIER_WITH_VERSION', part.at('identifier'), 'holds a version; it was taken apart');
  return [identifier, EXACT.test(version) ? version : undefined];
}

const PUBLIC: Readonly<Record<PackageType, readonly string[]>> = {
  npm: ['https://registry.npmjs.org', 'https://registry.npmjs.com'],
  pypi: ['https://pypi.org', 'https://pypi.org/simple'],
  nuget: ['https://api.nuget.org', 'https://api.nuget.org/v3/index.json'],
  oci: [],
};

/** An expression that looks for slashes at the end takes minutes over a text of nothing but slashes. */
function withoutSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end -= 1;
  return text.slice(0, end);
}

/** The same name in the public registry may be somebody else's package, so another registry has to be named. */
function registryArguments(part: Part, type: PackageType, base: string | undefined): string[] | undefined {
  if (base === undefined || PUBLIC[type].includes(withoutSlashes(base))) return [];
  const path = part.at('registryBaseUrl');
  if (!/^https:\/\/[^\s{}$"'@]+$/.test(base) || type === 'nuget') {
    part.findings.unusable('OTHER_REGISTRY', path, 'is not the public registry, and cannot be named to the runner');
    return undefined;
  }
  part.findings.warn('OTHER_REGISTRY', path, 'is not the public registry');
  return type === 'npm' ? [`--registry=${base}`] : ['--default-index', base];
}

const USUAL_HOSTS = /^(docker\.io|ghcr\.io|mcr\.microsoft\.com|[\w.-]+\.pkg\.dev|[\w.-]+\.azurecr\.io)$/;

function imageOf(part: Part, given: string, version: string | undefined, base: string | undefined): Source | undefined {
  const { findings } = part;
  const path = part.at('identifier');
  if (!IDENTIFIERS.oci.test(given)) {
    findings.unusable('NOT_STARTABLE', path, 'is no reference of an image');
    return undefined;
  }
  const [first = ''] = given.split('/');
  const hasHost = given.includes('/') && /[.:]|^localhost$/.test(first);
  const host = hasHost ? first : (base?.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '');
  if (!hasHost)
    findings.warn('IMAGE_WITHOUT_HOST', path, `names no registry; it is looked for at ${host || 'docker.io'}`);
  else if (!USUAL_HOSTS.test(host))
    findings.warn('UNUSUAL_HOST', path, 'is at a host that the public registry does not admit');
  const isHub = host === '' || host === 'docker.io' || host === 'registry.hub.docker.com' || host === 'index.docker.io';
  const named = hasHost || isHub ? given : `${host}/${given}`;
  const isTagged = /[:@]/.test(named.split('/').at(-1) ?? '');
  const image = isTagged || version === undefined ? named : `${named}:${version}`;
  if (/:latest$/.test(image) || !/[:@]/.test(image.split('/').at(-1) ?? ''))
    findings.warn('FLOATING_TAG', path, 'names no version of the image, so what runs can change');
  return { type: 'oci', identifier: image, version: /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1], registry: [] };
}

interface Contents {
  runtime: readonly Argument[];
  own: readonly Argument[];
  environment: Environment;
  findings: Findings;
}

function transportOf(source: Source, { runtime, own, environment, findings }: Contents): StdioTransport {
  const { type, identifier, version, registry } = source;
  const parameters = new Parameters(findings);
  const items = (list: readonly Argument[]): ArgumentItem[] => list.flatMap((one) => itemsOf(one, parameters));
  const { before, moved } = runtimeArguments(type, identifier, runtime, environment, findings);
  const pinned =
    version === undefined || type === 'oci' || startsOther(type, before)
      ? identifier
      : `${identifier}@{package_version}`;
  const start = {
    npm: (): ArgumentItem[] => ['-y', ...registry, ...items(before), pinned],
    pypi: (): ArgumentItem[] => [...registry, ...items(before), pinned],
    oci: (): ArgumentItem[] => ['run', '-i', '--rm', ...items(before), identifier],
    nuget: (): ArgumentItem[] => [pinned, '--yes', ...items(before), '--'],
  }[type];
  const args = [...start(), ...items(moved), ...items(own)];
  return {
    type: 'stdio',
    runtime: RUNTIMES[type],
    package: { registry: type, identifier, version_seen: version ?? null },
    command: RUNTIMES[type],
    args,
    parameters: parameters.list,
    env: environment.list,
  };
}
