import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './workspace.ts';

export interface N8nNode {
  id: string;
  name: string;
  type: string;
  position: [number, number];
  parameters: Record<string, unknown>;
  disabled?: boolean;
  onError?: string;
  credentials?: Record<string, { id: string; name: string }>;
}

export interface N8nWorkflow {
  id: string;
  name: string;
  nodes: N8nNode[];
  connections: Record<string, Record<string, { node: string }[][]>>;
}

export interface N8nCredential {
  id: string;
  name: string;
  type: string;
  data: Record<string, string>;
}

export interface Assignment {
  name: string;
  value: unknown;
}

const FOLDER = join(ROOT, 'integrations/n8n');
const read = (path: string) => JSON.parse(readFileSync(join(FOLDER, path), 'utf8'));

/** The workflows as they are shipped, by the name of their file. Each call reads them anew. */
export const shippedWorkflows = (): Record<string, N8nWorkflow> =>
  Object.fromEntries(readdirSync(join(FOLDER, 'workflows')).map((file) => [file, read(`workflows/${file}`)]));

export const exampleCredentials = (): N8nCredential[] => read('credentials.example.json');

/** The fields of the one node in which a person says what is theirs. */
export function settingsOf({ nodes }: N8nWorkflow): Assignment[] {
  const settings = nodes.find(({ name }) => name === 'Settings')?.parameters['assignments'];
  return (settings as { assignments: Assignment[] } | undefined)?.assignments ?? [];
}
