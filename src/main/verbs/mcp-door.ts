import type { McpOverHttp } from '../../adapters/mcp/http.ts';
import type { McpDoor } from '../../adapters/rest/mcp.ts';
import type { Operation } from '../../operations/operation.ts';
import { now } from '../compose.ts';

interface Offered {
  operations: readonly Operation[];
  version: string;
  toolsets: ReadonlySet<string>;
  /** Also HTTP+SSE of 2024-11-05. */
  legacy_sse: boolean;
}

/**
 * MCP for who asks for it. What speaks it comes with a validator and a schema library of its own, some 15 MiB: a server
 * whose callers use REST alone never loads it, and is ready the sooner.
 */
export function mcpDoor({ operations, legacy_sse, ...settings }: Offered): McpDoor {
  let opening: Promise<McpOverHttp> | undefined;
  let opened: McpOverHttp | undefined;
  const open = async () => {
    const { mcpOverHttp } = await import('../../adapters/mcp/http.ts');
    const { offerOf } = await import('../../adapters/mcp/mcp.ts');
    opened = mcpOverHttp(offerOf(operations, settings), { now, legacy_sse });
    return opened;
  };
  const door = () => {
    opening ??= open();
    return opening;
  };
  const sse: McpDoor['sse'] = {
    async open(asked, messages) {
      const { sse } = await door();
      if (sse === undefined) throw new Error('HTTP+SSE is switched off');
      return sse.open(asked, messages);
    },
    // Before it is open, nobody has a session.
    post: (id, asked) => opened?.sse?.post(id, asked),
  };
  return {
    ...(legacy_sse && { sse }),
    fetch: async (asked) => (await door()).fetch(asked),
    async manifest(at) {
      const { manifestOf } = await import('../../adapters/mcp/manifest.ts');
      return manifestOf(operations, settings, at, legacy_sse);
    },
    async close() {
      // One that could not be opened was told to who asked, and there is nothing to close.
      const mcp = await opening?.catch(() => undefined);
      await mcp?.close();
    },
  };
}
