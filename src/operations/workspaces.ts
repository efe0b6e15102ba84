import { z } from 'zod';
import { DEFAULT_WORKSPACE, isBound } from '../core/binding.ts';
import { AppError } from '../core/errors.ts';
import { Timestamp, WorkspaceId } from '../core/ids.ts';
import { assertNoSecretText } from '../core/secrets/detector.ts';
import type { WorkspaceRow } from '../stores/rows.ts';
import { type Context, defineOperation } from './operation.ts';
import { PageInput } from './shapes.ts';

/** Tenants: each has drafts, releases, profiles, tokens, events and webhooks of its own, and sees no other's. */

/**
 * The workspace that a call is about; without a name the caller's own. To whom another one is not theirs to know of, it
 * is not there: WORKSPACE_NOT_FOUND, the same for one that exists.
 */
export async function workspaceOf(context: Context, named: string | undefined): Promise<string> {
  const { store, workspace, principal } = context;
  if (named === undefined || named === workspace) return workspace;
  const governs = workspace === DEFAULT_WORKSPACE && principal.scopes.has('workspaces:admin');
  if (governs && !isBound(principal.binding) && (await store.workspaces.get(named))) return named;
  throw new AppError('WORKSPACE_NOT_FOUND', `There is no workspace "${named}".`, { workspace: named });
}

const Workspace = z.object({
  workspace: WorkspaceId,
  display_name: z.string(),
  created_at: Timestamp.nullable().meta({ description: 'Null for `default`, which was always there.' }),
});

export const createWorkspace = defineOperation({
  id: 'workspaces.create',
  summary: 'Create a workspace: a tenant of its own',
  description: 'It signs with the keys of this installation. Its first token: `generate-token --workspace`.',
  effect: 'write',
  input: z.strictObject({
    workspace: WorkspaceId,
    display_name: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: 'Its name for people; the id when left out.' }),
  }),
  example: { workspace: 'team-a', display_name: 'Team A' },
  output: Workspace,
  errors: ['WORKSPACE_ALREADY_EXISTS', 'SECRET_IN_CONFIG'],
  permission: { needs: 'workspaces:admin', agents: false, bound: 'never', installation: true },
  rest: { method: 'POST', path: '/v1/workspaces', statuses: [201] },
  mcp: { tool: 'create_workspace', toolset: 'governance' },
  cli: {
    verb: 'create-workspace',
    positional: ['workspace'],
    flags: { display_name: 'name' },
    text: ({ workspace }, style) => ({
      out: `${style.good('Created')} the workspace ${style.bold(workspace)}.`,
      note: `Its first token: mcp-orchestration generate-token --workspace ${workspace} --role admin`,
    }),
  },
  async run({ store, now }, { workspace, display_name = workspace }) {
    assertNoSecretText({ display_name });
    const row: WorkspaceRow = { workspace, display_name, created_at: now().toISOString() };
    if (await store.workspaces.create(row)) return row;
    throw new AppError('WORKSPACE_ALREADY_EXISTS', `There is a workspace "${workspace}" already.`, { workspace });
  },
});

export const listWorkspaces = defineOperation({
  id: 'workspaces.list',
  summary: 'List the workspaces that you may see, newest first',
  description: 'In `default` all of them, elsewhere your own.',
  effect: 'read',
  input: z.strictObject({ ...PageInput }),
  output: z.object({ workspaces: z.array(Workspace), next_cursor: z.string().nullable() }),
  errors: [],
  permission: { needs: 'workspaces:admin', agents: false, bound: 'never' },
  rest: { method: 'GET', path: '/v1/workspaces' },
  mcp: { tool: 'list_workspaces', toolset: 'governance' },
  cli: {
    verb: 'list-workspaces',
    text: ({ workspaces, next_cursor }, style) => ({
      out: style.table(
        ['workspace', 'name', 'made'],
        workspaces.map(({ workspace, display_name, created_at }) => [
          style.bold(workspace),
          display_name,
          created_at ?? '',
        ]),
      ),
      ...(next_cursor && { note: `More: mcp-orchestration list-workspaces --cursor ${next_cursor}` }),
    }),
  },
  async run({ store, workspace }, page) {
    if (workspace === DEFAULT_WORKSPACE) {
      const { rows, next_cursor } = await store.workspaces.list(page);
      return { workspaces: rows, next_cursor };
    }
    const own = await store.workspaces.get(workspace);
    return { workspaces: own ? [own] : [], next_cursor: null };
  },
});
