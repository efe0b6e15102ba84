import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { freePort } from './listen.ts';
import { ROOT, temporaryDirectory } from './workspace.ts';

export interface Programs {
  prometheus: string;
  promtool: string;
}

const UNPACKED = join(ROOT, '.tools/prometheus');

/**
 * Prometheus as it is installed; else Debian's package, unpacked and not installed, because its installation would start a
 * server. That is done where a whole machine is ours (CI, root); a string says why it was not.
 */
export function findPrometheus(): Programs | string {
  const unpacked = { prometheus: join(UNPACKED, 'usr/bin/prometheus'), promtool: join(UNPACKED, 'usr/bin/promtool') };
  if (works('prometheus') && works('promtool')) return { prometheus: 'prometheus', promtool: 'promtool' };
  if (existsSync(unpacked.prometheus)) return unpacked;
  const isOurs = process.env['CI'] !== undefined || process.getuid?.() === 0;
  if (!isOurs || !works('apt-get')) return 'prometheus is not installed (Debian: apt-get install prometheus)';
  try {
    unpack();
    return unpacked;
  } catch (error) {
    return `prometheus is not installed, and its package cannot be had: ${(error as Error).message}`;
  }
}

const works = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

function unpack(): void {
  mkdirSync(join(ROOT, '.tools'), { recursive: true });
  const directory = mkdtempSync(join(ROOT, '.tools/prometheus-'));
  try {
    const download = () => spawnSync('apt-get', ['download', 'prometheus'], { cwd: directory, encoding: 'utf8' });
    if (download().status !== 0) {
      // An image may come without lists of packages.
      spawnSync('apt-get', ['update'], { stdio: 'ignore' });
      const { status, stderr } = download();
      if (status !== 0) throw new Error(stderr.trim());
    }
    const [file = ''] = readdirSync(directory);
    execFileSync('dpkg-deb', ['--extract', join(directory, file), join(directory, 'root')]);
    renameSync(join(directory, 'root'), UNPACKED);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface Prometheus {
  /** What an instant query finds now. */
  query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>;
  get(path: string): Promise<unknown>;
}

/** Starts it with this configuration (JSON is YAML), and ends it with the test. */
export async function startPrometheus({ prometheus }: Programs, configuration: object): Promise<Prometheus> {
  const directory = await temporaryDirectory('mcpo-prometheus');
  const file = join(directory, 'prometheus.yml');
  writeFileSync(file, JSON.stringify(configuration));
  const port = await freePort();
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${directory}/data`];
  const child = spawn(prometheus, [...args, `--web.listen-address=127.0.0.1:${port}`], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false, // it does not listen yet
    );
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}: ${log}`);
    await sleep(50);
  }
  const get = async (path: string) => {
    const answer = (await (await fetch(url + path)).json()) as { status: string; data: unknown; error?: string };
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`);
    return answer.data;
  };
  return {
    get,
    query: async (expression) => {
      const found = (await get(`/api/v1/query?query=${encodeURIComponent(expression)}`)) as { result: never };
      return found.result;
    },
  };
}
