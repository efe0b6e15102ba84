// Plain JavaScript that every Node from 14 on can read: it must be able to say that a Node is too old.
// What is needed of Node is fetched where it is used: an import of `node:fs` would load its streams as well.
const WANTED = [24, 15];

/** @param {string[]} verb words that stand before the caller's own arguments */
export function start(verb) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < WANTED[0] || (major === WANTED[0] && minor < WANTED[1])) {
    process.stderr.write(
      `mcp-orchestration needs Node ${WANTED.join('.')} or newer, and this is Node ${process.versions.node}.\n` +
        'Install Node 24 (https://nodejs.org), or run it through npm: npx -p node@24 -p mcp-orchestration mcp-orchestration\n',
    );
    process.exit(1);
  }
  const [first, ...rest] = [...verb, ...process.argv.slice(2)];
  if ((first === '--help' || first === '-h') && rest.length === 0 && printHelp()) return;
  process.umask(0o077);
  cacheCompiledCode();
  if (first === 'exec-server' && !rest.includes('--help') && !rest.includes('-h')) {
    // A program of its own: it runs before every start of a server, and must not load what only people need.
    import('../dist/exec-server.js').then(({ main }) => main(rest, process.env)).then(end);
    return;
  }
  import('../dist/bin.js').then(({ main }) =>
    main({
      args: [...verb, ...process.argv.slice(2)],
      // Each is made when it is first looked at, and few commands look at all of them.
      get stdin() {
        return process.stdin;
      },
      get stdout() {
        return quietly(process.stdout);
      },
      get stderr() {
        return quietly(process.stderr);
      },
      cwd: process.cwd(),
      env: process.env,
    }).then(end),
  );
}

/**
 * Prints the help that the build has kept: a question that is asked so often is answered without loading the program.
 * A terminal that is too narrow for it gets one of its own.
 */
function printHelp() {
  if (process.stdout.isTTY && process.stdout.columns < 80) return false;
  const text = process.getBuiltinModule('node:fs').readFileSync(new URL('../dist/help.txt', import.meta.url));
  quietly(process.stdout).write(text);
  return true;
}

/**
 * A reader that has seen enough (`| head -1`) closes the pipe: that is no fault, and there is nobody left to tell.
 * @param {NodeJS.WriteStream} stream
 */
function quietly(stream) {
  return stream.listeners('error').includes(ignoreClosedPipe) ? stream : stream.on('error', ignoreClosedPipe);
}

/** @param {NodeJS.ErrnoException} error */
function ignoreClosedPipe(error) {
  if (error.code !== 'EPIPE') throw error;
}

/** @param {number} code */
function end(code) {
  process.exitCode = code;
}

/**
 * Compiled code is kept inside the private data directory, once that exists: in the shared temporary directory, where
 * Node would keep it, somebody else could put theirs in its place.
 */
function cacheCompiledCode() {
  const { MCP_ORCHESTRATION_HOME, HOME } = process.env;
  const home = MCP_ORCHESTRATION_HOME || (HOME && `${HOME}/.mcp-orchestration`);
  if (!home || !process.getuid) return;
  let found;
  try {
    found = process.getBuiltinModule('node:fs').statSync(home);
  } catch {
    return; // the program itself says in words what is wrong with the directory, where that matters
  }
  const isOurs = found.isDirectory() && found.uid === process.getuid() && (found.mode & 0o022) === 0;
  if (isOurs) process.getBuiltinModule('node:module').enableCompileCache(`${home}/cache`);
}
