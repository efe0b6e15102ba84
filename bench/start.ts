import { interleave, rowOf, timed } from './figures.ts';
import type { Measurement } from './measurement.ts';
import { BIN, cliJson, inSandbox, runToEnd } from './sandbox.ts';

/** How long a short command takes from its start to its end, on a data directory that is there already. */
export const start: Measurement = {
  name: 'start',
  run: ({ starts: rounds, warmups }) =>
    inSandbox(async (sandbox) => {
      cliJson(sandbox, 'initialize-keys');
      const node = (...args: string[]) => timed(() => runToEnd(process.execPath, args, sandbox));
      const { bare, help, servers } = await interleave(
        { rounds, warmups },
        {
          bare: () => node('-e', '0'),
          help: () => node(BIN, '--help'),
          servers: () => node(BIN, 'list-servers', '--json'),
        },
      );
      const against = { unit: 'ms', bare: { what: 'node -e 0', samples: bare }, as: 'times' } as const;
      return [
        rowOf({ ...against, what: 'start: --help', ours: help, budget: { of: 'comparison', limit: 1.8 } }),
        rowOf({
          ...against,
          what: 'start: list-servers --json',
          ours: servers,
          budget: { of: 'comparison', limit: 3 },
        }),
      ];
    }),
};
