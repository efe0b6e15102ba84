import * as artifacts from './artifacts.ts';
import * as backups from './backups.ts';
import { batchOf } from './batch.ts';
import * as capabilities from './capabilities.ts';
import * as changes from './changes.ts';
import * as clients from './clients.ts';
import * as comparison from './comparison.ts';
import * as deployAll from './deploy-all.ts';
import * as deployed from './deployed.ts';
import * as deployments from './deployments.ts';
import * as doctor from './doctor.ts';
import * as drafts from './drafts.ts';
import * as drift from './drift.ts';
import * as imports from './imports.ts';
import * as keys from './keys.ts';
import * as links from './links.ts';
import * as native from './native.ts';
import type { Operation } from './operation.ts';
import * as releases from './releases.ts';
import * as secrets from './secrets.ts';
import * as servers from './servers.ts';
import * as tokens from './tokens.ts';
import * as undo from './undo.ts';
import * as validation from './validation.ts';

const modules = [
  clients,
  servers,
  drafts,
  validation,
  changes,
  imports,
  releases,
  native,
  artifacts,
  links,
  comparison,
  deployments,
  deployAll,
  deployed,
  drift,
  undo,
  backups,
  doctor,
  keys,
  tokens,
  secrets,
  capabilities,
];

const isOperation = (value: unknown): value is Operation =>
  typeof value === 'object' && value !== null && 'id' in value && 'run' in value && 'permission' in value;

/** Whatever the modules above export as an operation. */
const single: readonly Operation[] = modules.flatMap((module) => Object.values(module).filter(isOperation));

/** Every operation of the product. */
export const OPERATIONS: readonly Operation[] = [...single, batchOf(single)];
