import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { unpackedPackage } from './debian.ts';
import { freePort } from './listen.ts';
import { temporaryDirectory } from './workspace.ts';

export interface Programs {
  prometheus: string;
  promtool: string;
}

/** Prometheus as it is installed, else as Debian has it; a string says why there is none. */
export function findPrometheus(): Programs | string {
  if (works('prometheus') && works('promtool')) return { prometheus: 'prometheus', promtool: 'promtool' };
  const unpacked = unpackedPackage('prometheus');
  if (!isAbsolute(unpacked)) return unpacked;
  return { prometheus: join(unpacked, 'usr/bin/prometheus'), promtool: join(unpacked, 'usr/bin/promtool') };
}

const works = (program: string): boolean => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;

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
