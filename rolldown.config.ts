import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown';
import { nouns, operationsOf } from './src/operations/nouns.ts';

/**
 * The command line is one bundle, because Node spends most of a short call on finding and reading hundreds of small
 * files. What only the servers need stays outside: it is loaded when one is started.
 */
export const OUTSIDE =
  /^(node:|@fastify\/|@scalar\/|@modelcontextprotocol\/|@napi-rs\/|fs-native-extensions$|fastify$|helmet$|ioredis$|pg$|pino$|prom-client$|@opentelemetry\/|close-with-grace$)/;

/** The licences of the libraries that went into the bundle travel with it. */
const notices: Plugin = {
  name: 'third-party-notices',
  generateBundle(_options, bundle) {
    const modules = Object.values(bundle).flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []));
    const roots = modules
      .map((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0])
      .filter((root) => root !== undefined);
    const texts = [...new Set(roots)].sort().map(noticeOf);
    this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-NOTICES.txt', source: texts.join('\n') });
  },
};

function noticeOf(root: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file && existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : '';
  return `${name} ${version} (${license})\n\n${text}\n${'-'.repeat(80)}\n`;
}

/** Which module has the operation of a verb: asked here once, so that no short command loads all of them to find out. */
export const NOUNS_OF_VERBS = Object.fromEntries(
  (
    await Promise.all(
      nouns().map(async (noun) => (await operationsOf(noun)).flatMap(({ cli }) => (cli ? [[cli.verb, noun]] : []))),
    )
  ).flat(),
);

/** Every file costs time to open: what the command line loads in any case is one, and the rest stays where it is asked for. */
const always = new Set<string>();
const findAlways: Plugin = {
  name: 'find-what-is-always-loaded',
  buildEnd() {
    const waiting = [...this.getModuleIds()].filter((id) => this.getModuleInfo(id)?.isEntry);
    for (const id of waiting) {
      if (!always.has(id)) waiting.push(...(this.getModuleInfo(id)?.importedIds ?? []));
      always.add(id);
    }
  },
};

/** Commander can start programs as commands of its own; none of ours is one, and what starts programs is slow to load. */
const withoutChildProcess: Plugin = {
  name: 'commander-without-child-process',
  transform: {
    filter: { id: /node_modules\/commander\/lib\/command\.js$/ },
    handler: (code) => code.replace(/^import childProcess from .*$/m, 'const childProcess = undefined;'),
  },
};

/**
 * Node's own modules are fetched, not imported: an import statement reads every export at once, and with that loads what
 * Node itself leaves for later (streams, readline, web crypto, worker threads).
 */
const fetchedBuiltins: Plugin = {
  name: 'fetched-builtins',
  renderChunk: (code) =>
    code.replace(
      /^import (?:([\w$]+|\* as [\w$]+)(?:, )?)?(\{[^}]*\})? ?from "(node:[\w/]+)";$/gm,
      (_all, whole, some, name) => {
        const names = namesIn(some ?? '');
        if (SLOW.has(name) && whole === undefined && names.every(isFunction)) return fetchedWhenCalled(names, name);
        return [whole?.replace('* as ', ''), some?.replaceAll(' as ', ': ')]
          .flatMap((what) => (what ? [`const ${what} = process.getBuiltinModule("${name}");`] : []))
          .join(' ');
      },
    ),
};

/** What these load takes some milliseconds of a short command, and most commands call nothing in them. */
const SLOW = new Set(['node:crypto', 'node:child_process', 'node:fs/promises', 'node:net', 'node:stream/consumers']);

interface Name {
  imported: string;
  local: string;
}

const namesIn = (some: string): Name[] =>
  some
    .replace(/[{}]/g, '')
    .split(',')
    .map((part) => part.trim().split(' as '))
    .map(([imported = '', local = imported]) => ({ imported, local }));

/** A class is needed as it is. All that these modules have besides is functions. */
const isFunction = ({ imported }: Name) => /^[a-z]/.test(imported) && imported !== 'constants';

const fetchedWhenCalled = (names: readonly Name[], module: string) =>
  names
    .map(({ imported, local }) => {
      const fetched = `process.getBuiltinModule("${module}").${imported}`;
      // Fetched once: to ask Node for a module again costs as much as a digest, and every request needs some of these.
      return `let ${local} = (...values) => (${local} = ${fetched})(...values);`;
    })
    .join(' ');

function escaped(char: string): string {
  if (char.startsWith('\\')) throw new Error(`a backslash stands before ${char.slice(1)}, and would before its escape`);
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** One character beyond Latin-1, and V8 keeps a whole file in two bytes for each: all of them are written as escapes. */
const inAscii: Plugin = {
  name: 'in-ascii',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle))
      if ('code' in chunk) chunk.code = chunk.code.replace(/\\?[^\0-\x7f]/g, escaped);
  },
};

const base = {
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
  external: OUTSIDE,
  transform: { define: { __BUNDLED__: 'true', __NOUNS_OF_VERBS__: JSON.stringify(NOUNS_OF_VERBS) } },
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  },
} as const satisfies RolldownOptions;

/**
 * Two programs and the client for programs of others. A launcher that shared its chunks with the command line would load
 * what only the other one needs; the client runs in browsers too, and is read by people who debug.
 */
export default defineConfig([
  // Only the launcher loads the keychain on demand.
  {
    ...base,
    output: { ...base.output, codeSplitting: { groups: [{ name: 'start', test: (id) => always.has(id) }] } },
    input: { bin: 'src/main/bin.ts' },
    plugins: [notices, findAlways, withoutChildProcess, fetchedBuiltins, inAscii],
    checks: { ineffectiveDynamicImport: false },
  },
  { ...base, input: { 'exec-server': 'src/launch/main.ts' }, plugins: [inAscii] },
  {
    platform: 'neutral',
    input: { 'sdk/index': 'src/sdk/index.ts' },
    output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js' },
  },
]);
