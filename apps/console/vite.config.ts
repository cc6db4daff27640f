import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `npm run dev` sends API calls: a running control plane, or the fixture server of e2e/. */
const api = process.env['VERGE_URL'] ?? 'http://127.0.0.1:7400';

export default defineConfig(({ command }) => {
  // A test runner that builds the console has an environment of its own; what is built is for production all the same.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  return {
    plugins: [react()],
    // Workspace packages are bundled from their sources, so that the console builds without building them first.
    resolve: { conditions: ['verge-source', 'module', 'browser', 'development|production'] },
    worker: { format: 'es' },
    server: { proxy: { '/api': { target: api } } },
    build: {
      target: 'es2022',
      sourcemap: false,
      // One style sheet: a page's code can be asked for again when it failed to load, a style sheet cannot.
      cssCodeSplit: false,
      chunkSizeWarningLimit: 900,
      rolldownOptions: {
        output: {
          codeSplitting: {
            groups: [
              {
                name: 'charts',
                test: /node_modules[\\/](recharts|d3-|victory-vendor|@mantine[\\/]charts|@reduxjs|react-redux)/,
              },
              { name: 'mantine', test: /node_modules[\\/]@mantine[\\/](core|hooks|modals|notifications|form|store)/ },
              { name: 'react', test: /node_modules[\\/](react|react-dom|react-router|scheduler|@tanstack)[\\/]/ },
            ],
          },
        },
      },
    },
  };
});
