/** `npm run fixture -w @verge/console`: the built console over invented data, at http://127.0.0.1:7480. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const vite = await createServer({
  root: join(here, '..'),
  configFile: false,
  server: { middlewareMode: true },
  appType: 'custom',
  ssr: { resolve: { conditions: ['verge-source', 'node', 'import', 'default'] } },
});
const { startFixture } = await vite.ssrLoadModule('/e2e/fixture/server.ts');
const fixture = await startFixture(join(here, '..', 'dist'), Number(process.env.PORT ?? 7480));
console.log(`${fixture.url}  login: ${fixture.email} / ${fixture.password}`);
process.on(
  'SIGINT',
  () =>
    void fixture
      .close()
      .then(() => vite.close())
      .then(() => process.exit(0)),
);
