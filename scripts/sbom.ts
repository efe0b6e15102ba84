import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The bill of materials of the package, as CycloneDX: what is installed with it, and what went into its bundle, which
 * for npm is only for development. Works in the current directory, where the bundle has been built.
 */
interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  properties?: { name: string; value: string }[];
}

interface Sbom {
  metadata: { component: Component };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

interface Locked {
  version?: string;
  dev?: boolean;
}

/** `name@version` of all that users get. */
function delivered(): Set<string> {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
  const installed = Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && !dev)
    .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`);
  return new Set([...installed, ...bundled()]);
}

function bundled(): string[] {
  const notices = readFileSync('dist/THIRD-PARTY-NOTICES.txt', 'utf8');
  return [...notices.matchAll(/^(\S+) (\d+\.\d+\.\d+\S*) \(.*\)$/gm)].map(([, name, version]) => `${name}@${version}`);
}

export function sbomOf(): Sbom {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const all = JSON.parse(execFileSync('npm', args, { encoding: 'utf8', maxBuffer: 100_000_000 })) as Sbom;
  const ours = delivered();
  const { component } = all.metadata;
  const components = all.components.filter(({ name, version }) => ours.has(`${name}@${version}`)).map(asDelivered);
  const refs = new Set([component['bom-ref'], ...components.map((one) => one['bom-ref'])]);
  return {
    ...all,
    // npm gives it the name of the directory.
    metadata: { ...all.metadata, component: { ...component, name: 'mcp-orchestration' } },
    components,
    dependencies: all.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
  };
}

/** What is in the bundle is not there for development only, whatever npm knows of it. */
function asDelivered({ properties = [], ...component }: Component): Component {
  return { ...component, properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development') };
}
