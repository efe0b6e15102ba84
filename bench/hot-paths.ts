import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectStatus, type Product, typicalPayload, withProduct } from './product.ts';
import { inSandbox, ROOT } from './sandbox.ts';

/** What is profiled: one call at a time of what has a budget, in this process. */

type Call = () => Promise<unknown>;
type Path = (profiled: (call: Call) => Promise<void>) => Promise<void>;

const CLIENT = { client_id: 'claude-code' };
const IN_FLIGHT = 8;

const publishOnce = async ({ call }: Product) =>
  expectStatus(await call('releases.publish', { ...CLIENT, payload: typicalPayload() }), 'published');

const publish: Path = (profiled) =>
  inSandbox((sandbox) => withProduct(sandbox, (product) => profiled(() => publishOnce(product))));

const publishTogether: Path = (profiled) =>
  inSandbox((sandbox) =>
    withProduct(sandbox, (product) =>
      profiled(() => Promise.all(Array.from({ length: IN_FLIGHT }, () => publishOnce(product)))),
    ),
  );

/** Two releases in turn, so that every call has something to write and nothing has to be published in between. */
const deploy: Path = (profiled) =>
  inSandbox((sandbox) =>
    withProduct(sandbox, async (product) => {
      const path = join(sandbox.home, '.claude.json');
      writeFileSync(path, readFileSync(join(ROOT, 'test/fixtures/client-samples/claude-code.json')));
      const artifacts = [await publishOnce(product), await publishOnce(product)];
      let calls = 0;
      await profiled(async () => {
        const artifact_id = artifacts[calls % 2]?.['artifact_id'];
        calls += 1;
        expectStatus(await product.call('deployments.deploy', { ...CLIENT, artifact_id }), 'deployed');
      });
    }),
  );

export const PATHS: Readonly<Record<string, Path>> = { publish, 'publish-together': publishTogether, deploy };
