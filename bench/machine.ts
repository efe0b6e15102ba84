import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';

/** What the figures depend on. */
export interface MachineFacts {
  date: string;
  node: string;
  system: string;
  cores: number;
  processor: string;
  memory_gib: number;
  /** Where the files and databases of the run lie: on one that is in memory, being durable costs nothing. */
  file_system: string;
  /** Of the last minute, when the run began: more than a little is the work of others. */
  load: number;
}

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs (in memory: durability costs nothing here)',
  2435016766: 'btrfs',
  1481003842: 'xfs',
  2035054128: 'overlay',
};

export function machineFacts(): MachineFacts {
  const kind = statfsSync(tmpdir()).type;
  const processors = cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    system: `${type()} ${release()}`,
    cores: processors.length,
    processor: processors[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round(totalmem() / 2 ** 30),
    file_system: FILE_SYSTEMS[kind] ?? `0x${kind.toString(16)}`,
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

export const factsText = (facts: MachineFacts): string =>
  `${facts.date}, Node ${facts.node}, ${facts.system}, ${facts.cores} cores (${facts.processor}), ${facts.memory_gib} GiB, ${facts.file_system}, load ${facts.load} at the beginning`;
