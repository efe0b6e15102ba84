import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { environmentOf, stagesOf } from '../support/dockerfile.ts';
import { cli } from '../support/process.ts';
import { testWorkspace } from '../support/workspace.ts';
import { ROOT } from './markdown.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const commands = [...read('user-docs/how-to/run-in-docker.md').matchAll(/^\$ (.+)$/gm)].map(
  ([, command = '']) => command,
);
/** What stands between Docker and the words that are for the program. */
const TO_THE_PROGRAM =
  /^docker (?:compose run --rm mcp-orchestration|compose exec mcp-orchestration mcp-orchestration|run --rm .* mcp-orchestration) /;

it('the words that the guide to Docker has for the program are understood by it, with the settings of the image', async () => {
  const workspace = await testWorkspace();
  const image = stagesOf(read('Dockerfile')).at(-1) ?? { image: '', name: '', instructions: [] };
  const { MCP_ORCHESTRATION_HOME: _inside, ...settings } = environmentOf(image);
  const env = { ...workspace.env, ...settings, MCP_ORCHESTRATION_HOME: workspace.data_dir };
  writeFileSync(join(workspace.home, 'payload.json'), '{"mcpServers": {"ours": {"command": "node", "args": ["one"]}}}');
  const ours = commands.filter((command) => TO_THE_PROGRAM.test(command));
  expect(ours).toHaveLength(4);
  for (const command of ours) {
    const words = command.replace(TO_THE_PROGRAM, '').replace('/payloads/', `${workspace.home}/`).split(' ');
    const { code, stderr } = await cli({ env, home: workspace.home }, ...words);
    expect(code, `${command}: ${stderr}`).toBe(0);
  }
});

it('the other commands of the guide to Docker name what there is', () => {
  const others = commands.filter((command) => !TO_THE_PROGRAM.test(command));
  expect(others).toEqual([
    'docker compose build',
    'docker compose up --detach --wait',
    'curl -sS --fail-with-body http://127.0.0.1:8000/readyz',
    'docker compose --file compose.yaml --file compose.n8n.yaml up --detach --wait',
    'docker compose stop',
    'docker compose cp mcp-orchestration:/var/lib/mcp-orchestration/data mcp-orchestration-backup',
    'docker compose start',
    'docker build --tag mcp-orchestration .',
    'docker run --detach --name mcp-orchestration --read-only --cap-drop ALL --security-opt no-new-privileges --volume mcp-orchestration:/var/lib/mcp-orchestration --publish 127.0.0.1:8000:8000 mcp-orchestration',
    'git pull',
    'docker compose build --pull',
    'docker compose up --detach --wait',
  ]);
  const files = others.flatMap((command) => [...command.matchAll(/--file (\S+)/g)].map(([, file = '']) => file));
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
