import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENTS } from '../src/clients/index.ts';
import { interleave, type Row, rowOf, timed } from './figures.ts';
import type { Effort, Measurement } from './measurement.ts';
import { expectStatus, type Product, typicalPayload, withProduct } from './product.ts';
import { readAndParse, replaceDurably } from './raw-disk.ts';
import { inSandbox, ROOT, type Sandbox } from './sandbox.ts';

const SAMPLE = join(ROOT, 'test/fixtures/client-samples/claude-code.json');
const CLIENT = { client_id: 'claude-code' };
const LARGE_BYTES = 5_000_000;

/** The sample with the history of many projects, as years of use leave it in `~/.claude.json`. */
function largeFile(): string {
  const sample = JSON.parse(readFileSync(SAMPLE, 'utf8'));
  const history = Array.from({ length: 20 }, (_, at) => ({
    display: `question ${at} of that day`,
    pastedContents: {},
  }));
  const project = { allowedTools: ['Bash(git diff:*)'], history, mcpServers: {}, hasTrustDialogAccepted: true };
  const text = () => `${JSON.stringify(sample, null, 2)}\n`;
  const bare = text().length;
  const add = (at: number) => {
    sample.projects[`/home/dev/project-${String(at).padStart(6, '0')}`] = project;
  };
  add(0);
  const count = Math.ceil((LARGE_BYTES - bare) / (text().length - bare));
  for (let at = 1; at < count; at += 1) add(at);
  return text();
}

const publishNew = async ({ call }: Product, client_id: string) =>
  expectStatus(await call('releases.publish', { client_id, payload: typicalPayload() }), 'published');

/** Planning and deploying a changed release into one file, beside the least that reading and replacing it takes. */
async function onFile({ home }: Sandbox, product: Product, text: string, effort: { rounds: number; warmups: number }) {
  const path = join(home, '.claude.json');
  const copy = join(home, 'bare.json');
  writeFileSync(path, text);
  await publishNew(product, CLIENT.client_id);
  expectStatus(await product.call('deployments.deploy', CLIENT), 'deployed');
  const bytes = readFileSync(path);
  writeFileSync(copy, bytes);
  const deploy = async (status: string, input: object) => {
    await publishNew(product, CLIENT.client_id);
    return timed(async () => expectStatus(await product.call('deployments.deploy', { ...CLIENT, ...input }), status));
  };
  return interleave(effort, {
    read: () => timed(() => readAndParse(copy)),
    replace: () => timed(() => replaceDurably(copy, bytes)),
    both: () =>
      timed(() => {
        readAndParse(copy);
        replaceDurably(copy, bytes);
      }),
    plan: () => deploy('planned', { dry_run: true }),
    deploy: () => deploy('deployed', {}),
  });
}

interface Case {
  file: string;
  text: string;
  rounds: number;
  warmups: number;
}

async function rowsOf(sandbox: Sandbox, { file, text, ...effort }: Case): Promise<Row[]> {
  const samples = await withProduct(sandbox, (product) => onFile(sandbox, product, text, effort));
  const { read, replace, both, plan, deploy } = samples;
  const times = { unit: 'ms', as: 'times' } as const;
  return [
    rowOf({ ...times, what: `plan: ${file}`, bare: { what: 'read, parse', samples: read }, ours: plan }),
    rowOf({
      ...times,
      what: `deploy: ${file}`,
      bare: { what: 'durable replace', samples: replace },
      ours: deploy,
      budget: { of: 'comparison', limit: 3 },
    }),
    rowOf({
      ...times,
      what: `deploy: ${file}`,
      bare: { what: 'read, parse, durable replace', samples: both },
      ours: deploy,
    }),
  ];
}

/** Every writable client that has a file of its own here, with a release deployed and the next one published. */
async function preparedClients(product: Product): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const { client_id, dialect } of CLIENTS) {
    if (dialect === null) continue;
    await publishNew(product, client_id);
    const answer = await product.call('deployments.deployAll', { clients: [client_id] });
    const [outcome] = answer['deployments'] as { status: string; result: { config_path: string } | null }[];
    // Some take only a file that is named, or have a format without codec yet: the row says how many there were.
    if (outcome?.status !== 'deployed' || outcome.result === null) continue;
    paths.set(client_id, outcome.result.config_path);
    await publishNew(product, client_id);
  }
  return paths;
}

async function planAll(sandbox: Sandbox, { calls: rounds, warmups }: Effort): Promise<Row> {
  return withProduct(sandbox, async (product) => {
    const paths = await preparedClients(product);
    const input = { clients: [...paths.keys()], dry_run: true };
    const { bare, ours } = await interleave(
      { rounds, warmups },
      {
        bare: () => timed(() => [...paths.values()].map((path) => readFileSync(path, 'utf8'))),
        ours: () =>
          timed(async () => {
            const answer = await product.call('deployments.deployAll', input);
            const planned = (answer['deployments'] as { status: string }[]).filter(
              ({ status }) => status === 'planned',
            );
            if (planned.length !== paths.size)
              throw new Error(`planned for ${planned.length} of ${paths.size} clients`);
          }),
      },
    );
    const writable = CLIENTS.filter(({ dialect }) => dialect !== null).length;
    return rowOf({
      what: 'plan: all writable clients',
      unit: 'ms',
      as: 'times',
      bare: { what: `read their files (${paths.size} of ${writable})`, samples: bare },
      ours,
      budget: { of: 'ours', limit: 150 },
    });
  });
}

export const deploy: Measurement = {
  name: 'deploy',
  async run(effort) {
    const { calls, large_calls, warmups } = effort;
    const small = { file: 'small file', text: readFileSync(SAMPLE, 'utf8'), rounds: calls, warmups };
    const large = { file: 'file of 5 MB', text: largeFile(), rounds: large_calls, warmups };
    return [
      ...(await inSandbox((sandbox) => rowsOf(sandbox, small))),
      ...(await inSandbox((sandbox) => rowsOf(sandbox, large))),
      await inSandbox((sandbox) => planAll(sandbox, effort)),
    ];
  },
};
