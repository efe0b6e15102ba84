import { type App, compose } from '../../src/main/compose.ts';
import { readConfig } from '../../src/main/config.ts';
import { quietLog } from '../../src/main/log.ts';
import { callOn } from '../crash/invariants.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/** The product in this process, open on an empty home of its own with a signing key. */
export interface OpenHome extends Pick<Workspace, 'home' | 'env'> {
  app: App;
  /** Calls one operation by the name of its tool, as somebody at the command line. */
  call(tool: string, input?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function openHome(): Promise<OpenHome> {
  const { home, env, remove } = await makeWorkspace();
  const app = await compose({ config: readConfig(env), env, log: quietLog(() => undefined, false) });
  const call: OpenHome['call'] = (tool, input = {}) => callOn(app, tool, { ...input });
  await call('initialize_keys');
  const close = async () => {
    await app.close();
    await remove();
  };
  return { home, env, app, call, close };
}
