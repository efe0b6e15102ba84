import { defineConfig } from 'rolldown';

/**
 * The command line is one bundle, because Node spends most of a short call on finding and reading hundreds of small
 * files. What only the servers need stays outside: it is loaded when one is started.
 */
const OUTSIDE = /^(node:|@fastify\/|@scalar\/|@modelcontextprotocol\/|fastify$|pino$|close-with-grace$|zod-openapi$)/;

export default defineConfig({
  input: { bin: 'src/main/bin.ts' },
  platform: 'node',
  resolve: { mainFields: ['module', 'main'] },
  external: OUTSIDE,
  output: {
    dir: 'dist',
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
  },
});
