import { expect, it } from 'vitest';
import type { WorkspaceRow } from '../../src/stores/rows.ts';
import type { Store } from '../../src/stores/store.ts';
import { ODD, T0, T1 } from './store-rows.ts';

const row = (workspace: string, more: Partial<WorkspaceRow> = {}): WorkspaceRow => ({
  workspace,
  display_name: workspace,
  created_at: T0,
  ...more,
});
const standard = row('default', { display_name: 'Default', created_at: null });

export function workspaceCases(store: () => Store): void {
  it('has the default one before anybody made one', async () => {
    expect(await store().workspaces.get('default')).toStrictEqual(standard);
    expect(await store().workspaces.list({ limit: 5 })).toStrictEqual({ rows: [standard], next_cursor: null });
  });

  it('makes each once, and changes nothing of one that is there', async () => {
    const odd = row('team', { display_name: ODD });
    expect(await store().workspaces.create(odd)).toBe(true);
    expect(await store().workspaces.create(row('team', { created_at: T1 }))).toBe(false);
    expect(await store().workspaces.create(row('default'))).toBe(false);
    expect(await store().workspaces.get('team')).toStrictEqual(odd);
    expect(await store().workspaces.get('default')).toStrictEqual(standard);
    expect(await store().workspaces.get('other')).toBeUndefined();
  });

  it('pages newest first by insertion, although the clock went back', async () => {
    for (const [name, created_at] of Object.entries({ b: T1, a: T0 }))
      await store().workspaces.create(row(name, { created_at }));
    const first = await store().workspaces.list({ limit: 2 });
    expect(first.rows.map(({ workspace }) => workspace)).toEqual(['a', 'b']);
    const rest = await store().workspaces.list({ limit: 2, cursor: first.next_cursor ?? 'none' });
    expect(rest).toStrictEqual({ rows: [standard], next_cursor: null });
  });
}
