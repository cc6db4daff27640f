// A worker process that takes one job, reports an epoch and never ends: a test kills it.
// Arguments: backend (redis | postgres), its URL, the queue's name, the key prefix, the progress as JSON.
import { createPostgresBackend, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const [backend, url, name, prefix, progress] = process.argv.slice(2);
const pace = { prefix, lockDuration: 2000, stalledInterval: 500, maxStalledCount: 5 };
const processor = async (job) => {
  await job.updateProgress(JSON.parse(progress));
  process.stdout.write('working\n');
  await new Promise((resolve) => setTimeout(resolve, 3_600_000));
};
if (backend === 'redis') {
  new Worker(name, processor, { ...pace, connection: new Redis(url, { maxRetriesPerRequest: null }) });
} else {
  new Worker(name, processor, { ...pace, connection: { connectionString: url, migrate: true } }, createPostgresBackend);
}
