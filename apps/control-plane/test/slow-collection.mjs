// Collects blobs, slowly, until it is killed: says a line for each that it has deleted.
import { DirectoryBlobStore } from '@verge/blobs';
import { Collector } from '../dist/blobs/collection/collector.js';

const [, , databaseUrl, folder] = process.argv;
const store = new DirectoryBlobStore(folder);
const slow = Object.assign(Object.create(store), {
  delete: async (digest) => {
    const gone = await store.delete(digest);
    process.stdout.write(`${digest}\n`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    return gone;
  },
});
const collector = await Collector.open({ databaseUrl, store: slow, graceMs: 0, stopping: () => false });
await collector.run(false);
await collector.close();
