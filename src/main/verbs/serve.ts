import type { Command } from 'commander';
import type { LocalVerb } from '../../adapters/cli/cli.ts';
import { badFlag } from '../../adapters/cli/flags.ts';
import { compose } from '../compose.ts';
import { readConfig } from '../config.ts';
import { logAndTraces, observedBy } from '../telemetry/start.ts';
import { VERSION } from '../version.ts';

/** Every AI client of this machine starts such a server, and most of them wait all day: it looks rarely for changes. */
const BELL_MS = 250;

/** `serve`: MCP over stdio for the person at this machine, with all scopes or those of an agent. */
export const serve: LocalVerb = {
  verb: 'serve',
  summary: 'Serve MCP over stdio (also: no verb, when stdin is not a terminal)',
  declare(command: Command) {
    command
      .option('--toolsets <names>', 'comma list of toolsets to switch on besides core')
      .option('--kind <kind>', 'user (all that you may do) or agent (read, draft, validate, diff only)', 'user');
  },
  async run(terminal, options) {
    const { toolsets, kind } = options;
    if (kind !== 'user' && kind !== 'agent') throw badFlag('kind', 'say user or agent');
    const config = readConfig(terminal.env, { TOOLSETS: toolsets });
    const { log, tracing } = await logAndTraces(terminal.env, config);
    const observing = tracing && observedBy(tracing);
    const app = await compose({ config, env: terminal.env, log, bell_ms: BELL_MS, lasting: true, ...observing });
    const { OPERATIONS } = await import('../../operations/index.ts');
    const { offerOf } = await import('../../adapters/mcp/mcp.ts');
    const { serveMcpStdio } = await import('../../adapters/mcp/stdio.ts');
    // Being asked to stop is the end of the input: what was asked is answered first. A second signal ends at once.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => terminal.stdin.destroy());
    const offer = offerOf(OPERATIONS, { version: VERSION, toolsets: new Set(config.TOOLSETS) });
    await serveMcpStdio(offer, () => app.localContext('mcp', kind), terminal);
    await app.close();
    await tracing?.stop();
    return 0;
  },
};
