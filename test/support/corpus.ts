import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ClientDefinition, ConfigScope } from '../../src/clients/client.ts';
import { CLIENTS } from '../../src/clients/index.ts';
import { pointerIn } from '../../src/clients/paths.ts';
import { pointerKeys } from '../../src/core/json-value.ts';
import type { Format } from '../witness/witness.ts';

const FOLDER = new URL('../golden/corpus/', import.meta.url).pathname;

/** One line of test/golden/corpus/index.json. */
interface Line {
  file: string;
  client: string;
  /** The scope whose file it is; the first one of the client when it does not say. */
  scope?: string;
  /** Where its servers are, when the file has another layout than most. */
  pointer?: string;
  /** What is hard about it. */
  special: string;
  /** The code with which every change has to be refused. */
  refused?: string;
  /** The code with which a change of the entry that stands there first has to be refused. */
  update_refused?: string;
}

/** A client file as one may be found, with where it belongs. */
export interface CorpusFile extends Line {
  scope: string;
  format: Format;
  definition: ClientDefinition;
  place: ConfigScope;
  pointer: string;
  /** Its bytes, for a project in that directory. */
  bytes(project: string): Buffer;
}

function completed(line: Line, bytes: CorpusFile['bytes']): CorpusFile {
  const definition = CLIENTS.find(({ client_id }) => client_id === line.client);
  const scope = line.scope ?? definition?.deployable_scopes[0] ?? '';
  const place = definition?.scopes.find((one) => one.scope === scope);
  const pointer = line.pointer ?? place?.pointer;
  if (!definition || !place || typeof pointer !== 'string') throw new Error(`${line.file}: no such client or scope`);
  const format = (place.container === undefined ? place.format : `${place.format} ${place.container}`) as Format;
  return { ...line, scope, format, definition, place, pointer, bytes };
}

/** Where the path of the project belongs in a file that names it. */
const PROJECT = '@PROJECT@';

function stored(line: Line): CorpusFile {
  const bytes = readFileSync(FOLDER + line.file);
  const fill = (project: string) => Buffer.from(bytes.toString('utf8').replaceAll(PROJECT, project));
  return completed(line, bytes.includes(PROJECT) ? fill : () => bytes);
}

/** A thousand projects: about a megabyte, as `~/.claude.json` gets with the years. The same on every call. */
export function thousandProjects(): string {
  const project = (i: number) => ({
    allowedTools: ['Bash(git diff:*)', 'Read'],
    history: Array.from({ length: 4 }, (_, k) => ({
      display: `what about ${i}.${k} "mcpServers": {}?`,
      pastedContents: {},
    })),
    mcpServers: i % 10 === 0 ? { [`local-${i}`]: { type: 'stdio', command: '/opt/x', args: [`${i}`], env: {} } } : {},
    enabledMcpjsonServers: [],
    hasTrustDialogAccepted: i % 2 === 0,
    lastCost: i / 7,
    lastTotalInputTokens: i * 1_000_003,
    exampleFiles: ['src/main.ts', `src/größe-${i}.ts`, 'README.md'].flatMap((name) => [name, `${name}.bak`]),
    lastSessionId: `${i}`.padStart(8, '0').repeat(4),
    notes: 'x'.repeat(250),
  });
  const projects = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`/home/dev/work/${i}`, project(i)]));
  const state = {
    numStartups: 4120,
    projects,
    mcpServers: { notes: { type: 'stdio', command: 'uvx' } },
    tips: { a: 1 },
  };
  return JSON.stringify(state, null, 2);
}

export function corpus(): CorpusFile[] {
  const lines = JSON.parse(readFileSync(`${FOLDER}index.json`, 'utf8')) as Line[];
  const large = { client: 'claude-code', special: 'a thousand projects, about a megabyte; made by the tests' };
  return [
    ...lines.map(stored),
    completed({ ...large, file: 'claude-code.thousand-projects.json' }, () => Buffer.from(thousandProjects())),
    completed({ ...large, file: 'claude-code.thousand-projects-local.json', scope: 'local' }, () =>
      Buffer.from(thousandProjects()),
    ),
  ];
}

/** Where a file belongs in that home directory, and how a deployment is told so. */
export function placeIn(home: string, { client, scope, place, pointer, format }: CorpusFile) {
  const template = place.paths.linux ?? '<named>';
  const inProject = place.paths.windows?.startsWith('${workspace}') === true || pointer.includes('${workspace}');
  const project = join(home, 'projects', client);
  // Clients that are on Windows only, or whose file has no fixed place: it is named.
  const named = !/^(?:~|\$\{workspace\})\//.test(template);
  const path = named
    ? join(inProject ? project : home, 'named', 'servers.json')
    : template.replace('~', home).replace('${workspace}', project);
  const input = {
    client_id: client,
    config_scope: scope,
    ...(inProject && { project }),
    ...(named && { config_path: path }),
  };
  const of = { format, pointer: pointerKeys(pointerIn(pointer, inProject ? project : undefined)) };
  return { project, path, input, of };
}

export type Placed = ReturnType<typeof placeIn>;

/** Writes as if it had been done a while ago: the writer waits for a file that was emptied a moment ago. */
export function putFile(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  utimesSync(path, 1_700_000_000, 1_700_000_000);
}
