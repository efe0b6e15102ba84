import { defineConfig } from 'rolldown';

/** One bundle of our own code per entry, split where a verb loads something heavy; packages stay packages. */
export default defineConfig({
  input: { bin: 'src/main/bin.ts' },
  platform: 'node',
  external: (id) => !id.startsWith('.') && !id.startsWith('/'),
  output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', sourcemap: false },
});
