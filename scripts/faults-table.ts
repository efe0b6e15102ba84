import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Record } from '../test/faults/support/promise.ts';

/**
 * Makes docs/evidence/0.4.0-faults.md of coverage/faults.json: `node scripts/faults-table.ts [VERSION]`. For each promise
 * the run with the most rounds counts, and of several such ones the latest.
 */
const [version = '0.4.0'] = process.argv.slice(2);
const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const kept = new Map<string, Record>();
for (const line of readFileSync(at('coverage/faults.json'), 'utf8').trim().split('\n')) {
  const record = JSON.parse(line) as Record;
  if (record.rounds >= (kept.get(record.id)?.rounds ?? 0)) kept.set(record.id, record);
}
const cell = (text: string | number) => String(text).replaceAll('|', '\\|');
const rows = [...kept.values()]
  .toSorted((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)))
  .map(({ id, promise, asked, measured, rounds, command, seed, seconds, date, machine }) =>
    [`${id}: ${promise}`, asked, measured, rounds, `\`${command}\`, seed ${seed}, ${seconds} s`, date, machine].map(
      cell,
    ),
  );
const heads = ['promise', 'figure asked', 'figure measured', 'rounds', 'command', 'date', 'machine'];
const table = [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

writeFileSync(
  at(`docs/evidence/${version}-faults.md`),
  `# Promises under faults, ${version}

What each promise asks for, and what was measured. A row without \`FAULT_ROUNDS\` is the short form, which is part of CI and does fewer rounds than the promise asks for; \`FAULT_ROUNDS=long npm run test:faults\` does all of them. A run is done again with its seed: \`FAULT_SEED=N\`; kills and cuts come at the moments that it chooses, what the machine did in that moment it cannot bring back. What is meant by rounds stands in each test of \`test/faults\`.

${table}

A power cut is a copy of the file that holds the disk: what the kernel had not written is lost, what a disk keeps in a cache of its own is not.
`,
);
