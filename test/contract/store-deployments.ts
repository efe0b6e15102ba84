import { expect, it } from 'vitest';
import type { DeploymentRow, LinkRow } from '../../src/stores/rows.ts';
import type { Store } from '../../src/stores/store.ts';
import { deployment, link, ODD, OTHER, T0, T1, W } from './store-rows.ts';

export function deploymentCases(store: () => Store): void {
  const FILE = { config_path: '/home/a/.cursor/mcp.json', target_path: '/home/a/.cursor/mcp.json' };
  const settle = async (row: DeploymentRow) => {
    await store().deployments.insert(W, row);
    await store().deployments.setStatus(W, row.deployment_id, 'done');
  };

  it('shows an intent as unsettled, and as current only when it is done', async () => {
    const row = deployment('d1', { pinned: true, before_sha256: 'x', backup_path: '/b', ledger: [null, 1, ODD] });
    await store().deployments.insert(W, row);
    expect(await store().deployments.unsettled(W, 'm1')).toStrictEqual([row]);
    expect(await store().deployments.current(W, 'm1', FILE, '/mcpServers')).toBeUndefined();
    await store().deployments.setStatus(W, 'd1', 'done');
    expect(await store().deployments.unsettled(W, 'm1')).toEqual([]);
    const done = { ...row, status: 'done' };
    expect(await store().deployments.current(W, 'm1', FILE, '/mcpServers')).toStrictEqual(done);
    expect(await store().deployments.latestOf(W, 'm1', 'cursor', 'dev')).toStrictEqual(done);
  });

  it('takes the newest by insertion into a file, of whichever profile, and falls back when it is undone', async () => {
    await settle(deployment('d2', { deployed_at: T1 }));
    await settle(deployment('d1', { profile_id: 'prod', deployed_at: T0 }));
    await settle(deployment('d3', { pointer: '/servers' }));
    await settle(deployment('d4', { config_path: '/elsewhere', target_path: '/elsewhere' }));
    await settle(deployment('d5', { machine_id: 'm2' }));
    const current = async () => (await store().deployments.current(W, 'm1', FILE, '/mcpServers'))?.deployment_id;
    expect(await current()).toBe('d1');
    expect((await store().deployments.latestOf(W, 'm1', 'cursor', 'dev'))?.deployment_id).toBe('d4');
    await store().deployments.setStatus(W, 'd1', 'undone');
    expect(await current()).toBe('d2');
    await store().deployments.setStatus(W, 'd2', 'abandoned');
    expect(await current()).toBeUndefined();
  });

  it('finds the owner of a file by the path it was deployed to and by the file that a link leads to', async () => {
    await settle(deployment('d1', { config_path: '/link', target_path: '/dotfiles/mcp.json' }));
    const owner = async (config_path: string, target_path: string) =>
      (await store().deployments.current(W, 'm1', { config_path, target_path }, '/mcpServers'))?.deployment_id;
    expect(await owner('/other-link', '/dotfiles/mcp.json')).toBe('d1');
    expect(await owner('/link', '/moved/mcp.json')).toBe('d1');
    expect(await owner('/other-link', '/moved/mcp.json')).toBeUndefined();
  });

  it('lists unsettled deployments of one machine, oldest first', async () => {
    for (const id of ['z', 'm', 'a']) await store().deployments.insert(W, deployment(id, { ledger: null }));
    await store().deployments.insert(W, deployment('other', { machine_id: 'm2' }));
    expect((await store().deployments.unsettled(W, 'm1')).map((row) => row.deployment_id)).toEqual(['z', 'm', 'a']);
    expect((await store().deployments.unsettled(W, 'm1'))[0]?.ledger).toBeNull();
  });

  it('gives one by its id, with every field', async () => {
    const row = deployment('d1', { project: '/srv/app', explicit_path: true, previous_deployment_id: 'd0' });
    await store().deployments.insert(W, row);
    expect(await store().deployments.get(W, 'd1')).toStrictEqual(row);
    expect(await store().deployments.get(W, 'd2')).toBeUndefined();
    expect(await store().deployments.get(OTHER, 'd1')).toBeUndefined();
  });

  it('lists finished and undone ones of a machine, newest first, in pages', async () => {
    for (const id of ['d1', 'd2', 'd3']) await settle(deployment(id));
    await settle(deployment('d4', { profile_id: 'prod' }));
    await settle(deployment('d5', { client_id: 'zed' }));
    await settle(deployment('d6', { machine_id: 'm2' }));
    for (const status of ['abandoned', 'closed'] as const) {
      await store().deployments.insert(W, deployment(status));
      await store().deployments.setStatus(W, status, status);
    }
    await store().deployments.insert(W, deployment('open'));
    await store().deployments.setStatus(W, 'd2', 'undone');
    const list = async (of: { client_id?: string; profile_id?: string }, cursor?: string) => {
      const { rows, next_cursor } = await store().deployments.list(W, 'm1', of, { limit: 2, cursor });
      return { ids: rows.map((row) => `${row.deployment_id} ${row.status}`), next_cursor };
    };
    const first = await list({ client_id: 'cursor', profile_id: 'dev' });
    expect(first.ids).toEqual(['d3 done', 'd2 undone']);
    expect(await list({ client_id: 'cursor', profile_id: 'dev' }, first.next_cursor ?? '')).toEqual({
      ids: ['d1 done'],
      next_cursor: null,
    });
    expect((await list({ client_id: 'cursor' })).ids).toEqual(['d4 done', 'd3 done']);
    expect((await list({})).ids).toEqual(['d5 done', 'd4 done']);
    await expect(list({}, 'made-up')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('gives the one in force of every file and pointer, also when a link leads elsewhere since', async () => {
    await settle(deployment('old'));
    await settle(deployment('new'));
    await settle(deployment('pointer', { pointer: '/servers' }));
    await settle(deployment('linked', { client_id: 'a', config_path: '/link', target_path: '/first' }));
    await settle(deployment('moved', { client_id: 'a', config_path: '/link', target_path: '/second' }));
    await settle(deployment('same file', { client_id: 'b', config_path: '/other-link', target_path: '/second' }));
    await settle(deployment('elsewhere', { machine_id: 'm2' }));
    const currents = async () => (await store().deployments.currents(W, 'm1')).map((row) => row.deployment_id);
    expect(await currents()).toEqual(['same file', 'new', 'pointer']);
    const inFile = await store().deployments.currents(W, 'm1', FILE);
    expect(inFile.map((row) => row.deployment_id)).toEqual(['new', 'pointer']);
    await store().deployments.setStatus(W, 'new', 'undone');
    expect(await currents()).toEqual(['same file', 'old', 'pointer']);
  });

  it('lists all that name a backup, whatever became of them', async () => {
    await settle(deployment('d1', { backup_path: '/b/1' }));
    await settle(deployment('d2'));
    await store().deployments.insert(W, deployment('d3', { backup_path: '/b/3' }));
    await store().deployments.setStatus(W, 'd3', 'closed');
    await settle(deployment('d4', { backup_path: '/b/4', machine_id: 'm2' }));
    const backedUp = await store().deployments.backedUp(W, 'm1');
    expect(backedUp.map((row) => [row.backup_path, row.status])).toEqual([
      ['/b/1', 'done'],
      ['/b/3', 'closed'],
    ]);
  });
}

export function linkCases(store: () => Store): void {
  it('keeps one link of a profile: a second takes the place of the first', async () => {
    expect(await store().links.get(W, 'codex', 'dev')).toBeUndefined();
    await store().links.put(W, link());
    expect(await store().links.get(W, 'codex', 'dev')).toStrictEqual(link());
    const other = link({ source_client_id: 'zed', created_at: T1 });
    await store().links.put(W, other);
    expect(await store().links.list(W)).toStrictEqual([other]);
    expect(await store().links.get(OTHER, 'codex', 'dev')).toBeUndefined();
  });

  it('finds the followers of a profile in the order of their ids, and none once the link is gone', async () => {
    await store().links.put(W, link({ client_id: 'zed' }));
    await store().links.put(W, link({ client_id: 'codex', profile_id: 'b' }));
    await store().links.put(W, link({ client_id: 'codex', profile_id: 'a' }));
    await store().links.put(W, link({ client_id: 'amp', source_profile_id: 'prod' }));
    const ids = (rows: LinkRow[]) => rows.map((row) => `${row.client_id}/${row.profile_id}`);
    expect(ids(await store().links.followers(W, 'cursor', 'dev'))).toEqual(['codex/a', 'codex/b', 'zed/dev']);
    expect(ids(await store().links.list(W, 'codex'))).toEqual(['codex/a', 'codex/b']);
    expect(ids(await store().links.list(W))).toEqual(['amp/dev', 'codex/a', 'codex/b', 'zed/dev']);
    expect(await store().links.remove(W, 'codex', 'a')).toBe(true);
    expect(await store().links.remove(W, 'codex', 'a')).toBe(false);
    expect(await store().links.remove(OTHER, 'zed', 'dev')).toBe(false);
    expect(ids(await store().links.followers(W, 'cursor', 'dev'))).toEqual(['codex/b', 'zed/dev']);
  });
}
