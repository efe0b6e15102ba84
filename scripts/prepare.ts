import { execFileSync } from 'node:child_process';
import { isBundleStale } from './stale.ts';

/** npm prepares the checkout at every `npx mcp-orchestration` too: what is there and up to date must stay where it is. */
if (isBundleStale()) execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
