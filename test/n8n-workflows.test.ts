import { describe, expect, it } from 'vitest';
import { exampleCredentials, type N8nNode, settingsOf, shippedWorkflows } from './support/n8n-files.ts';
import { ROUTES } from './support/openapi.ts';

/** What can be said of the n8n workflows without n8n. That they do what they say is tested with it: `npm run test:n8n`. */

const WORKFLOWS = Object.entries(shippedWorkflows());
const CREDENTIALS = exampleCredentials();
const TOLD_ELSEWHERE = ['n8n-nodes-base.slack', 'n8n-nodes-base.emailSend'];
const UNCONNECTED = 'n8n-nodes-base.stickyNote';

/** Methods and routes of ours that a node asks for, with what stands in for a path parameter as `{}`. */
function askedBy({ type, parameters }: N8nNode): string[] {
  const url = String(parameters['url'] ?? '');
  if (type !== 'n8n-nodes-base.httpRequest' || !url.includes('orchestration_url')) return [];
  const path = url.replace(/^=\{\{.*?orchestration_url \}\}/, '').replaceAll(/\{\{.*?\}\}/g, '{}');
  // A path parameter fills a whole step; what follows one in the same step is a query.
  return [`${parameters['method']} ${path.replaceAll('{}{}', '{}')}`];
}

describe('the n8n workflows', () => {
  it('are those of the guide', () => {
    expect(WORKFLOWS.map(([file]) => file)).toEqual([
      'drift-detection.json',
      'onboarding.json',
      'react-to-release.json',
      'scheduled-deployment.json',
      'second-mcp-server.json',
      'validate-and-publish.json',
    ]);
  });

  it('have ids that stay, each of them once', () => {
    expect(WORKFLOWS.map(([, { id }]) => id)).toEqual([
      'mcporchDrift0001',
      'mcporchOnboard01',
      'mcporchReact0001',
      'mcporchDeploy001',
      'mcporchSecond001',
      'mcporchPublish01',
    ]);
    const ids = WORKFLOWS.flatMap(([, { nodes }]) => nodes.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('name credentials that are in the example, and the example has no other', () => {
    const known = CREDENTIALS.map(({ id, name, type }) => `${type} ${id} ${name}`);
    const used = WORKFLOWS.flatMap(([, { nodes }]) =>
      nodes.flatMap(({ credentials = {} }) =>
        Object.entries(credentials).map(([type, { id, name }]) => `${type} ${id} ${name}`),
      ),
    );
    expect([...new Set(used)].toSorted()).toEqual(known.toSorted());
  });

  it('hold no secret, and neither does the example: what is to be filled in says so', () => {
    const values = CREDENTIALS.flatMap(({ data }) =>
      ['token', 'value', 'hmacSecret'].flatMap((field) => data[field] ?? []),
    );
    expect(values).toHaveLength(CREDENTIALS.length);
    expect(values.filter((value) => !value.startsWith('REPLACE: '))).toEqual([]);
    const words = /bearer [\w-]{8}|mcpo_|whsec_|xox[a-z]-|"(token|password|hmacSecret)":/i;
    expect(WORKFLOWS.filter(([, workflow]) => words.test(JSON.stringify(workflow))).map(([file]) => file)).toEqual([]);
  });
});

describe.each(WORKFLOWS)('%s', (_file, workflow) => {
  const { nodes, connections } = workflow;

  it('begins with a trigger by hand, and then with the one place for what is yours', () => {
    expect(nodes[0]).toMatchObject({ name: 'Run now', type: 'n8n-nodes-base.manualTrigger' });
    expect(connections['Run now']?.['main']).toEqual([[{ node: 'Settings', type: 'main', index: 0 }]]);
    const elsewhere = nodes.filter(
      ({ name, type, parameters }) =>
        name !== 'Settings' && type !== UNCONNECTED && /https?:\/\//.test(JSON.stringify(parameters)),
    );
    expect(elsewhere.map(({ name }) => name)).toEqual([]);
    expect(settingsOf(workflow).map(({ name }) => name)).toContainEqual(expect.stringMatching(/_url$/));
  });

  it('connects nodes that exist, and leaves none alone', () => {
    const names = nodes.filter(({ type }) => type !== UNCONNECTED).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const ends = Object.values(connections).flatMap((outputs) => Object.values(outputs).flat(2));
    const connected = new Set([...Object.keys(connections), ...ends.map(({ node }) => node)]);
    expect([...connected].toSorted()).toEqual(names.toSorted());
  });

  it('speaks of nodes that exist', () => {
    const names = nodes.map(({ name }) => name);
    const spokenOf = [...JSON.stringify(nodes).matchAll(/\$\('([^']+)'\)/g)].map(([, name]) => name ?? '');
    expect([...new Set(spokenOf)].filter((name) => !names.includes(name))).toEqual([]);
  });

  it('asks only for routes that the server has, and every POST can be repeated', () => {
    const known = ROUTES.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`);
    expect(nodes.flatMap(askedBy).filter((asked) => !known.includes(asked))).toEqual([]);
    const posts = nodes.filter((node) => askedBy(node).some((asked) => asked.startsWith('POST')));
    expect(posts.filter(({ parameters }) => !JSON.stringify(parameters).includes('Idempotency-Key'))).toEqual([]);
  });

  it('goes on after a failed request or tool, so that somebody is told', () => {
    const calls = nodes.filter((node) => askedBy(node).length > 0 || node.type.endsWith('.mcpClient'));
    const silent = calls.filter(({ name, onError }) => name !== 'Try the tool' && !onError?.startsWith('continue'));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  it('has Slack and mail ready, and switched off', () => {
    const ready = nodes.filter(({ type }) => TOLD_ELSEWHERE.includes(type));
    expect(ready.map(({ disabled }) => disabled)).toEqual(settingsTell(workflow) ? [true, true] : []);
  });

  it('can be read on the canvas: notes say what to do, and nothing lies on anything else', () => {
    const notes = nodes.filter(({ type }) => type === UNCONNECTED);
    const first = notes.find(({ name }) => name === 'What this does');
    expect(first?.parameters['content']).toMatch(/^# .+\n.*credential/s);
    const overlaps = nodes.flatMap((one, at) =>
      nodes.slice(at + 1).flatMap((other) => (overlap(one, other) ? `${one.name} and ${other.name}` : [])),
    );
    expect(overlaps).toEqual([]);
  });
});

const NODE_SIZE = 96;
/** Under a node stands its name. */
const NAME_HEIGHT = 24;

function overlap(one: N8nNode, other: N8nNode): boolean {
  const [a, b] = [boxOf(one), boxOf(other)];
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function boxOf({
  position: [left, top],
  parameters: { width = NODE_SIZE, height = NODE_SIZE + NAME_HEIGHT },
}: N8nNode) {
  return { left, top, right: left + Number(width), bottom: top + Number(height) };
}

/** Whether a workflow tells anybody anything. */
function settingsTell(workflow: (typeof WORKFLOWS)[number][1]): boolean {
  return settingsOf(workflow).some(({ name }) => name === 'notify_url');
}
