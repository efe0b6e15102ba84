import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { markdownFiles, ROOT, shellBlocks } from './markdown.ts';
import { newReader, scriptOf } from './shell.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
/** Documents beside tests speak of the files there, which have tests of their own. */
const documents = markdownFiles().filter((path) => !path.startsWith('test/') && shellBlocks(read(path)).length > 0);

describe('commands in the documentation', () => {
  it('are found in the documents that have them', () => {
    expect(documents).toEqual([
      'CONTRIBUTING.md',
      'README.md',
      'user-docs/explanation/secrets-and-references.md',
      'user-docs/explanation/writer.md',
      'user-docs/how-to/add-a-client.md',
      'user-docs/how-to/add-servers-to-the-catalog.md',
      'user-docs/how-to/authenticate-http-api.md',
      'user-docs/how-to/automate-with-n8n.md',
      'user-docs/how-to/back-up-and-restore.md',
      'user-docs/how-to/configure-several-clients.md',
      'user-docs/how-to/deploy-http-server.md',
      'user-docs/how-to/go-back.md',
      'user-docs/how-to/import-what-you-have.md',
      'user-docs/how-to/migrate-stdio-to-http.md',
      'user-docs/how-to/monitor-with-prometheus.md',
      'user-docs/how-to/operate.md',
      'user-docs/how-to/pull-on-another-machine.md',
      'user-docs/how-to/receive-webhooks.md',
      'user-docs/how-to/shell-completion.md',
      'user-docs/how-to/store-secrets.md',
      'user-docs/how-to/use-from-an-ai-client.md',
      'user-docs/how-to/use-in-ci.md',
      'user-docs/how-to/use-the-http-api.md',
      'user-docs/how-to/use-the-sdk.md',
      'user-docs/how-to/use-with-a-gateway.md',
      'user-docs/how-to/verify-a-signature.md',
      'user-docs/how-to/watch-for-drift.md',
      'user-docs/tutorials/first-configuration.md',
    ]);
  });

  it('are left out only with a reason, and only where they install the checkout or other programs', () => {
    const left = documents.flatMap((path) => shellBlocks(read(path)).filter(({ not_run }) => not_run !== undefined));
    expect(left.map(({ text }) => text)).toEqual([
      'npm ci',
      'npm ci && npm start',
      'npm ci && npm test',
      'npm run compare:writers',
    ]);
  });

  it.each(documents)(
    'of %s work in an empty home directory, in order, and leave nothing lying about',
    { timeout: 120_000 },
    async (path) => {
      const reader = newReader();
      try {
        const { code, output } = await reader.run(scriptOf(shellBlocks(read(path))));
        expect(code, output).toBe(0);
        expect(reader.litter()).toEqual([]);
      } finally {
        reader.leave();
      }
    },
  );

  it('stop at the first one that fails, so that a broken command is seen', async () => {
    const reader = newReader();
    try {
      const markdown = '```sh\nmcp-orchestration no-such-verb\n```\n\n```sh\necho reached\n```\n';
      const { code, output } = await reader.run(scriptOf(shellBlocks(markdown)));
      expect(code).toBe(2);
      expect(output).not.toContain('reached');
    } finally {
      reader.leave();
    }
  });

  it('that must be refused are noticed when they are not', async () => {
    const reader = newReader();
    try {
      const { code } = await reader.run(scriptOf(shellBlocks('<!-- exits 6 -->\n```sh\ntrue\n```\n')));
      expect(code).not.toBe(0);
    } finally {
      reader.leave();
    }
  });
});
