import { artifactId } from '../../core/artifact.ts';
import { AppError } from '../../core/errors.ts';
import { STANDARD_PROFILES } from '../../core/profiles.ts';
import { parseStrictJson } from '../../core/strict-json.ts';
import type { Tables } from '../sql/schema.ts';
import { type Look, targetOf, walk } from './walk.ts';

/** Every client has them without a row. */
const STANDARD = new Set(STANDARD_PROFILES.map(({ profile_id }) => profile_id));

/** What hangs on releases, and everything that stands for itself. */

export async function lookAtWorkspaces(look: Look & { workspaces: Set<string> }): Promise<void> {
  const rows = await look.db.selectFrom('workspaces').select('workspace').execute();
  for (const { workspace } of rows) look.workspaces.add(workspace);
  await walk(look, 'workspaces');
}

export async function lookAtOthers(look: Look): Promise<void> {
  const profiles = new Set<string>();
  await walk(look, 'profiles', (row) => void profiles.add(targetOf(row)));
  const isKnown = (row: Target) => STANDARD.has(row.profile_id) || profiles.has(targetOf(row));
  for (const [target] of look.releases.entries()) {
    const [workspace = '', client_id = '', profile_id = ''] = target.split('/');
    if (isKnown({ workspace, client_id, profile_id })) continue;
    look.found.add('PROFILE_UNKNOWN', 'releases', target, 'It has releases, and there is no such profile.');
  }
  await walk(look, 'clients');
  await walk(look, 'catalog', (row) => lookAtCatalog(look, row));
  await walk(look, 'drafts');
  await walk(look, 'pulls', (row) => {
    if (look.releases.of(targetOf(row))?.has(row.sequence)) return;
    look.found.add('PULL_WITHOUT_RELEASE', 'pulls', row, `Release ${row.sequence}, which was accepted, is not there.`);
  });
  await lookAtLinks(look, isKnown);
  await walk(look, 'tokens');
  await lookAtDeployments(look);
  await walk(look, 'idempotency', (row) => {
    if (row.body === null || row.status !== null) return;
    look.found.add('ROW_DAMAGED', 'idempotency', row, 'It has an answer that has no status.');
  });
  await lookAtWebhooks(look);
}

type Target = { workspace: string; client_id: string; profile_id: string };

function lookAtCatalog({ found }: Look, row: Tables['catalog']): void {
  try {
    if (artifactId(parseStrictJson(row.raw)) === row.raw_sha256) return;
    found.add('ROW_DAMAGED', 'catalog', row, 'The document has another digest than the one that was noted.');
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    found.add('ROW_DAMAGED', 'catalog', row, error.message);
  }
}

/** A source follows nobody, and is not pulled; both ends are profiles that are there. Links are few. */
async function lookAtLinks(look: Look, isKnown: (row: Target) => boolean): Promise<void> {
  const pulled = new Set((await look.db.selectFrom('pulls').selectAll().execute()).map(targetOf));
  const following = new Set((await look.db.selectFrom('links').selectAll().execute()).map(targetOf));
  await walk(look, 'links', (row) => {
    const { workspace, source_client_id: client_id, source_profile_id: profile_id } = row;
    const source = { workspace, client_id, profile_id };
    const faults = [
      [!isKnown(row), 'The profile that follows is not there.'],
      [!isKnown(source), 'The profile that it follows is not there.'],
      [following.has(targetOf(source)), 'The profile that it follows is itself, or follows another one.'],
      [pulled.has(targetOf(row)) || pulled.has(targetOf(source)), 'One of both is pulled from a server.'],
    ] as const;
    for (const [is, message] of faults) if (is) look.found.add('LINK_BROKEN', 'links', row, message);
  });
}

async function lookAtDeployments(look: Look): Promise<void> {
  let before = new Set<string>();
  await walk(
    look,
    'deployments',
    (row) => {
      if (!look.releases.of(targetOf(row))?.has(row.sequence)) {
        look.found.add('DEPLOYMENT_WITHOUT_RELEASE', 'deployments', row, `There is no release ${row.sequence}.`);
      }
      const { workspace, previous_deployment_id: previous } = row;
      if (previous === null || before.has(`${workspace}/${previous}`)) return;
      look.found.add('DEPLOYMENT_WITHOUT_PREVIOUS', 'deployments', row, `There is no deployment ${previous}.`);
    },
    async (rows) => {
      const wanted = rows.flatMap(({ previous_deployment_id }) => previous_deployment_id ?? []);
      before = new Set();
      if (wanted.length === 0) return;
      const there = await look.db
        .selectFrom('deployments')
        .select(['workspace', 'deployment_id'])
        .where('deployment_id', 'in', wanted)
        .execute();
      for (const { workspace, deployment_id } of there) before.add(`${workspace}/${deployment_id}`);
    },
  );
}

async function lookAtWebhooks(look: Look): Promise<void> {
  const webhooks = new Set<string>();
  await walk(look, 'webhooks', ({ workspace, webhook_id }) => void webhooks.add(`${workspace}/${webhook_id}`));
  await walk(look, 'deliveries', (row) => {
    if (!webhooks.has(`${row.workspace}/${row.webhook_id}`)) {
      look.found.add('DELIVERY_WITHOUT_WEBHOOK', 'deliveries', row, 'Its webhook is not there.');
    }
    if ((row.status === 'pending') !== (row.next_attempt_at !== null)) {
      look.found.add('ROW_DAMAGED', 'deliveries', row, 'Only one that is pending has a next attempt.');
    }
    const { number } = JSON.parse(row.event) as { number?: unknown };
    if (number !== row.number) look.found.add('ROW_DAMAGED', 'deliveries', row, 'It is of another event.');
  });
}
